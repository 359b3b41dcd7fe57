//! The daemons of the head node that a request passes: how they are.

use std::time::Duration;

use serde::Deserialize;

use crate::aws::Commands;
use crate::error::{Error, Result};

use super::drift::Drift;
use super::head_node::run_script;

/// Two looks in one command.
const LOOK: &str = concat!(
    include_str!("slurm-setting.sh"),
    include_str!("look-at-daemons.sh"),
    include_str!("look-at-drift.sh")
);

/// How long a look may take: a controller that hangs is waited for twice.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// How slurmctld is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// It answers.
    Up,
    /// It runs, and takes no connections.
    Down,
    /// It takes connections, and answers nothing.
    Silent,
    /// It does not run.
    Off,
}

/// How the daemons are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Daemons {
    /// systemd's state of munge, by which Slurm's programs know each other.
    pub munge: String,
    /// The newest words of munge.
    pub munge_words: String,
    /// slurmctld.
    pub controller: Controller,
    /// The newest words of slurmctld, or about it.
    pub controller_words: String,
    /// systemd's state of slurmrestd, e.g. `active`.
    pub rest: String,
    /// The newest words of slurmrestd.
    pub rest_words: String,
    /// systemd's state of the proxy in front of slurmrestd.
    pub proxy: String,
    /// The newest words of the proxy.
    pub proxy_words: String,
    /// The HTTP status with which port 6830 answers a request without a token; 0 when it does
    /// not answer.
    pub status: u16,
    /// What is free where the daemons and jobs write.
    pub disks: Vec<Disk>,
}

/// What is free in a folder of the head node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Disk {
    /// The folder.
    pub folder: String,
    /// Where its file system is mounted.
    pub mount: String,
    /// How much those who are not root may write, in KiB.
    pub free_kib: u64,
    /// How many files may be made.
    pub free_files: u64,
}

/// Looks at the daemons on the head node, and at what has changed there since it was set up.
pub async fn look_at_head_node(commands: &Commands, head_node: &str) -> Result<(Daemons, Drift)> {
    let cannot = || "cannot look at the daemons of the head node".to_owned();
    let words = run_script(commands, head_node, LOOK, LOOK_LIMIT, &cannot).await?;
    let read = |words: &str| {
        let (daemons, drift) = words.trim().split_once('\n')?;
        let daemons = serde_json::from_str(daemons).ok()?;
        Some((daemons, serde_json::from_str(drift).ok()?))
    };
    read(&words).ok_or_else(|| Error::failed(cannot()).because(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_head_node_are_read() {
        let words = r#"{"munge":"active","munge_words":"","controller":"silent","controller_words":"x","rest":"active",
            "rest_words":"","proxy":"failed","proxy_words":"bind() failed","status":0,
            "disks":[{"folder":"/tmp","mount":"/","free_kib":7,"free_files":1000000}]}"#;
        let daemons: Daemons = serde_json::from_str(words).unwrap();
        assert_eq!(daemons.controller, Controller::Silent);
        assert_eq!((daemons.proxy.as_str(), daemons.status), ("failed", 0));
        assert_eq!(
            (daemons.disks[0].mount.as_str(), daemons.disks[0].free_kib),
            ("/", 7)
        );
    }
}
