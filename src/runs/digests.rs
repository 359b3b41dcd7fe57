//! SHA-256 of files, side by side, and remembered on this machine for as long as a file is not
//! changed: device, number, size and times tell.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{Context as Digest, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Error, Result};
use crate::files;

use super::gather::Stamp;

/// How much of a file is read at once.
const BUFFER: usize = 128 << 10;

/// A file that was changed so shortly ago may change again without another time.
const SETTLED_NS: i64 = 2_000_000_000;

/// More than so many are not remembered: the file that holds them is read at every run.
const REMEMBERED: usize = 200_000;

/// What is known of the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// Of the whole file.
    pub(super) sha256: String,
    /// Of each part of it, where it is cut.
    pub(super) parts: Vec<String>,
}

/// What is remembered of earlier runs.
#[derive(Debug, Default)]
pub(super) struct Digests {
    file: PathBuf,
    files: HashMap<String, Content>,
    /// The digest of files one after the other, by the digest of their digests.
    joined: HashMap<String, String>,
    is_changed: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Remembered {
    files: HashMap<String, Content>,
    joined: HashMap<String, String>,
}

impl Digests {
    /// Reads what is remembered in `file`; what is damaged is forgotten.
    pub(super) fn remembered(file: PathBuf) -> Digests {
        let text = std::fs::read(&file).unwrap_or_default();
        let remembered: Remembered = serde_json::from_slice(&text).unwrap_or_default();
        Digests {
            file,
            files: remembered.files,
            joined: remembered.joined,
            is_changed: false,
        }
    }

    /// Remembers all of it.
    pub(super) fn save(self) -> Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let forgets = self.files.len() > REMEMBERED || self.joined.len() > REMEMBERED;
        let remembered = match forgets {
            true => Remembered::default(),
            false => Remembered {
                files: self.files,
                joined: self.joined,
            },
        };
        let text = serde_json::to_vec(&remembered).expect("plain data");
        files::write_private(&self.file, &text)
    }

    /// Returns the content of files, whose parts have `part` bytes; `progress` is told how many bytes
    /// were read.
    pub(super) fn of_files(
        &mut self,
        wanted: &[(&Path, Stamp)],
        part: u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Content>> {
        let known: Vec<_> = wanted
            .iter()
            .map(|(_, stamp)| self.files.get(&key(*stamp)).cloned())
            .collect();
        let found = side_by_side(wanted.len(), |at| match &known[at] {
            Some(content) => Ok(content.clone()),
            None => read(wanted[at].0, wanted[at].1, part, progress),
        })?;
        let now = now_ns();
        for (at, (_, stamp)) in wanted.iter().enumerate() {
            let has_settled = now.saturating_sub(stamp.ctime_ns) > SETTLED_NS;
            if known[at].is_none() && has_settled {
                self.files.insert(key(*stamp), found[at].clone());
                self.is_changed = true;
            }
        }
        Ok(found)
    }

    /// Returns the digests of groups of files, each as if they were one file; a group is given with the
    /// digests of its files.
    pub(super) fn of_groups(&mut self, groups: &[Vec<(&Path, &str)>]) -> Result<Vec<String>> {
        let keys: Vec<_> = groups
            .iter()
            .map(|group| {
                let mut digest = Digest::new(&SHA256);
                group
                    .iter()
                    .for_each(|(_, sha256)| digest.update(sha256.as_bytes()));
                hex(digest.finish())
            })
            .collect();
        let known: Vec<_> = keys.iter().map(|key| self.joined.get(key)).collect();
        let found = side_by_side(groups.len(), |at| match (known[at], &groups[at][..]) {
            (Some(sha256), _) => Ok(sha256.clone()),
            (None, [(_, alone)]) => Ok((*alone).to_owned()),
            (None, group) => join(group.iter().map(|(path, _)| *path)),
        })?;
        for (key, sha256) in keys.into_iter().zip(&found) {
            let before = self.joined.insert(key, sha256.clone());
            self.is_changed |= before.is_none();
        }
        Ok(found)
    }
}

/// Returns the digest of a file.
pub(super) fn of_file(path: &Path) -> Result<String> {
    join(std::iter::once(path))
}

/// Works on so many things, as many at once as there are processors; ends at the first failure.
pub(super) fn side_by_side<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let failure = Mutex::new(None);
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(count);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    match work(at) {
                        Ok(one) => done.lock().expect("nobody panics").push((at, one)),
                        Err(error) => {
                            next.store(count, Ordering::Relaxed);
                            failure.lock().expect("nobody panics").get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().expect("nobody panics") {
        return Err(error);
    }
    let mut done = done.into_inner().expect("nobody panics");
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, one)| one).collect())
}

