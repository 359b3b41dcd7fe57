//! How files become blobs, the objects that hold their bytes: small files lie one after the other in
//! one, large ones are cut into several. A blob is named by its content, and written once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;

use super::digests::{Content, Digests};
use super::gather::{Found, FoundKind, Stamp};
use super::manifest::{Entry, InnerPath, Kind, Piece};

/// The longest blob. A node fetches each by a process of the AWS CLI, which takes half a second to
/// start: fewer and longer ones are faster there, and more of the same can be fetched at once.
pub(super) const LONGEST: u64 = 64 << 20;

/// A file from so many bytes on has blobs of its own.
const LARGE: u64 = 16 << 20;

/// A blob of small files may end from so many bytes on.
const SHORTEST: u64 = 8 << 20;

/// A part of a file on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Bytes that are one object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) sha256: String,
    /// Where they come from, in their order.
    pub(super) sources: Vec<Source>,
}

impl Blob {
    /// Returns how many bytes it has.
    pub(super) fn length(&self) -> u64 {
        self.sources.iter().map(|source| source.length).sum()
    }
}

/// A file, with what is known of it.
struct Known<'f> {
    path: &'f Path,
    stamp: Stamp,
    content: Content,
}

/// Returns the list of all that was found, and the blobs with their bytes, each once. `progress` is
/// told how many bytes were read.
pub(super) fn plan(
    found: &BTreeMap<InnerPath, Found>,
    digests: &mut Digests,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Vec<Entry>, Vec<Blob>)> {
    let files: Vec<_> = found.values().filter_map(file).collect();
    let contents = digests.of_files(&files, LONGEST, progress)?;
    let files: Vec<_> = files
        .into_iter()
        .zip(contents)
        .map(|((path, stamp), content)| Known {
            path,
            stamp,
            content,
        })
        .collect();
    let mut blobs = BTreeMap::new();
    let mut pieces = vec![Vec::new(); files.len()];
    for (at, file) in files.iter().enumerate() {
        if file.stamp.size >= LARGE {
            pieces[at] = cut(file, &mut blobs);
        }
    }
    join(&files, digests, &mut blobs, &mut pieces)?;
    let mut files = files.into_iter().zip(pieces);
    let mut entry = |(path, found): (&InnerPath, &Found)| Entry {
        path: path.clone(),
        kind: match &found.kind {
            FoundKind::Folder(mode, mtime_ns) => Kind::Folder {
                mode: *mode,
                mtime_ns: *mtime_ns,
            },
            FoundKind::Link(target) => Kind::Link {
                target: target.clone(),
            },
            FoundKind::File(stamp) => {
                let (file, pieces) = files.next().expect("as many as were found");
                Kind::File {
                    mode: stamp.mode,
                    mtime_ns: stamp.mtime_ns,
                    size: stamp.size,
                    sha256: file.content.sha256,
                    pieces,
                }
            }
        },
    };
    let entries = found.iter().map(&mut entry).collect();
    Ok((entries, blobs.into_values().collect()))
}

fn file(found: &Found) -> Option<(&Path, Stamp)> {
    match found.kind {
        FoundKind::File(stamp) => Some((found.source.as_path(), stamp)),
        FoundKind::Folder(..) | FoundKind::Link(_) => None,
    }
}

/// Cuts a large file into blobs.
fn cut(file: &Known<'_>, blobs: &mut BTreeMap<String, Blob>) -> Vec<Piece> {
    let mut offset = 0;
    let mut pieces = Vec::new();
    for sha256 in &file.content.parts {
        let length = LONGEST.min(file.stamp.size - offset);
        blobs.entry(sha256.clone()).or_insert_with(|| Blob {
            sha256: sha256.clone(),
            sources: vec![source(file, offset, length)],
        });
        pieces.push(Piece(sha256.clone(), 0, length));
        offset += length;
    }
    pieces
}

