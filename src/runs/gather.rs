//! The files that a run is given: found where the user named them, in the order of their paths.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use ignore::WalkBuilder;

use crate::error::{Context as _, Error, Result};

use super::manifest::InnerPath;

/// The file that says what is left out, in the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".hpcapiignore";

/// Something on this machine that goes to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) source: PathBuf,
    /// What it is.
    pub(super) kind: FoundKind,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FoundKind {
    /// A file.
    File(Stamp),
    /// A folder: its permission bits, and when it was changed last.
    Folder(u32, i64),
    /// A symbolic link, with what it says.
    Link(String),
}

/// What tells whether a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The device that it lies on.
    pub(super) device: u64,
    /// Its number on that.
    pub(super) inode: u64,
    /// How many bytes it has.
    pub(super) size: u64,
    /// When its content was changed last, in nanoseconds since 1970.
    pub(super) mtime_ns: i64,
    /// When anything of it was changed last: nobody can set that back.
    pub(super) ctime_ns: i64,
    /// Its permission bits.
    pub(super) mode: u32,
}

impl Stamp {
    /// Returns that of a file.
    pub(super) fn of(file: &Metadata) -> Stamp {
        Stamp {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            mtime_ns: nanoseconds(file.mtime(), file.mtime_nsec()),
            ctime_ns: nanoseconds(file.ctime(), file.ctime_nsec()),
            mode: file.mode() & 0o777,
        }
    }
}

/// Finds all that lies below `roots`, which are as the user typed them in the folder `here`: a path
/// below it stays as it is, of any other the last part is the name.
pub(super) fn gather(roots: &[PathBuf], here: &Path) -> Result<BTreeMap<InnerPath, Found>> {
    let mut all = BTreeMap::new();
    for root in roots {
        let name = name_of(root)?;
        let source = here.join(root);
        let meta = source
            .symlink_metadata()
            .doing(|| format!("cannot send `{}`", root.display()))?;
        if meta.is_dir() {
            walk(&source, &name, &mut all)?;
        } else {
            add(source, name, &meta, &mut all)?;
        }
    }
    Ok(all)
}

/// Returns how many bytes the files have.
pub(super) fn length(found: &BTreeMap<InnerPath, Found>) -> u64 {
    let sizes = found.values().map(|found| match found.kind {
        FoundKind::File(stamp) => stamp.size,
        FoundKind::Folder(..) | FoundKind::Link(_) => 0,
    });
    sizes.sum()
}

/// Returns what a path is called on the cluster; `None` for the folder where it was typed.
fn name_of(root: &Path) -> Result<Option<PathBuf>> {
    let parts = root.components().filter(|part| *part != Component::CurDir);
    let parts: Vec<_> = parts.collect();
    let is_below = parts
        .iter()
        .all(|part| matches!(part, Component::Normal(_)));
    if is_below {
        return Ok((!parts.is_empty()).then(|| parts.iter().collect()));
    }
    let last = root.file_name().map(PathBuf::from);
    last.map(Some).ok_or_else(|| {
        Error::usage(format!("`{}` has no name to be sent under", root.display()))
            .hint("name a folder or a file in it: --in data")
    })
}

fn walk(folder: &Path, name: &Option<PathBuf>, all: &mut BTreeMap<InnerPath, Found>) -> Result<()> {
    let failed = || format!("cannot send `{}`", folder.display());
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(false);
    walk.add_custom_ignore_filename(IGNORE_FILE);
    for entry in walk.build() {
        let entry = entry.doing(failed)?;
        if let Some(error) = entry.error() {
            return Err(Error::usage(failed()).because(error.to_string()));
        }
        let meta = entry.path().symlink_metadata().doing(failed)?;
        let below = entry.path().strip_prefix(folder).doing(failed)?;
        // The folder itself is joined as nothing, which would leave a `/`.
        let parts = name.iter().map(PathBuf::as_path).chain([below]);
        let name: PathBuf = parts.flat_map(Path::components).collect();
        let name = Some(name).filter(|name| !name.as_os_str().is_empty());
        add(entry.into_path(), name, &meta, all)?;
    }
    Ok(())
}

