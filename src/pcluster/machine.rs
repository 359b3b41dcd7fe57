//! What `pcluster` needs of the machine it runs on.

use std::path::Path;
use std::process::Stdio;

use crate::error::{Error, Result};
use crate::process::on_path;

/// An environment with pcluster takes 182 MB, and its download as much again for a moment.
const FREE_MB: u64 = 500;

/// The oldest Python that pcluster runs on (the metadata of its wheel).
const OLDEST_PYTHON: (u32, u32) = (3, 9);

/// The oldest Node.js that can write a cluster's template (the `engines` of jsii, which
/// `pcluster` brings with it).
const OLDEST_NODE: (u32, u32) = (14, 17);

/// Fails unless a Node.js is there that is new enough: `pcluster` needs it to write a cluster's
/// template, and does not say so in plain words. Returns its version.
pub async fn require_node() -> Result<String> {
    let install =
        "Amazon Linux: sudo dnf install nodejs; Debian or Ubuntu: sudo apt-get install nodejs";
    let version = asked("node").await.ok_or_else(|| {
        Error::usage("Node.js is not installed, and pcluster cannot create a cluster without it")
            .hint(install)
    })?;
    if numbers(&version).is_some_and(|numbers| numbers < OLDEST_NODE) {
        let (major, minor) = OLDEST_NODE;
        return Err(Error::usage(format!(
            "pcluster needs Node.js {major}.{minor} or newer, and this is {version}"
        ))
        .hint(install));
    }
    Ok(version)
}

/// Fails unless there is a Python that `pcluster` can be installed with; returns its version.
pub async fn require_python() -> Result<String> {
    if on_path("uv").is_some() {
        return Ok("uv finds one".to_owned());
    }
    let install = "Amazon Linux: sudo dnf install python3; Debian or Ubuntu: sudo apt-get install \
                   python3 python3-venv";
    let version = asked("python3").await.ok_or_else(|| {
        Error::usage("Python is not installed, and pcluster runs on it").hint(install)
    })?;
    if numbers(&version).is_some_and(|numbers| numbers < OLDEST_PYTHON) {
        let (major, minor) = OLDEST_PYTHON;
        return Err(Error::usage(format!(
            "pcluster needs Python {major}.{minor} or newer, and this is {version}"
        ))
        .hint(install));
    }
    Ok(version)
}

/// Fails unless there is room for an environment of its own in `folder`; returns the free MB.
pub async fn require_room(folder: &Path) -> Result<u64> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let mut ask = crate::process::command("df");
    ask.arg("-Pk")
        .arg(there.unwrap_or(Path::new("/")))
        .stdin(Stdio::null());
    let free = match ask.output().await {
        Ok(output) => free_mb(&String::from_utf8_lossy(&output.stdout)),
        Err(_) => None,
    };
    let Some(free) = free else {
        return Err(Error::failed(format!(
            "cannot tell how much room is left in `{}`",
            folder.display()
        )));
    };
    if free < FREE_MB {
        return Err(Error::usage(format!(
            "there are {free} MB free for `{}`, and pcluster needs {FREE_MB} MB",
            folder.display()
        ))
        .hint("make room there, or: export XDG_CACHE_HOME=/some/folder with room"));
    }
    Ok(free)
}

/// Returns the free space that `df -Pk` tells, in MB.
fn free_mb(told: &str) -> Option<u64> {
    let line = told.lines().nth(1)?;
    let available: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
    Some(available / 1024)
}

async fn asked(program: &str) -> Option<String> {
    let mut ask = crate::process::command(program);
    let output = ask
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_free_space_are_read() {
        assert_eq!(numbers("Python 3.11.2"), Some((3, 11)));
        assert!(numbers("Python 3.8.1") < Some(OLDEST_PYTHON));
        assert!(numbers("v12.22.9") < Some(OLDEST_NODE));
        let told = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    /dev/sda 100 50 2048000 2% /\n";
        assert_eq!(free_mb(told), Some(2000));
        assert_eq!(free_mb("df: nothing"), None);
    }
}