/// Joins small files to blobs.
fn join(
    files: &[Known<'_>],
    digests: &mut Digests,
    blobs: &mut BTreeMap<String, Blob>,
    pieces: &mut [Vec<Piece>],
) -> Result<()> {
    let groups = groups(files);
    let members: Vec<Vec<_>> = groups
        .iter()
        .map(|group| {
            let files = group.iter().map(|at| &files[*at]);
            files
                .map(|file| (file.path, file.content.sha256.as_str()))
                .collect()
        })
        .collect();
    let found = digests.of_groups(&members)?;
    for (group, sha256) in groups.iter().zip(found) {
        let mut offset = 0;
        for at in group {
            let length = files[*at].stamp.size;
            pieces[*at] = vec![Piece(sha256.clone(), offset, length)];
            offset += length;
        }
        let sources = group
            .iter()
            .map(|at| source(&files[*at], 0, files[*at].stamp.size));
        let blob = Blob {
            sha256: sha256.clone(),
            sources: sources.collect(),
        };
        blobs.entry(sha256).or_insert(blob);
    }
    Ok(())
}

/// Returns which small files lie in one blob, by their numbers. A blob ends after a file whose digest
/// says so, so that a file that comes, goes or changes leaves most blobs as they are.
fn groups(files: &[Known<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut length = LONGEST;
    for (at, file) in files.iter().enumerate() {
        let size = file.stamp.size;
        if size == 0 || size >= LARGE {
            continue;
        }
        if length + size > LONGEST {
            groups.push(Vec::new());
            length = 0;
        }
        groups.last_mut().expect("one was begun").push(at);
        length += size;
        if length >= SHORTEST && file.content.sha256.starts_with('0') {
            length = LONGEST;
        }
    }
    groups
}

fn source(file: &Known<'_>, offset: u64, length: u64) -> Source {
    Source {
        path: file.path.to_owned(),
        stamp: file.stamp,
        offset,
        length,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use proptest::prelude::*;

    use super::super::digests::sha256;
    use super::super::gather::gather;
    use super::*;

    /// Returns the bytes of each blob, read from where they come from.
    fn bytes(blobs: &[Blob]) -> BTreeMap<String, Vec<u8>> {
        let read = |source: &Source| {
            let all = fs::read(&source.path).unwrap();
            let from = usize::try_from(source.offset).unwrap();
            all[from..from + usize::try_from(source.length).unwrap()].to_vec()
        };
        let of = |blob: &Blob| {
            let bytes: Vec<u8> = blob.sources.iter().flat_map(read).collect();
            assert_eq!(sha256(&bytes), blob.sha256);
            (blob.sha256.clone(), bytes)
        };
        blobs.iter().map(of).collect()
    }

    fn planned(folder: &Path) -> (Vec<Entry>, Vec<Blob>) {
        let found = gather(&[PathBuf::from(".")], folder).unwrap();
        plan(&found, &mut Digests::default(), &|_| ()).unwrap()
    }

    /// Fails unless the pieces of each file are the file.
    fn require_whole(folder: &Path, entries: &[Entry], blobs: &[Blob]) {
        let bytes = bytes(blobs);
        for entry in entries {
            let Kind::File { pieces, size, .. } = &entry.kind else {
                continue;
            };
            let mut joined = Vec::new();
            for Piece(blob, offset, length) in pieces {
                let from = usize::try_from(*offset).unwrap();
                let to = from + usize::try_from(*length).unwrap();
                joined.extend_from_slice(&bytes[blob][from..to]);
            }
            assert_eq!(joined.len() as u64, *size);
            assert!(
                joined == fs::read(entry.path.below(folder)).unwrap(),
                "{}",
                entry.path
            );
        }
    }

    #[test]
    fn large_files_are_cut_and_small_ones_joined() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| {
            fs::write(folder.path().join(name), text).unwrap();
        };
        // Without blocks on the disk, but for the last.
        for name in ["large", "same"] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_len(LONGEST).unwrap();
            file.write_all_at(b"other", LONGEST).unwrap();
        }
        for name in ["a", "b", "c"] {
            write(name, name.repeat(1000).as_bytes());
        }
        write("empty", b"");
        let (entries, blobs) = planned(folder.path());
        require_whole(folder.path(), &entries, &blobs);
        // What is there twice is sent once.
        let mut lengths: Vec<_> = blobs.iter().map(Blob::length).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, [5, 3000, LONGEST]);
    }

    #[test]
    fn a_changed_file_leaves_other_blobs_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..300 {
            let text = format!("{number:06}").repeat(20_000);
            fs::write(folder.path().join(format!("{number:03}")), text).unwrap();
        }
        let names = |blobs: Vec<Blob>| -> Vec<String> {
            blobs.into_iter().map(|blob| blob.sha256).collect()
        };
        let before = names(planned(folder.path()).1);
        fs::write(folder.path().join("150"), "other").unwrap();
        fs::remove_file(folder.path().join("010")).unwrap();
        let after = names(planned(folder.path()).1);
        let new = after.iter().filter(|blob| !before.contains(blob)).count();
        assert!(
            before.len() >= 3 && new <= 2,
            "{new} of {} are new",
            after.len()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn whatever_their_lengths_files_are_their_pieces(
            lengths in proptest::collection::vec(0_usize..3000, 0..40),
        ) {
            let folder = tempfile::tempdir().unwrap();
            for (at, length) in lengths.iter().enumerate() {
                let text = at.to_string().bytes().cycle().take(*length).collect::<Vec<_>>();
                fs::write(folder.path().join(at.to_string()), text).unwrap();
            }
            let (entries, blobs) = planned(folder.path());
            require_whole(folder.path(), &entries, &blobs);
        }
    }
}
