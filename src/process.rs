//! Other programs: where they are, and running one that has to succeed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::{Context, Error, Result};

/// How many of a program's last lines tell why it failed.
const LAST_LINES: usize = 5;

/// Returns where `program` is on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// What says who we are, to AWS and to Slurm.
const CREDENTIALS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "SLURM_JWT",
];

/// Returns a command whose environment holds no credentials: what needs some is given them.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    command
}

/// Starts this program again, with the same environment, in a process group of its own: what
/// ends the shell's job does not end it. It writes to `story` alone. Returns its process id.
pub(crate) fn again_in_background(
    arguments: impl IntoIterator<Item = OsString>,
    story: &File,
) -> io::Result<u32> {
    let child = std::process::Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(story.try_clone()?)
        .stderr(story.try_clone()?)
        .process_group(0)
        .spawn()?;
    Ok(child.id())
}

/// Runs a command and fails with the last lines of what it complained about.
pub(crate) async fn succeed(mut command: Command, failure: &str) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .await
        .doing(|| failure.to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = words.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    Err(Error::failed(failure).because(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failing_program_is_told_with_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 9 >&2; exit 3"]);
        let error = succeed(command, "cannot count").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot count");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "5\n6\n7\n8\n9");
    }

    #[test]
    fn a_program_gets_no_credentials() {
        let command = command("sh");
        for name in CREDENTIALS {
            let removed = (OsStr::new(name), None);
            assert!(command.as_std().get_envs().any(|set| set == removed));
        }
    }

    #[test]
    fn a_program_on_the_path_is_found() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-anywhere").is_none());
    }
}
