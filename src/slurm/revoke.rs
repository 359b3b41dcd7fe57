//! Revoking tokens: Slurm cannot revoke one, so the key that signs them all is replaced.

use std::time::Duration;

use serde::Deserialize;

use crate::aws::Commands;
use crate::error::{Error, Result};

use super::head_node::run_script;

/// What runs on the head node.
const ROTATE: &str = concat!(
    include_str!("slurm-setting.sh"),
    include_str!("rotate-key.sh")
);

/// How long it may take: slurmctld is started anew.
const LIMIT: Duration = Duration::from_secs(180);

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Rotated { rotated: String },
    Refused { error: String },
}

/// Replaces the key on the head node and starts slurmctld anew, so that every token that there
/// is ends. Returns the path of the key.
pub async fn revoke_all(commands: &Commands, head_node: &str) -> Result<String> {
    let cannot = || "the tokens could not be revoked".to_owned();
    let words = run_script(commands, head_node, ROTATE, LIMIT, &cannot).await?;
    match serde_json::from_str(words.trim()) {
        Ok(Answer::Rotated { rotated }) => Ok(rotated),
        Ok(Answer::Refused { error }) => Err(Error::failed(cannot()).because(error)),
        Err(_) => Err(Error::failed(cannot()).because(words)),
    }
}
