//! Whether an environment is as it was made: all of its files, and a Python that runs them. A
//! system upgrade takes its Python away, a cleaner its files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{Context, Result};

use super::{Environment, MARKER};

/// Holds the folder, the Python that runs it, and, line by line, the size and the path of every
/// file that was made in it.
const FILES: &str = "hpcapi-files";

/// Begins the line of the Python.
const PYTHON: &str = "python ";

/// Where the packages are; it takes what the programs take of Python's own library.
const QUESTION: &str =
    "import asyncio, ctypes, json, ssl, sysconfig, zlib; print(sysconfig.get_path('purelib'))";

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It can be used.
    Good,
    /// It is not there, not finished, or made from other requirements.
    Missing,
    /// It was made once, and something has changed it since.
    Broken(String),
}

/// Notes what was made.
pub(super) fn note(environment: &Environment) -> Result<()> {
    let folder = &environment.folder;
    let failure = || format!("cannot write into `{}`", folder.display());
    let mut text = format!("{}\n", folder.display());
    if let Some(python) = interpreter(environment) {
        text.push_str(&format!("{PYTHON}{python}\n"));
    }
    for (file, size) in files(folder).doing(failure)? {
        text.push_str(&format!("{size} {}\n", file.display()));
    }
    fs::write(folder.join(FILES), text).doing(failure)?;
    fs::write(folder.join(MARKER), &environment.requirements).doing(failure)
}

/// Looks at an environment.
pub(super) async fn look(environment: &Environment) -> Condition {
    if !is_made(environment) {
        return Condition::Missing;
    }
    match changed(&environment.folder) {
        Some(reason) => Condition::Broken(reason),
        None => match python_fails(environment).await {
            Some(reason) => Condition::Broken(reason),
            None => Condition::Good,
        },
    }
}

/// Returns whether all of an environment is as it was made, down to the Python that runs it.
pub(super) fn is_unchanged(environment: &Environment) -> bool {
    let folder = &environment.folder;
    let noted = fs::read_to_string(folder.join(FILES)).unwrap_or_default();
    let noted = noted
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix(PYTHON));
    is_made(environment)
        && changed(folder).is_none()
        && noted.is_some_and(|noted| interpreter(environment).as_deref() == Some(noted))
}

fn is_made(environment: &Environment) -> bool {
    let made = fs::read_to_string(environment.folder.join(MARKER));
    made.is_ok_and(|made| made == environment.requirements)
}

/// Returns size, time of change and path of the Python that runs an environment.
fn interpreter(environment: &Environment) -> Option<String> {
    let python = environment.program("python").canonicalize().ok()?;
    let metadata = fs::metadata(&python).ok()?;
    let (size, changed) = (
        metadata.len(),
        metadata.mtime_nsec() + metadata.mtime() * 1_000_000_000,
    );
    Some(format!("{size} {changed} {}", python.display()))
}

/// Returns what is not as it was made.
fn changed(folder: &Path) -> Option<String> {
    let Ok(text) = fs::read_to_string(folder.join(FILES)) else {
        return Some(format!("`{FILES}` is missing"));
    };
    let mut lines = text.lines();
    if lines.next() != folder.to_str() {
        return Some("it was made in another folder".to_owned());
    }
    let lines = lines.filter(|line| !line.starts_with(PYTHON));
    let is_as_made = |line: &str| {
        let (size, file) = line.split_once(' ')?;
        let there = fs::metadata(folder.join(file)).ok()?;
        (there.len().to_string() == size).then_some(())
    };
    let mut changed = lines.filter(|line| is_as_made(line).is_none());
    let first = changed.next()?;
    let file = first.split_once(' ').map_or(first, |(_, file)| file);
    Some(match changed.count() {
        0 => format!("`{file}` is missing or changed"),
        more => format!("`{file}` and {more} more files are missing or changed"),
    })
}

