//! Outputs back to this machine: verified, beside what is there, and never over what was changed since.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Context as _, Error, Result};

use super::digests;
use super::manifest::{Entry, InnerPath, Kind, Piece};
use super::place::{create, finish, folder_times, is_newer, links};
use super::spans::{Span, Writer, spans};
use super::store::{Attempt, Ended, RunId, Runs};

/// Spans under way at once.
const AT_ONCE: usize = 6;

/// Where outputs go.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The folder.
    pub folder: PathBuf,
    /// What was changed there since this moment stays, in seconds since 1970; `None` lets nothing
    /// stay.
    pub newer_stays: Option<u64>,
}

/// What was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How many files were written.
    pub files: usize,
    /// How many bytes these have.
    pub bytes: u64,
    /// How many files were there already, byte for byte.
    pub unchanged: usize,
    /// What stays as it is, because it was changed since the run began.
    pub kept: Vec<InnerPath>,
}

/// A file that is fetched.
pub(super) struct Wanted<'e> {
    pub(super) path: PathBuf,
    /// Where its bytes go until they are all there.
    pub(super) partial: PathBuf,
    pub(super) mode: u32,
    pub(super) mtime_ns: i64,
    pub(super) size: u64,
    pub(super) sha256: &'e str,
    pub(super) pieces: &'e [Piece],
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        // What is whole has another name by now.
        let _ = fs::remove_file(&self.partial);
    }
}

impl Runs {
    /// Fetches the outputs of an attempt. `tell` is told how many bytes of how many are there.
    pub async fn fetch(
        &self,
        run: &RunId,
        attempt: &Attempt,
        ended: &Ended,
        to: &Destination,
        tell: impl Fn(u64, u64),
    ) -> Result<Fetched> {
        let entries = self.outputs(run, attempt, ended).await?;
        require_no_way_out(&entries, &to.folder)?;
        let mut fetched = Fetched::default();
        make_folders(&entries, &to.folder)?;
        let wanted = wanted(&entries, run, to, &mut fetched)?;
        let all: u64 = wanted.iter().map(|file| file.size).sum();
        let done = AtomicU64::new(0);
        for file in &wanted {
            create(file)?;
        }
        stream::iter(spans(&wanted)?)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, async |span: Span| {
                let key = attempt.key(run, &format!("out/{}", span.object));
                let mut writer = Writer::new(&wanted, &span);
                let read = self.buckets.read_part(
                    &self.bucket,
                    &key,
                    (span.offset, span.length),
                    |bytes| writer.write(bytes),
                );
                read.await?;
                let now = done.fetch_add(span.length, Ordering::Relaxed) + span.length;
                tell(now.min(all), all);
                Ok::<_, Error>(())
            })
            .await?;
        finish(&wanted)?;
        fetched.files = wanted.len();
        fetched.bytes = all;
        links(&entries, to, &mut fetched)?;
        folder_times(&entries, &to.folder)?;
        Ok(fetched)
    }
}

/// Fails when a path would lead through a link, of this list or of an earlier one.
fn require_no_way_out(entries: &[Entry], folder: &Path) -> Result<()> {
    let links: BTreeSet<_> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::Link { .. }))
        .map(|entry| entry.path.as_str())
        .collect();
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(&entry.path) {
            return Err(refused(&entry.path, "is there twice"));
        }
        let own = Some(entry.path.as_str()).filter(|_| matches!(entry.kind, Kind::Folder { .. }));
        for parent in entry.path.parents().chain(own) {
            let there = folder.join(parent).symlink_metadata();
            if links.contains(parent) || there.is_ok_and(|there| there.is_symlink()) {
                return Err(refused(
                    &entry.path,
                    &format!("lies behind, or is, the link `{parent}`"),
                ));
            }
        }
    }
    Ok(())
}

fn refused(path: &InnerPath, why: &str) -> Error {
    Error::failed(format!("the outputs are refused: `{path}` {why}"))
        .hint("fetch them into an empty folder: --to FOLDER")
}

