//! Putting what was fetched into its place: whole, and with its times and permissions.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Context as _, Error, Result};

use super::digests;
use super::fetch::{Destination, Fetched, Wanted};
use super::manifest::{Entry, Kind};

/// Returns whether something was changed since a moment, in seconds since 1970.
pub(super) fn is_newer(there: &fs::Metadata, than: Option<u64>) -> bool {
    let Some(than) = than else { return false };
    let changed = there
        .modified()
        .ok()
        .and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    changed.is_none_or(|changed| changed.as_secs() >= than)
}

/// Makes the file that takes the bytes of an output until they are all there.
pub(super) fn create(file: &Wanted<'_>) -> Result<()> {
    let failed = || format!("cannot write `{}`", file.path.display());
    // An earlier fetch may have been cut off.
    let _ = fs::remove_file(&file.partial);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file.partial);
    let made = made.doing(failed)?;
    made.set_len(file.size).doing(failed)
}

/// Puts what is whole into its place.
pub(super) fn finish(wanted: &[Wanted<'_>]) -> Result<()> {
    digests::side_by_side(wanted.len(), |at| {
        let file = &wanted[at];
        let failed = || format!("cannot write `{}`", file.path.display());
        if digests::of_file(&file.partial)? != file.sha256 {
            return Err(Error::failed(format!(
                "the output `{}` came damaged",
                file.path.display()
            )));
        }
        let open = File::open(&file.partial).doing(failed)?;
        open.set_permissions(Permissions::from_mode(file.mode & 0o777))
            .doing(failed)?;
        open.set_times(times(file.mtime_ns)).doing(failed)?;
        fs::rename(&file.partial, &file.path).doing(failed)
    })?;
    Ok(())
}

/// Makes the links, once nothing is written any more that could go through one.
pub(super) fn links(entries: &[Entry], to: &Destination, fetched: &mut Fetched) -> Result<()> {
    for entry in entries {
        let Kind::Link { target } = &entry.kind else {
            continue;
        };
        let path = entry.path.below(&to.folder);
        let failed = || format!("cannot make the link `{}`", path.display());
        if path
            .read_link()
            .is_ok_and(|there| there == Path::new(target))
        {
            fetched.unchanged += 1;
            continue;
        }
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() || is_newer(&there, to.newer_stays) => {
                fetched.kept.push(entry.path.clone());
                continue;
            }
            Ok(_) => fs::remove_file(&path).doing(failed)?,
            Err(_) => {}
        }
        symlink(target, &path).doing(failed)?;
        fetched.files += 1;
    }
    Ok(())
}

/// Sets times and permissions of folders once nothing is written into them any more.
pub(super) fn folder_times(entries: &[Entry], folder: &Path) -> Result<()> {
    for entry in entries.iter().rev() {
        let Kind::Folder { mode, mtime_ns } = entry.kind else {
            continue;
        };
        let path = entry.path.below(folder);
        let failed = || format!("cannot set the times of `{}`", path.display());
        let open = File::open(&path).doing(failed)?;
        open.set_permissions(Permissions::from_mode(mode & 0o777))
            .doing(failed)?;
        open.set_times(times(mtime_ns)).doing(failed)?;
    }
    Ok(())
}

fn times(mtime_ns: i64) -> FileTimes {
    let since = Duration::from_nanos(mtime_ns.unsigned_abs());
    let moment = match mtime_ns {
        0.. => UNIX_EPOCH.checked_add(since),
        _ => UNIX_EPOCH.checked_sub(since),
    };
    FileTimes::new().set_modified(moment.unwrap_or_else(SystemTime::now))
}
