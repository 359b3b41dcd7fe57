//! Which settings file is meant, and its text.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use crate::error::{Error, Result};

use super::super::configuration::is_piped;

/// What a settings file is called that is found by itself.
pub(in super::super) const NAME: &str = "hpcapi.yaml";

/// The argument that names another; who does not take it has no use for a settings file.
pub(super) const ARGUMENT: &str = "settings";

/// What is named where there shall be none.
const NONE: &str = "/dev/null";

/// The longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// Which file is meant.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The one that somebody named: it has to be there.
    Named(PathBuf),
    /// The one that may be there.
    Found(PathBuf),
}

/// Returns the settings file that a call means, with its text; `None` where there is none.
pub(super) fn text(call: &ArgMatches) -> Result<Option<(PathBuf, String)>> {
    // The call of a verb that has no such argument.
    let Ok(named) = call.try_get_one::<PathBuf>(ARGUMENT) else {
        return Ok(None);
    };
    let config = call.try_get_one::<PathBuf>("config").ok().flatten();
    let path = match place(named.map(PathBuf::as_path), config.map(PathBuf::as_path)) {
        Place::Named(path) if path.as_os_str() == NONE => return Ok(None),
        Place::Found(path) if is_absent(&path) => return Ok(None),
        Place::Named(path) | Place::Found(path) => path,
    };
    let text = read(&path)?;
    Ok(Some((path, text)))
}

/// Returns the file that was named, or else the one beside the configuration that was named, or else
/// the one in the current folder.
fn place(named: Option<&Path>, config: Option<&Path>) -> Place {
    if let Some(named) = named {
        return Place::Named(named.to_owned());
    }
    let config = config.filter(|config| !is_piped(config));
    let folder = config.and_then(Path::parent);
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    Place::Found(folder.unwrap_or(Path::new(".")).join(NAME))
}

/// Returns a settings file as it is typed; nothing for the one that is found where a call is repeated.
pub(in super::super) fn named(path: &Path) -> Option<String> {
    (path != Path::new(".").join(NAME)).then(|| path.display().to_string())
}

/// Returns whether nothing is there. A link that leads nowhere is something.
fn is_absent(path: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    let there = path.symlink_metadata();
    there.is_err_and(|error| [NotFound, NotADirectory].contains(&error.kind()))
}

fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let unreadable = || {
        Error::usage(format!("cannot read the settings `{shown}`"))
            .hint(format!("to go without them: --settings {NONE}"))
    };
    let there = fs::metadata(path).map_err(|error| unreadable().because(error))?;
    // To open a named pipe would be to wait for who writes into it.
    if !there.is_file() {
        return Err(unreadable().because("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable().because(error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable().because(format!("it is longer than {} KiB", LONGEST / 1024)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(good);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        unreadable().because(format!("line {line} is no text in UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_beside_the_configuration_or_here() {
        let found = |config: Option<&str>| match place(None, config.map(Path::new)) {
            Place::Found(path) => path.display().to_string(),
            Place::Named(path) => panic!("{}", path.display()),
        };
        assert_eq!(found(None), "./hpcapi.yaml");
        assert_eq!(found(Some("a.yaml")), "./hpcapi.yaml");
        assert_eq!(found(Some("../b/a.yaml")), "../b/hpcapi.yaml");
        assert_eq!(found(Some("/b/a.yaml")), "/b/hpcapi.yaml");
        for piped in ["-", "/dev/stdin", "/dev/fd/63"] {
            assert_eq!(found(Some(piped)), "./hpcapi.yaml", "{piped}");
        }
        let named = place(Some(Path::new("x.yaml")), Some(Path::new("/b/a.yaml")));
        assert_eq!(named, Place::Named("x.yaml".into()));
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(is_absent(&path("hpcapi.yaml")));
        assert!(is_absent(&path("a/hpcapi.yaml")));
        fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        fs::write(path("latin"), b"deployment: a\nprofile: \xe9\n").unwrap();
        fs::write(path("long"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
        for (name, why) in [
            ("folder", "it is no regular file"),
            ("link", "No such file or directory"),
            ("latin", "line 2 is no text in UTF-8"),
            ("long", "it is longer than 1024 KiB"),
        ] {
            assert!(!is_absent(&path(name)), "{name}");
            let error = read(&path(name)).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
            assert_eq!(error.hints(), ["to go without them: --settings /dev/null"]);
        }
        fs::write(path("short"), "deployment: a\n").unwrap();
        assert_eq!(read(&path("short")).unwrap(), "deployment: a\n");
    }
}