fn make_folders(entries: &[Entry], folder: &Path) -> Result<()> {
    for entry in entries {
        let path = entry.path.below(folder);
        let folder = match entry.kind {
            Kind::Folder { .. } => Some(path.as_path()),
            _ => path.parent(),
        };
        if let Some(folder) = folder {
            let failed = || format!("cannot make the folder `{}`", folder.display());
            fs::create_dir_all(folder).doing(failed)?;
        }
    }
    Ok(())
}

/// Returns the files that are fetched: those that are not there, or otherwise.
fn wanted<'e>(
    entries: &'e [Entry],
    run: &RunId,
    to: &Destination,
    fetched: &mut Fetched,
) -> Result<Vec<Wanted<'e>>> {
    let mut wanted = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let Kind::File {
            mode,
            mtime_ns,
            size,
            sha256,
            pieces,
        } = &entry.kind
        else {
            continue;
        };
        let path = entry.path.below(&to.folder);
        match look(&path, *size, sha256, to)? {
            There::Same => fetched.unchanged += 1,
            There::Newer => fetched.kept.push(entry.path.clone()),
            There::Nothing => wanted.push(Wanted {
                partial: path.with_file_name(format!(".hpcapi-{run}-{number}")),
                path,
                mode: *mode,
                mtime_ns: *mtime_ns,
                size: *size,
                sha256,
                pieces,
            }),
        }
    }
    Ok(wanted)
}

/// What there is at the place of an output.
enum There {
    /// Nothing that has to stay.
    Nothing,
    /// The same file.
    Same,
    /// Something that was changed since the run began.
    Newer,
}

