//! What no run needs: runs are deleted when they are asked to be, and blobs once they are old and no
//! list names them.
//!
//! A run that begins writes its list before it looks which blobs there are, and renews those that are
//! not young: a new version of the object. So what it needs is either young, or named by its list
//! while this looks for lists; and only the version that was looked at is removed.

use std::collections::HashSet;

use crate::error::Result;
use crate::slurm::time;

use super::manifest::{self, Kind};
use super::store::{RunId, Runs};

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

impl Runs {
    /// Deletes a run with its log and its outputs. That it is there goes first, and its list of inputs
    /// last.
    pub async fn delete(&self, run: &RunId) -> Result<()> {
        let prefix = format!("runs/{run}/");
        self.buckets
            .remove(&self.bucket, &format!("{prefix}run.json"))
            .await?;
        let all = |_: &str| true;
        self.buckets
            .sweep(&self.bucket, &prefix, all, |_| {})
            .await?;
        Ok(())
    }

    /// Deletes the blobs that no run needs and that are old, and what is left of runs that were cut off
    /// before they began.
    pub async fn delete_unused_blobs(&self) -> Result<Unused> {
        let now = time::now();
        self.delete_unbegun(now).await?;
        let mut old = self.buckets.versions(&self.bucket, "blobs/").await?;
        old.retain(|blob| now.saturating_sub(blob.modified) > YOUNG);
        if old.is_empty() {
            return Ok(Unused::default());
        }
        let needed = self.needed().await?;
        old.retain(|blob| !needed.contains(blob.key.trim_start_matches("blobs/")));
        let unused = Unused {
            blobs: old.len(),
            bytes: old.iter().map(|blob| blob.size).sum(),
        };
        self.buckets.remove_versions(&self.bucket, &old).await?;
        Ok(unused)
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
