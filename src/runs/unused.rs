//! What no run needs: runs are deleted when they are asked to be, and blobs once they are old and no
//! list names them.
//!
//! A run that begins writes its list before it looks which blobs there are, and renews those that are
//! not young: a new version of the object. So what it needs is either young, or named by its list
//! while this looks for lists; and only the version that was looked at is removed.

use std::collections::HashSet;

use crate::aws::Version;
use crate::error::Result;
use crate::slurm::time;

use super::manifest::{self, Kind};
use super::store::{RunId, Runs};

/// Where blobs lie.
pub(super) const BLOBS: &str = "blobs/";

const HOUR: u64 = 3600;

/// A blob that is younger is not removed, in seconds.
const YOUNG: u64 = 48 * HOUR;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unused {
    /// How many blobs.
    pub blobs: usize,
    /// How many bytes these had.
    pub bytes: u64,
}

/// Returns whether a blob that was written at `modified` may be removed before a run that begins now
/// has written its list of what it needs.
pub(super) fn may_soon_go(modified: u64, now: u64) -> bool {
    now.saturating_sub(modified) > YOUNG / 2
}

/// Returns the versions that are not young any more.
fn old(mut blobs: Vec<Version>, now: u64) -> Vec<Version> {
    blobs.retain(|blob| now.saturating_sub(blob.modified) > YOUNG);
    blobs
}

/// Returns the versions that no list names.
fn not_needed(mut blobs: Vec<Version>, needed: &HashSet<String>) -> Vec<Version> {
    blobs.retain(|blob| {
        let name = blob.key.strip_prefix(BLOBS);
        name.is_some_and(|name| !needed.contains(name))
    });
    blobs
}

impl Runs {
    /// Deletes a run with its log and its outputs. That it is there goes first, and its list of inputs,
    /// by which a deletion that was cut off is gone on with, last.
    pub async fn delete(&self, run: &RunId) -> Result<()> {
        let prefix = format!("runs/{run}/");
        self.buckets
            .remove(&self.bucket, &format!("{prefix}run.json"))
            .await?;
        let list = format!("{prefix}in.ndjson");
        for is_last in [false, true] {
            let goes = |key: &str| is_last || key != list;
            self.buckets
                .sweep(&self.bucket, &prefix, goes, |_| {})
                .await?;
        }
        Ok(())
    }

    /// Deletes the blobs that no run needs and that are old, and what is left of runs that were cut off
    /// before they began.
    pub async fn delete_unused_blobs(&self) -> Result<Unused> {
        let now = time::now();
        self.delete_unbegun(now).await?;
        let all = self.buckets.versions(&self.bucket, BLOBS).await?;
        let old = old(all, now);
        // The lists are read after the blobs are looked at: who begins now has renewed what is old.
        let unused = match old.is_empty() {
            true => old,
            false => not_needed(old, &self.needed().await?),
        };
        self.buckets.remove_versions(&self.bucket, &unused).await?;
        Ok(Unused {
            blobs: unused.len(),
            bytes: unused.iter().map(|blob| blob.size).sum(),
        })
    }

    /// Deletes the lists of inputs of runs that never began.
    async fn delete_unbegun(&self, now: u64) -> Result<()> {
        for run in self.all().await? {
            let list = format!("runs/{run}/in.ndjson");
            let list = self.buckets.look(&self.bucket, &list).await?;
            let is_old = list.is_some_and(|it| now.saturating_sub(it.modified) > YOUNG);
            if is_old && self.find(&run).await?.is_none() {
                self.delete(&run).await?;
            }
        }
        Ok(())
    }

    /// Returns the blobs that runs need.
    async fn needed(&self) -> Result<HashSet<String>> {
        let mut needed = HashSet::new();
        for folder in self.buckets.folders(&self.bucket, "runs/").await? {
            let key = format!("runs/{folder}in.ndjson");
            let list = self
                .buckets
                .read(&self.bucket, &key)
                .await?
                .unwrap_or_default();
            for entry in manifest::read(list.as_slice())? {
                if let Kind::File { pieces, .. } = entry.kind {
                    needed.extend(pieces.into_iter().map(|piece| piece.0));
                }
            }
        }
        Ok(needed)
    }
}

#[cfg(test)]
mod tests {
    use crate::aws::recorded::holding;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn version(name: &str, id: &str, age: u64) -> Version {
        Version {
            key: format!("{BLOBS}{name}"),
            id: id.to_owned(),
            modified: NOW - age,
            size: 1,
        }
    }

    #[test]
    fn only_what_is_old_and_on_no_list_goes() {
        let blobs = vec![
            version("needed", "1", YOUNG + 1),
            version("unused", "2", YOUNG + 1),
            version("young", "3", YOUNG),
            version("just-sent", "4", 0),
        ];
        let needed = HashSet::from(["needed".to_owned()]);
        let gone = not_needed(old(blobs, NOW), &needed);
        assert_eq!(gone, [version("unused", "2", YOUNG + 1)]);
    }

    #[test]
    fn what_a_run_renews_is_left_to_it() {
        // Looked at before the run began, and by the run: it is old for both, and another version now.
        let (before, renewed) = (version("a", "1", YOUNG + 1), version("a", "2", 0));
        assert!(may_soon_go(before.modified, NOW));
        assert_eq!(old(vec![before.clone(), renewed], NOW), [before]);
        // What is young enough not to be renewed stays young for the time that a run takes to begin.
        let left = version("b", "3", YOUNG / 2);
        assert!(!may_soon_go(left.modified, NOW));
        assert_eq!(old(vec![left], NOW + YOUNG / 4), []);
    }

    #[tokio::test]
    async fn what_lists_name_is_needed() {
        let line = r#"{"path":"a","kind":"file","mode":420,"mtime_ns":0,"size":2,"sha256":"x",
            "pieces":[["one",0,1],["two",0,1]]}"#;
        let list =
            line.replace('\n', "") + "\n{\"path\":\"l\",\"kind\":\"link\",\"target\":\"t\"}\n";
        let key = "runs/20261128-104500-0a1b2c3d/in.ndjson".to_owned();
        let aws = holding(vec![(key, list.into_bytes())]).await;
        let runs = Runs::new(aws.buckets, "b".to_owned());
        let needed = runs.needed().await.unwrap();
        assert_eq!(needed, HashSet::from(["one".to_owned(), "two".to_owned()]));
    }
}
