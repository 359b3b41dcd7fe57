//! Lists of files in the bucket: a line of JSON for each file, folder and link, with where its bytes
//! lie. Whoever writes one may be hostile: a path in it never leads out of the folder it is for.

use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest path, in bytes: Linux takes no longer one.
const LONGEST: usize = 4095;

/// A path in UTF-8 below some folder: no step up, nothing empty, not absolute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InnerPath(String);

impl InnerPath {
    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the paths of the folders that it lies in, outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// Returns where it lies below `folder`.
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }
}

impl TryFrom<String> for InnerPath {
    type Error = Error;

    fn try_from(path: String) -> Result<InnerPath> {
        let is_good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match path.len() <= LONGEST && path.split('/').all(is_good) {
            true => Ok(InnerPath(path)),
            false => Err(Error::failed(format!("{path:?} is no path below a folder"))),
        }
    }
}

impl From<InnerPath> for String {
    fn from(path: InnerPath) -> String {
        path.0
    }
}

impl fmt::Display for InnerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes of a file: the name of an object, an offset in it and a length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece(pub String, pub u64, pub u64);

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    File {
        /// Its permission bits.
        mode: u32,
        /// When it was changed last, in nanoseconds since 1970.
        mtime_ns: i64,
        /// How many bytes it has.
        size: u64,
        /// The SHA-256 of its bytes, in hexadecimal digits.
        sha256: String,
        /// Where its bytes lie, in their order.
        pieces: Vec<Piece>,
    },
    /// A folder, which may be empty.
    Folder {
        /// Its permission bits.
        mode: u32,
        /// When it was changed last, in nanoseconds since 1970.
        mtime_ns: i64,
    },
    /// A symbolic link.
    Link {
        /// What it says, whatever that is.
        target: String,
    },
    /// Objects in S3 that the node fetches itself.
    S3 {
        /// An object, or, with `/` at its end, all below it.
        url: String,
    },
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it lies.
    pub path: InnerPath,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// Returns a list as it lies in the bucket.
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry).expect("plain data");
        text.push(b'\n');
    }
    text
}

/// Reads a list.
pub fn read(text: impl BufRead) -> Result<Vec<Entry>> {
    let damaged = "a list of files in the bucket is damaged";
    text.split(b'\n')
        .map(|line| {
            let line = line.map_err(|error| Error::failed(damaged).because(error))?;
            serde_json::from_slice(&line).map_err(|error| Error::failed(damaged).because(error))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Result<InnerPath> {
        InnerPath::try_from(text.to_owned())
    }

    #[test]
    fn a_path_stays_in_its_folder() {
        for good in ["a", "a/b", "-rf", "a\n$(id)'\"", "...", "a b/.hidden", " "] {
            assert_eq!(path(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(LONGEST + 1);
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a\0", &long,
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        let parents = path("a/b/c").unwrap();
        assert_eq!(parents.parents().collect::<Vec<_>>(), ["a", "a/b"]);
    }

    #[test]
    fn what_leads_out_of_the_folder_is_no_list() {
        let text = r#"{"path":"a/../../b","kind":"link","target":"x"}"#;
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    proptest! {
        #[test]
        fn a_list_reads_as_it_was_written(
            names in proptest::collection::vec("[^/\0]{1,20}", 1..5),
            size in any::<u64>(),
            mtime_ns in any::<i64>(),
        ) {
            let Ok(path) = path(&names.join("/")) else { return Ok(()) };
            let pieces = vec![Piece("a".repeat(64), 7, size)];
            let sha256 = "b".repeat(64);
            let kinds = [
                Kind::File { mode: 0o644, mtime_ns, size, sha256, pieces },
                Kind::Folder { mode: 0o755, mtime_ns },
                Kind::Link { target: names.concat() },
                Kind::S3 { url: "s3://b/k/".to_owned() },
            ];
            let entries = kinds.map(|kind| Entry { path: path.clone(), kind });
            prop_assert_eq!(read(write(&entries).as_slice()).unwrap(), entries);
        }
    }
}
