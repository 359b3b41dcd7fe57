//! Sending blobs: those that the bucket lacks, several at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::aws::{Buckets, FilePart, Uploaded};
use crate::error::{Error, Result};
use crate::slurm::time;

use super::blobs::{Blob, Source};
use super::digests::changed;
use super::gather::Stamp;
use super::unused::{self, BLOBS};

/// Blobs under way at once: one connection alone does not fill a line.
const AT_ONCE: usize = 4;

/// How many blobs are looked at at once.
const LOOKS_AT_ONCE: usize = 8;

/// What the bucket lacks of blobs, and how far they have been sent.
#[derive(Debug)]
pub(super) struct Missing<'b> {
    blobs: Vec<(&'b Blob, Arc<AtomicU64>)>,
}

impl<'b> Missing<'b> {
    /// Looks which blobs the bucket lacks. The list that names them must be there already: from then
    /// on nobody removes one that is young, and those that are not are renewed here.
    pub(super) async fn look(
        buckets: &Buckets,
        bucket: &str,
        blobs: &'b [Blob],
    ) -> Result<Missing<'b>> {
        let looked = stream::iter(blobs).map(async |blob| {
            let key = key(blob);
            let Some(there) = buckets.look(bucket, &key).await? else {
                return Ok(Some(blob));
            };
            if there.size != blob.length() {
                return Ok(Some(blob));
            }
            if unused::may_soon_go(there.modified, time::now()) {
                buckets.renew(bucket, &key).await?;
            }
            Ok::<_, Error>(None)
        });
        let looked: Vec<_> = looked.buffered(LOOKS_AT_ONCE).try_collect().await?;
        let missing = looked.into_iter().flatten();
        Ok(Missing {
            blobs: missing.map(|blob| (blob, Arc::default())).collect(),
        })
    }

    /// Returns how many bytes they have.
    pub(super) fn length(&self) -> u64 {
        self.blobs.iter().map(|(blob, _)| blob.length()).sum()
    }

    /// Returns how many of these bytes have been sent.
    pub(super) fn sent(&self) -> u64 {
        let sent = self.blobs.iter();
        sent.map(|(_, sent)| sent.load(Ordering::Relaxed)).sum()
    }

    /// Sends them.
    pub(super) async fn send(&self, buckets: &Buckets, bucket: &str) -> Result<()> {
        stream::iter(&self.blobs)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, async |(blob, sent)| {
                let parts = blob.sources.iter().map(part).collect();
                let sha256 = bytes(&blob.sha256);
                let key = key(blob);
                let uploaded = buckets.upload(bucket, &key, parts, &sha256, sent);
                match uploaded.await? {
                    Uploaded::Whole => Ok(()),
                    Uploaded::Changed => Err(blame(blob)),
                }
            })
            .await
    }
}

/// Returns the object that a blob is.
pub(super) fn key(blob: &Blob) -> String {
    format!("{BLOBS}{}", blob.sha256)
}

fn part(source: &Source) -> FilePart {
    FilePart {
        path: source.path.clone(),
        offset: source.offset,
        length: source.length,
    }
}

/// Returns the error of a blob whose files are not what they were.
fn blame(blob: &Blob) -> Error {
    let is_changed = |source: &&Source| {
        let now = source.path.symlink_metadata();
        now.map_or(true, |now| Stamp::of(&now) != source.stamp)
    };
    let other = blob.sources.iter().find(is_changed);
    let source = other.or(blob.sources.first()).expect("a blob has bytes");
    changed(&source.path)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let bytes = digits.map(|two| {
        let two = std::str::from_utf8(two).expect("hexadecimal digits");
        u8::from_str_radix(two, 16).expect("hexadecimal digits")
    });
    bytes.collect()
}