fn add(
    source: PathBuf,
    name: Option<PathBuf>,
    meta: &Metadata,
    all: &mut BTreeMap<InnerPath, Found>,
) -> Result<()> {
    // The folder itself in which the user stands.
    let Some(name) = name else { return Ok(()) };
    let mtime_ns = nanoseconds(meta.mtime(), meta.mtime_nsec());
    let kind = if meta.is_dir() {
        FoundKind::Folder(meta.mode() & 0o777, mtime_ns)
    } else if meta.is_symlink() {
        let failed = || format!("cannot send `{}`", source.display());
        let target = source.read_link().doing(failed)?;
        FoundKind::Link(in_utf8(&target)?)
    } else if meta.is_file() {
        FoundKind::File(Stamp::of(meta))
    } else {
        let kind = meta.file_type();
        let what = match (kind.is_fifo(), kind.is_socket()) {
            (true, _) => "a pipe",
            (_, true) => "a socket",
            _ => "a device",
        };
        return Err(
            Error::usage(format!("cannot send `{}`: it is {what}", source.display())).hint(
                format!("leave it out: write its name into `{IGNORE_FILE}` of its folder"),
            ),
        );
    };
    let path = InnerPath::try_from(in_utf8(&name)?)?;
    let found = Found { source, kind };
    match all.insert(path.clone(), found.clone()) {
        Some(before) if before.source != found.source && !both_folders(&before, &found) => {
            Err(Error::usage(format!(
                "`{}` and `{}` would both be sent as `{path}`",
                before.source.display(),
                found.source.display()
            ))
            .hint("rename one of them"))
        }
        _ => Ok(()),
    }
}

fn both_folders(one: &Found, other: &Found) -> bool {
    [one, other]
        .iter()
        .all(|it| matches!(it.kind, FoundKind::Folder(..)))
}

fn in_utf8(path: &Path) -> Result<String> {
    path.to_str().map(ToOwned::to_owned).ok_or_else(|| {
        Error::usage(format!("the name {path:?} is not UTF-8"))
            .hint("rename it, or leave it out by a pattern in a `.hpcapiignore`")
    })
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn gathered(here: &Path, roots: &[&str]) -> Result<Vec<String>> {
        let roots: Vec<_> = roots.iter().map(PathBuf::from).collect();
        let found = gather(&roots, here)?;
        Ok(found.into_keys().map(String::from).collect())
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn paths_stay_as_they_were_typed() {
        let here = folder(&["data/a/x", "data/.hidden", "p.json", "job.sh"]);
        fs::create_dir(here.path().join("data/empty")).unwrap();
        let data = ["data", "data/.hidden", "data/a", "data/a/x", "data/empty"];
        assert_eq!(gathered(here.path(), &["data/"]).unwrap(), data);
        assert_eq!(gathered(here.path(), &["./data", "data/a"]).unwrap(), data);
        assert_eq!(gathered(here.path(), &["p.json"]).unwrap(), ["p.json"]);
        let all = gathered(here.path(), &["."]).unwrap();
        assert_eq!(all[..5], data);
        let inside = here.path().join("data/a");
        let absolute = here.path().join("p.json");
        assert_eq!(
            gathered(&inside, &["../.hidden", absolute.to_str().unwrap()]).unwrap(),
            [".hidden", "p.json"]
        );
    }

    #[test]
    fn patterns_leave_out_what_they_match() {
        let here = folder(&[
            "d/keep.txt",
            "d/drop.log",
            "d/sub/also.log",
            "d/sub/not.log",
        ]);
        fs::write(here.path().join("d/.hpcapiignore"), "*.log\n!not.log\n").unwrap();
        // The patterns of git say nothing of runs.
        fs::write(here.path().join("d/.gitignore"), "keep.txt\n").unwrap();
        assert_eq!(
            gathered(here.path(), &["d"]).unwrap(),
            [
                "d",
                "d/.gitignore",
                "d/.hpcapiignore",
                "d/keep.txt",
                "d/sub",
                "d/sub/not.log"
            ]
        );
    }

    #[test]
    fn links_are_sent_as_they_are() {
        let here = folder(&["d/x"]);
        symlink("../../outside", here.path().join("d/link")).unwrap();
        symlink("d", here.path().join("around")).unwrap();
        let roots = ["d", "around"].map(PathBuf::from);
        let found = gather(&roots, here.path()).unwrap();
        let link = |name: &str| {
            let path = InnerPath::try_from(name.to_owned()).unwrap();
            found[&path].kind.clone()
        };
        assert_eq!(link("d/link"), FoundKind::Link("../../outside".to_owned()));
        assert_eq!(link("around"), FoundKind::Link("d".to_owned()));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let here = folder(&["a/x", "b/x"]);
        let bad = here.path().join("a").join(OsStr::from_bytes(b"\xff"));
        fs::write(&bad, "").unwrap();
        let missing = gathered(here.path(), &["nothing"]).unwrap_err();
        assert!(missing.to_string().contains("`nothing`"), "{missing}");
        let no_utf8 = gathered(here.path(), &["a"]).unwrap_err();
        assert!(no_utf8.to_string().contains(r"\xFF"), "{no_utf8}");
        fs::remove_file(bad).unwrap();
        let inside = here.path().join("a");
        let twice = gathered(&inside, &["x", "../b/x"]).unwrap_err();
        assert!(
            twice.to_string().contains("would both be sent as `x`"),
            "{twice}"
        );
        let _socket = std::os::unix::net::UnixListener::bind(here.path().join("a/s")).unwrap();
        let socket = gathered(here.path(), &["a"]).unwrap_err();
        assert!(socket.to_string().contains("is a socket"), "{socket}");
    }
}
