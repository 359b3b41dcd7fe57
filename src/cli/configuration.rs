//! The cluster configuration that a command is given: a file, a pipe, or none.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;
use crate::pcluster::config::{self, Additions, ClusterConfig};
use crate::settings::{DeploymentName, local_folder};
use crate::tags::Tags;

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, home};

/// The cluster configuration that hpcapi carries.
pub(super) const DEFAULT_CONFIG: &str = include_str!("../../cluster-config.yaml");

/// The longest configuration that is read; those of real clusters have a few kilobytes.
const LONGEST_CONFIG: u64 = 512 * 1024;

const STANDARD_INPUT: &str = "-";

impl ClusterArgs {
    /// Keeps a configuration that comes through a pipe in a file, and names that from now on: a
    /// pipe can be read once, and another process and commands that are printed read it again.
    /// Returns the file; `None` where the configuration lies in one already, or there is none.
    /// A configuration that is no valid one is kept nowhere.
    pub(super) fn keep_piped(&mut self, deployment: &DeploymentArgs) -> Result<Option<PathBuf>> {
        let Some(given) = self.config.as_deref().filter(|path| is_piped(path)) else {
            return Ok(None);
        };
        let name: DeploymentName = deployment.name.parse()?;
        let text = text(given)?;
        ClusterConfig::parse(&text, shown(given))?;
        let kept = local_folder(&home()?).join(name.piped_config(&text));
        files::write_private(&kept, text.as_bytes())?;
        self.config = Some(kept.clone());
        Ok(Some(kept))
    }

    /// Leaves out a configuration that comes through a pipe, which a command that is printed cannot read.
    pub(super) fn forget_pipe(&mut self) {
        self.config.take_if(|path| is_piped(path));
    }
}

/// Returns the configuration that is meant; fails on one that is not valid, with the line.
pub(super) fn read(cluster: &ClusterArgs) -> Result<ClusterConfig> {
    let Some(path) = &cluster.config else {
        return ClusterConfig::own(DEFAULT_CONFIG, "cluster-config.yaml".as_ref());
    };
    let config = ClusterConfig::parse(&text(path)?, shown(path))?;
    if cluster.key_name.is_some() && !config.wants_key_name() {
        return Err(Error::usage(format!(
            "--key-name has no place to go to: `{}` has no CHANGE_ME at HeadNode.Ssh.KeyName",
            path.display()
        ))
        .hint("leave out --key-name, or write KeyName: CHANGE_ME there"));
    }
    let tags = cluster.tags.as_ref().map(Tags::pairs).unwrap_or_default();
    // What it gets beside its values is written later; that it can be is known now.
    let permissions_boundary = cluster.permissions_boundary.as_ref();
    config.with(&Additions {
        tags,
        permissions_boundary: permissions_boundary.map(ToString::to_string),
        resource_prefix: cluster.iam_prefix.as_ref().map(ToString::to_string),
    })?;
    Ok(config)
}

/// Returns whether a path may give its content once only, or to this process only: a named pipe,
/// what a shell makes of `<(…)`, and whatever standard input is.
pub(super) fn is_piped(path: &Path) -> bool {
    let is_no_file = || fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
    path.as_os_str() == STANDARD_INPUT || config::is_of_this_process(path) || is_no_file()
}

/// Returns what a path is called in messages.
fn shown(path: &Path) -> &Path {
    match path.as_os_str() == STANDARD_INPUT {
        true => Path::new(config::STANDARD_INPUT),
        false => path,
    }
}

fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = match path.as_os_str() == STANDARD_INPUT {
        true => begin(io::stdin(), &mut text),
        false => File::open(path).and_then(|file| begin(file, &mut text)),
    };
    let shown = shown(path).display();
    read.map_err(|error| {
        Error::usage(format!("cannot read the configuration `{shown}`")).because(error)
    })?;
    if text.len() as u64 > LONGEST_CONFIG {
        return Err(Error::usage(format!(
            "`{shown}` is longer than any configuration ({} KiB)",
            LONGEST_CONFIG / 1024
        )));
    }
    Ok(text)
}

/// Reads a little more than a configuration can have.
fn begin(source: impl Read, text: &mut String) -> io::Result<usize> {
    source.take(LONGEST_CONFIG + 1).read_to_string(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_once_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a: 1\n").unwrap();
        assert!(!is_piped(&file));
        assert!(!is_piped(folder.path()));
        for file in ["./-", "/dev/shm/a.yaml"] {
            assert!(!is_piped(Path::new(file)), "{file}");
        }
        for piped in ["-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"] {
            assert!(is_piped(Path::new(piped)), "{piped}");
        }
        let (_reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink(path, &link).unwrap();
        assert!(is_piped(&link));
    }
}