fn look(path: &Path, size: u64, sha256: &str, to: &Destination) -> Result<There> {
    let failed = || format!("cannot look at `{}`", path.display());
    let there = match path.symlink_metadata() {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) => return Err(Error::failed(failed()).because(error)),
    };
    if there.is_dir() {
        return Err(Error::failed(format!(
            "`{}` is a folder, and the output of this name is none",
            path.display()
        ))
        .hint("fetch into another folder: --to FOLDER"));
    }
    if there.is_file() && there.len() == size && digests::of_file(path)? == sha256 {
        return Ok(There::Same);
    }
    Ok(match is_newer(&there, to.newer_stays) {
        true => There::Newer,
        false => There::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, UNIX_EPOCH};

    use crate::aws::recorded::holding;

    use super::super::digests::sha256;
    use super::super::manifest;
    use super::super::store::Stage;
    use super::*;

    const RUN: &str = "20261128-104500-0a1b2c3d";
    const PARTS: &str = "runs/20261128-104500-0a1b2c3d/parts/main/0";

    fn path(text: &str) -> InnerPath {
        InnerPath::try_from(text.to_owned()).unwrap()
    }

    fn file(name: &str, text: &str, pieces: &[(&str, u64, u64)]) -> Entry {
        let pieces = pieces.iter();
        Entry {
            path: path(name),
            kind: Kind::File {
                mode: 0o640,
                mtime_ns: 1_700_000_000_123_456_789,
                size: text.len() as u64,
                sha256: sha256(text.as_bytes()),
                pieces: pieces
                    .map(|(object, at, length)| Piece((*object).to_owned(), *at, *length))
                    .collect(),
            },
        }
    }

    fn link(name: &str, target: &str) -> Entry {
        let target = target.to_owned();
        Entry {
            path: path(name),
            kind: Kind::Link { target },
        }
    }

    fn folder_entry(name: &str) -> Entry {
        Entry {
            path: path(name),
            kind: Kind::Folder {
                mode: 0o777,
                mtime_ns: 0,
            },
        }
    }

    /// Fetches these outputs, whose bytes lie in these objects.
    async fn fetched(
        entries: &[Entry],
        objects: &[(&str, &str)],
        to: &Destination,
    ) -> Result<Fetched> {
        let list = manifest::write(entries);
        let ended = Ended {
            stage: Stage::Done,
            exit_code: Some(0),
            signal: None,
            problem: None,
            outputs_sha256: Some(sha256(&list)),
        };
        let objects = objects.iter();
        let mut all: Vec<_> = objects
            .map(|(name, text)| (format!("{PARTS}/out/{name}"), text.as_bytes().to_vec()))
            .collect();
        all.push((format!("{PARTS}/out.ndjson"), list));
        let runs = Runs::new(holding(all).await.buckets, "b".to_owned());
        let attempt = Attempt {
            task: None,
            number: 0,
        };
        let run = RUN.parse().unwrap();
        runs.fetch(&run, &attempt, &ended, to, |_, _| ()).await
    }

    fn to(folder: &Path) -> Destination {
        Destination {
            folder: folder.to_owned(),
            newer_stays: Some(1_750_000_000),
        }
    }

    #[tokio::test]
    async fn outputs_come_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [
            file("r/a\n$(id)", "one", &[("000000", 0, 3)]),
            file("r/b", "twothree", &[("000000", 4, 3), ("000001", 0, 5)]),
            file("r/empty", "", &[]),
            link("r/l", "../../outside"),
        ];
        let objects = [("000000", "one,two"), ("000001", "three")];
        let done = fetched(&entries, &objects, &to(folder.path()))
            .await
            .unwrap();
        assert_eq!((done.files, done.bytes, done.kept), (4, 11, vec![]));
        let there = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(there("r/a\n$(id)"), "one");
        assert_eq!(there("r/b"), "twothree");
        let meta = fs::metadata(folder.path().join("r/empty")).unwrap();
        assert_eq!((meta.len(), meta.permissions().mode() & 0o777), (0, 0o640));
        assert_eq!(
            fs::read_link(folder.path().join("r/l")).unwrap(),
            Path::new("../../outside")
        );
        // Nothing else is left, and nothing is done twice.
        assert_eq!(fs::read_dir(folder.path().join("r")).unwrap().count(), 4);
        let again = fetched(&entries, &objects, &to(folder.path()))
            .await
            .unwrap();
        assert_eq!((again.files, again.unchanged), (0, 4));
    }

    #[tokio::test]
    async fn what_was_changed_here_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&new, "mine").unwrap();
        fs::write(&old, "of long ago").unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        File::open(&old).unwrap().set_modified(long_ago).unwrap();
        let entries = [
            file("new", "one", &[("000000", 0, 3)]),
            file("old", "one", &[("000000", 0, 3)]),
        ];
        let mut destination = to(folder.path());
        let done = fetched(&entries, &[("000000", "one")], &destination)
            .await
            .unwrap();
        assert_eq!((done.files, done.kept), (1, vec![path("new")]));
        assert_eq!(fs::read_to_string(&new).unwrap(), "mine");
        assert_eq!(fs::read_to_string(&old).unwrap(), "one");
        destination.newer_stays = None;
        let done = fetched(&entries, &[("000000", "one")], &destination)
            .await
            .unwrap();
        assert_eq!((done.files, done.unchanged), (1, 1));
        assert_eq!(fs::read_to_string(&new).unwrap(), "one");
    }

    #[tokio::test]
    async fn what_leads_out_of_the_folder_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("here")).unwrap();
        let evil = |name: &str| file(name, "evil", &[("000000", 0, 4)]);
        let before = fs::metadata(outside.path()).unwrap().permissions();
        let target = outside.path().to_str().unwrap();
        let cases = [
            vec![link("l", target), evil("l/x")],
            vec![evil("l/x"), link("l", target)],
            vec![evil("here/x")],
            vec![link("l", target), evil("l")],
            vec![folder_entry("here")],
        ];
        for entries in cases {
            let outcome = fetched(&entries, &[("000000", "evil")], &to(folder.path())).await;
            let words = outcome.unwrap_err().to_string();
            assert!(words.contains("are refused"), "{words}");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
            assert_eq!(fs::metadata(outside.path()).unwrap().permissions(), before);
        }
    }

    #[tokio::test]
    async fn what_is_damaged_is_not_put_into_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (file("a", "one", &[("000000", 0, 3)]), "came damaged"),
            (file("a", "one", &[("000000", 1, 3)]), "came damaged"),
            (file("a", "one", &[("000000", 0, 2)]), "came damaged"),
            (file("a", "one", &[("000000", u64::MAX, 3)]), "is damaged"),
            (file("a", "one", &[("000000", 0, 4)]), "is damaged"),
            (
                file("a", "one", &[("../../../in.ndjson", 0, 3)]),
                "is damaged",
            ),
        ];
        for (entry, words) in cases {
            let outcome = fetched(&[entry], &[("000000", "two")], &to(folder.path())).await;
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