/// Returns why its Python does not run its packages.
async fn python_fails(environment: &Environment) -> Option<String> {
    let python = environment.program("python");
    let mut ask = crate::process::command(&python);
    let output = match ask
        .args(["-c", QUESTION])
        .stdin(Stdio::null())
        .output()
        .await
    {
        Ok(output) => output,
        Err(error) => return Some(format!("`{}` does not run: {error}", python.display())),
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.trim_end().lines().next_back().unwrap_or_default();
        return Some(format!("`{}` does not run: {last}", python.display()));
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let packages = Path::new(told.trim_end());
    let is_ours = packages.starts_with(&environment.folder) && packages.is_dir();
    (!is_ours).then(|| format!("`{}` is another Python now", python.display()))
}

/// Returns every file below a folder with its size, but for what Python writes when it runs.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != "__pycache__" {
                folders.push(path);
            } else if kind.is_file() {
                let below = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                found.push((below, entry.metadata()?.len()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Returns an environment that was made of nothing but this machine's Python.
    async fn made(folder: &Path) -> Environment {
        let environment = Environment {
            folder: folder.join("made"),
            requirements: "\n".to_owned(),
            hashed: false,
        };
        environment.make(None).await.unwrap();
        note(&environment).unwrap();
        environment
    }

    fn reason(condition: Condition) -> String {
        match condition {
            Condition::Broken(reason) => reason,
            other => panic!("it is {other:?}"),
        }
    }

    #[tokio::test]
    async fn only_an_environment_with_its_own_requirements_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = made(folder.path()).await;
        assert_eq!(look(&environment).await, Condition::Good);
        environment.requirements.push_str("a==1\n");
        assert_eq!(look(&environment).await, Condition::Missing);
        environment.folder = folder.path().join("other");
        assert_eq!(look(&environment).await, Condition::Missing);
    }

    #[tokio::test]
    async fn a_missing_and_a_cut_file_break_it() {
        let folder = tempfile::tempdir().unwrap();
        let environment = made(folder.path()).await;
        let file = environment.program("activate");
        fs::write(&file, "").unwrap();
        let cut = reason(look(&environment).await);
        assert_eq!(cut, "`bin/activate` is missing or changed");
        fs::remove_file(&file).unwrap();
        assert_eq!(reason(look(&environment).await), cut);
        fs::remove_dir_all(environment.folder.join("lib")).unwrap();
        let reason = reason(look(&environment).await);
        assert!(
            reason.contains("more files are missing or changed"),
            "{reason}"
        );
    }

    #[tokio::test]
    async fn a_python_that_is_gone_or_another_breaks_it() {
        let folder = tempfile::tempdir().unwrap();
        let environment = made(folder.path()).await;
        let python = environment.program("python");
        fs::remove_file(&python).unwrap();
        symlink("/no/such/python", &python).unwrap();
        let gone = reason(look(&environment).await);
        assert!(gone.contains("does not run: No such file"), "{gone}");
        fs::remove_file(&python).unwrap();
        let other = "#!/bin/sh\necho /usr/lib/python3.99/site-packages\n";
        fs::write(&python, other).unwrap();
        make_executable(&python);
        let other = reason(look(&environment).await);
        assert!(other.ends_with("is another Python now"), "{other}");
    }

    #[tokio::test]
    async fn another_python_is_seen_without_a_run_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let environment = made(folder.path()).await;
        assert!(is_unchanged(&environment));
        let python = environment.program("python");
        let real = python.canonicalize().unwrap();
        fs::remove_file(&python).unwrap();
        assert!(!is_unchanged(&environment));
        let copy = folder.path().join("python");
        fs::copy(&real, &copy).unwrap();
        symlink(&copy, &python).unwrap();
        assert!(!is_unchanged(&environment));
        fs::remove_file(&python).unwrap();
        symlink(&real, &python).unwrap();
        assert!(is_unchanged(&environment));
        fs::write(environment.program("activate"), "").unwrap();
        assert!(!is_unchanged(&environment));
    }

    #[tokio::test]
    async fn an_environment_that_was_moved_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = made(folder.path()).await;
        let elsewhere = folder.path().join("moved");
        fs::rename(&environment.folder, &elsewhere).unwrap();
        environment.folder = elsewhere;
        let moved = reason(look(&environment).await);
        assert_eq!(moved, "it was made in another folder");
    }

    fn make_executable(file: &Path) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
