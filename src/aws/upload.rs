//! Objects from parts of local files, without holding them: S3 checks what it got by its SHA-256.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::error::Result;

use super::bucket::Buckets;
use super::error::{is_code, service};

/// How much of a file is read at once.
const CHUNK: u64 = 128 << 10;

/// A part of a local file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// The file.
    pub path: PathBuf,
    /// Where the part begins.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The object is there.
    Whole,
    /// The files do not have the bytes that they are said to have.
    Changed,
}

impl Buckets {
    /// Writes an object of the bytes of `parts`, one after the other, whose SHA-256 this is. `sent` is
    /// how many of them are on their way.
    pub async fn upload(
        &self,
        bucket: &str,
        key: &str,
        parts: Vec<FilePart>,
        sha256: &[u8],
        sent: &Arc<AtomicU64>,
    ) -> Result<Uploaded> {
        let length: u64 = parts.iter().map(|part| part.length).sum();
        let (parts, sent): (Arc<[FilePart]>, _) = (parts.into(), Arc::clone(sent));
        let body = SdkBody::retryable(move || {
            sent.store(0, Ordering::Relaxed);
            SdkBody::from_body_1_x(Parts::new(Arc::clone(&parts), Arc::clone(&sent)))
        });
        let asked = self.0.put_object().bucket(bucket).key(key);
        let asked = asked
            .content_length(i64::try_from(length).unwrap_or(i64::MAX))
            .checksum_sha256(STANDARD.encode(sha256))
            .body(ByteStream::new(body));
        match asked.send().await {
            Ok(_) => Ok(Uploaded::Whole),
            Err(error) if is_code(&error, &["BadDigest", "IncompleteBody"]) => {
                Ok(Uploaded::Changed)
            }
            Err(error) => {
                let is_short = std::error::Error::source(&error).is_some_and(is_short);
                match is_short {
                    true => Ok(Uploaded::Changed),
                    false => Err(service(format!("cannot write s3://{bucket}/{key}"), error)),
                }
            }
        }
    }
}

/// Returns whether a file had fewer bytes than it was said to have.
fn is_short(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_files = error.downcast_ref::<io::Error>();
    of_files.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
        || error.source().is_some_and(is_short)
}

/// The bytes of parts, as they are read.
struct Parts {
    parts: Arc<[FilePart]>,
    /// Which part comes next.
    next: usize,
    current: Option<(File, u64)>,
    sent: Arc<AtomicU64>,
    left: u64,
}

impl Parts {
    fn new(parts: Arc<[FilePart]>, sent: Arc<AtomicU64>) -> Parts {
        let left = parts.iter().map(|part| part.length).sum();
        Parts {
            parts,
            next: 0,
            current: None,
            sent,
            left,
        }
    }

    /// Reads what comes next; `None` at the end.
    fn read(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some((file, left)) = &mut self.current
                && *left > 0
            {
                let most = usize::try_from(CHUNK.min(*left)).unwrap_or(usize::MAX);
                let mut chunk = vec![0; most];
                file.read_exact(&mut chunk)?;
                *left -= most as u64;
                self.left -= most as u64;
                self.sent.fetch_add(most as u64, Ordering::Relaxed);
                return Ok(Some(chunk.into()));
            }
            let Some(part) = self.parts.get(self.next) else {
                return Ok(None);
            };
            let mut file = File::open(&part.path)?;
            file.seek(SeekFrom::Start(part.offset))?;
            self.current = Some((file, part.length));
            self.next += 1;
        }
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    // A read of so few bytes is over sooner than it would be handed to another thread.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.read().map(|bytes| bytes.map(Frame::data)).transpose())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, offset, length| {
            let path = folder.path().join(name);
            std::fs::write(&path, "0123456789").unwrap();
            FilePart {
                path,
                offset,
                length,
            }
        };
        let read = |parts: Vec<FilePart>| {
            let sent = Arc::new(AtomicU64::new(0));
            let mut body = Parts::new(parts.into(), Arc::clone(&sent));
            let mut all = Vec::new();
            while let Some(chunk) = body.read()? {
                all.extend(chunk);
            }
            assert_eq!(all.len() as u64, sent.load(Ordering::Relaxed));
            Ok::<_, io::Error>(all)
        };
        let parts = vec![part("a", 2, 3), part("b", 0, 0), part("c", 9, 1)];
        assert_eq!(read(parts).unwrap(), b"2349");
        let error = read(vec![part("a", 5, 6)]).unwrap_err();
        assert!(is_short(&error));
    }
}
