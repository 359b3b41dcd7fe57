//! Local files: they appear whole or not at all, and those that are not for others only their owner can
//! read.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Context, Error, Result};

/// Writes a file that only its owner can read (mode 0600), making its folder if need be.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let failure = || format!("cannot write `{}`", path.display());
    let folder = path
        .parent()
        .ok_or_else(|| Error::usage(format!("`{}` is no place for a file", path.display())))?;
    fs::create_dir_all(folder).doing(failure)?;
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .doing(failure)?;
    file.write_all(content).doing(failure)?;
    file.as_file().sync_all().doing(failure)?;
    file.persist(path).doing(failure)?;
    Ok(())
}

/// Writes a file for another program that only its owner can read, in a folder that is made if need be;
/// it goes with what is returned.
pub(crate) fn draft(folder: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let failure = || format!("cannot write to the folder `{}`", folder.display());
    fs::create_dir_all(folder).doing(failure)?;
    let mut file = tempfile::Builder::new()
        .prefix(".draft-")
        .suffix(".yaml")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .doing(failure)?;
    file.write_all(content).doing(failure)?;
    Ok(file)
}

/// Writes a file that others may read as far as the umask lets them, making its folder if need be. Fails
/// where something is already.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let failure = || format!("cannot write `{}`", path.display());
    let folder = path
        .parent()
        .ok_or_else(|| Error::usage(format!("`{}` is no place for a file", path.display())))?;
    fs::create_dir_all(folder).doing(failure)?;
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .doing(failure)?;
    file.write_all(content).doing(failure)?;
    file.persist_noclobber(path).doing(failure)?;
    Ok(())
}

/// Removes a file; returns whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => {
            Err(Error::failed(format!("cannot remove `{}`", path.display())).because(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_for_its_owner_even_over_an_open_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/key");
        write_private(&path, b"a").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"b").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
    }

    #[test]
    fn a_new_file_takes_the_place_of_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a");
        write_new(&path, b"a").unwrap();
        write_new(&path, b"b").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"a");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