/// Reads a file once, and fails when it is not the one that was found.
fn read(path: &Path, stamp: Stamp, part: u64, progress: &dyn Fn(u64)) -> Result<Content> {
    let failed = || format!("cannot read `{}`", path.display());
    let mut file = File::open(path).doing(failed)?;
    let (mut whole, mut current) = (Digest::new(&SHA256), Digest::new(&SHA256));
    let (mut parts, mut in_part, mut length) = (Vec::new(), 0, 0);
    let is_cut = stamp.size > part;
    let mut buffer = vec![0; BUFFER];
    loop {
        let most = usize::try_from(part - in_part)
            .unwrap_or(BUFFER)
            .min(BUFFER);
        let read = file.read(&mut buffer[..most]).doing(failed)?;
        if read == 0 {
            break;
        }
        whole.update(&buffer[..read]);
        length += read as u64;
        progress(read as u64);
        if is_cut {
            current.update(&buffer[..read]);
        }
        in_part += read as u64;
        if in_part == part {
            let part = std::mem::replace(&mut current, Digest::new(&SHA256));
            parts.push(hex(part.finish()));
            in_part = 0;
        }
    }
    if in_part > 0 {
        parts.push(hex(current.finish()));
    }
    let now = Stamp::of(&file.metadata().doing(failed)?);
    if length != stamp.size || now != stamp {
        return Err(changed(path));
    }
    let sha256 = hex(whole.finish());
    if !is_cut {
        parts = vec![sha256.clone()];
    }
    Ok(Content { sha256, parts })
}

fn join<'p>(files: impl Iterator<Item = &'p Path>) -> Result<String> {
    let mut digest = Digest::new(&SHA256);
    let mut buffer = vec![0; BUFFER];
    for path in files {
        let failed = || format!("cannot read `{}`", path.display());
        let mut file = File::open(path).doing(failed)?;
        loop {
            let read = file.read(&mut buffer).doing(failed)?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
        }
    }
    Ok(hex(digest.finish()))
}

/// Returns the error of a file that was changed while it was sent.
pub(super) fn changed(path: &Path) -> Error {
    Error::failed(format!(
        "`{}` was changed while it was sent",
        path.display()
    ))
    .hint("run it again once nothing writes to it")
}

/// Returns the SHA-256 of bytes in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes))
}

/// Returns a digest in hexadecimal digits.
fn hex(digest: impl AsRef<[u8]>) -> String {
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn key(stamp: Stamp) -> String {
    let Stamp {
        device,
        inode,
        size,
        mtime_ns,
        ctime_ns,
        mode: _,
    } = stamp;
    format!("{device:x}-{inode:x}-{size:x}-{mtime_ns:x}-{ctime_ns:x}")
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PART: u64 = 4;

    fn sha(text: &str) -> String {
        sha256(text.as_bytes())
    }

    fn stamp(path: &Path) -> Stamp {
        Stamp::of(&fs::metadata(path).unwrap())
    }

    #[test]
    fn parts_and_wholes_are_those_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let cases = ["", "abc", "abcd", "abcde", "abcdabcdab"];
        let paths: Vec<_> = (0..cases.len())
            .map(|at| folder.path().join(at.to_string()))
            .collect();
        for (path, text) in paths.iter().zip(cases) {
            fs::write(path, text).unwrap();
        }
        let wanted: Vec<_> = paths.iter().map(|it| (it.as_path(), stamp(it))).collect();
        let mut digests = Digests::default();
        let contents = digests.of_files(&wanted, PART, &|_| ()).unwrap();
        for (content, text) in contents.iter().zip(cases) {
            let parts = text.as_bytes().chunks(4).map(sha256);
            let parts: Vec<_> = parts.collect();
            assert_eq!(content.sha256, sha(text));
            assert_eq!(
                content.parts,
                if text.is_empty() {
                    vec![sha("")]
                } else {
                    parts
                }
            );
        }
        let group: Vec<_> = wanted
            .iter()
            .zip(&contents)
            .map(|((path, _), content)| (*path, content.sha256.as_str()))
            .collect();
        assert_eq!(digests.of_groups(&[group]).unwrap(), [sha(&cases.concat())]);
    }

    #[test]
    fn a_file_is_read_again_only_when_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cache) = (folder.path().join("x"), folder.path().join("cache"));
        fs::write(&path, "abc").unwrap();
        let mut old = stamp(&path);
        let read = |stamp: Stamp| {
            let bytes = std::sync::atomic::AtomicU64::new(0);
            let mut digests = Digests::remembered(cache.clone());
            let count = |read| {
                bytes.fetch_add(read, Ordering::Relaxed);
            };
            let found = digests.of_files(&[(&path, stamp)], PART, &count);
            digests.save().unwrap();
            (
                found.map(|found| found[0].sha256.clone()),
                bytes.into_inner(),
            )
        };
        // What was just written may change again within the same tick of the clock.
        assert_eq!(read(old).1, 3);
        assert_eq!(read(old).1, 3);
        old.ctime_ns -= 10 * SETTLED_NS;
        assert!(
            read(old).0.is_err(),
            "another file than the one that was found"
        );
        let mut digests = Digests::remembered(cache.clone());
        let content = Content {
            sha256: sha("abc"),
            parts: vec![sha("abc")],
        };
        digests.files.insert(key(old), content);
        digests.is_changed = true;
        digests.save().unwrap();
        let (found, bytes) = read(old);
        assert_eq!((found.unwrap(), bytes), (sha("abc"), 0));
        fs::write(&cache, "damaged").unwrap();
        assert_eq!(read(stamp(&path)).1, 3);
    }
}
