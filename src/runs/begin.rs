//! Beginning a run: its inputs are read, the list of them is written, what the bucket lacks is sent, and
//! what was asked for is written: then there is a run, which anybody can go on with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::slurm::time;
use crate::wait::within;

use super::blobs::{self, Blob};
use super::digests::{Digests, sha256};
use super::gather;
use super::manifest::{self, Entry, InnerPath, Kind};
use super::send::Missing;
use super::store::{Asked, RunId, Runs, Script};

/// How often it is told how far it is.
const TOLD: Duration = Duration::from_millis(250);

/// What a user asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the batch script is called.
    pub script_name: String,
    /// Its text.
    pub script: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The options of `sbatch`, by their long names.
    pub options: Vec<(String, String)>,
    /// Files and folders on this machine.
    pub inputs: Vec<PathBuf>,
    /// Objects in S3 that the job fetches itself.
    pub s3_inputs: Vec<String>,
    /// Patterns of what comes back.
    pub out: Vec<String>,
    /// The folder in which the job's own is made.
    pub work: String,
    /// Whether that stays after the job.
    pub keep_work: bool,
    /// The Slurm user.
    pub user: String,
}

/// How far the beginning of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staging {
    /// So many bytes of so many have been read.
    Reading(u64, u64),
    /// So many bytes of so many have been sent.
    Sending(u64, u64),
}

/// A run that has begun: its inputs are in the bucket, and its job is not submitted yet.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Its name.
    pub run: RunId,
    /// What was asked for.
    pub asked: Asked,
    /// How many files it is given.
    pub files: usize,
    /// How many bytes these have.
    pub bytes: u64,
    /// How many bytes the bucket lacked.
    pub sent: u64,
}

impl Runs {
    /// Begins a run of what lies in the folder `here`. `cache` is where digests of files are
    /// remembered; `tell` is told how far it is.
    pub async fn stage(
        &self,
        wanted: Wanted,
        here: &Path,
        cache: PathBuf,
        tell: impl Fn(Staging),
    ) -> Result<Begun> {
        let of_s3 = wanted.s3_inputs.iter().map(|url| s3_entry(url));
        let of_s3 = of_s3.collect::<Result<Vec<_>>>()?;
        let (mut entries, blobs) = read(&wanted.inputs, here, cache, &tell).await?;
        entries.extend(of_s3);
        let sizes = entries.iter().filter_map(|entry| match entry.kind {
            Kind::File { size, .. } => Some(size),
            _ => None,
        });
        let (files, bytes) = sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size));
        let inputs = manifest::write(&entries);
        let mut asked = Asked {
            script: Script {
                name: wanted.script_name,
                sha256: sha256(wanted.script.as_bytes()),
            },
            arguments: wanted.arguments,
            options: wanted.options,
            inputs_sha256: sha256(&inputs),
            out: wanted.out,
            work: wanted.work,
            keep_work: wanted.keep_work,
            user: wanted.user,
            created: time::now(),
            trigger: None,
            sha256: String::new(),
        };
        let run = self.announce(inputs).await?;
        let sent = self.send(&blobs, &tell).await?;
        self.begin(&run, &mut asked, &wanted.script).await?;
        Ok(Begun {
            run,
            asked,
            files,
            bytes,
            sent,
        })
    }

    /// Sends what the bucket lacks, and returns how many bytes that was.
    async fn send(&self, blobs: &[Blob], tell: &impl Fn(Staging)) -> Result<u64> {
        let missing = Missing::look(&self.buckets, &self.bucket, blobs).await?;
        let all = missing.length();
        let sending = std::pin::pin!(missing.send(&self.buckets, &self.bucket));
        telling(sending, || tell(Staging::Sending(missing.sent(), all))).await?;
        Ok(all)
    }
}

/// Finds and reads the inputs.
async fn read(
    inputs: &[PathBuf],
    here: &Path,
    cache: PathBuf,
    tell: &impl Fn(Staging),
) -> Result<(Vec<Entry>, Vec<Blob>)> {
    let (inputs, here) = (inputs.to_vec(), here.to_owned());
    let (all, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (total, count) = (Arc::clone(&all), Arc::clone(&done));
    let reading = tokio::task::spawn_blocking(move || {
        let found = gather::gather(&inputs, &here)?;
        total.store(gather::length(&found), Ordering::Relaxed);
        let mut digests = Digests::remembered(cache);
        let progress = |bytes| {
            count.fetch_add(bytes, Ordering::Relaxed);
        };
        let planned = blobs::plan(&found, &mut digests, &progress)?;
        digests.save()?;
        Ok(planned)
    });
    let far = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let read = telling(reading, || tell(Staging::Reading(far(&done), far(&all)))).await;
    read.map_err(|error| Error::failed("the reading of the inputs broke off").because(error))?
}

/// Works, and tells again and again how far it is.
async fn telling<T>(mut work: impl Future<Output = T> + Unpin, tell: impl Fn()) -> T {
    loop {
        match within(TOLD, &mut work).await {
            Some(done) => return done,
            None => tell(),
        }
    }
}

/// Returns the line of objects in S3: they lie under the last part of their name.
fn s3_entry(url: &str) -> Result<Entry> {
    let bad = || {
        Error::usage(format!("`{url}` names nothing in S3"))
            .hint("for example: --in s3://bucket/folder/ or --in s3://bucket/file")
    };
    let place = url.strip_prefix("s3://").ok_or_else(bad)?;
    let (bucket, key) = place.split_once('/').ok_or_else(bad)?;
    let name = key
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    if bucket.is_empty() || name.is_empty() {
        return Err(bad());
    }
    Ok(Entry {
        path: InnerPath::try_from(name.to_owned()).map_err(|_| bad())?,
        kind: Kind::S3 {
            url: url.to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_s3_lies_under_its_last_name() {
        let path = |url: &str| s3_entry(url).map(|entry| entry.path.to_string());
        assert_eq!(path("s3://b/x/reads/").unwrap(), "reads");
        assert_eq!(path("s3://b/x/a.txt").unwrap(), "a.txt");
        for bad in [
            "s3://b",
            "s3://b/",
            "s3:///x",
            "http://b/x",
            "s3://b/..",
            "s3://b/x/.",
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
