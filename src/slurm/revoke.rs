//! Revoking tokens: Slurm cannot revoke one, so the key that signs them all is replaced.

use std::time::Duration;

use serde::Deserialize;

use crate::aws::{Commands, Invocation};
use crate::error::{Error, Result};

/// What runs on the head node.
const ROTATE: &str = include_str!("rotate-key.sh");

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
    let cannot = || Error::failed("the tokens could not be revoked");
    match commands.run(head_node, ROTATE, LIMIT).await? {
        Invocation::Ended { stdout, stderr, .. } => match serde_json::from_str(stdout.trim()) {
            Ok(Answer::Rotated { rotated }) => Ok(rotated),
            Ok(Answer::Refused { error }) => Err(cannot().because(error)),
            Err(_) => Err(cannot().because(format!("{stdout}{stderr}"))),
        },
        Invocation::NotOnline => Err(cannot()
            .because(format!("the head node `{head_node}` is not online in SSM"))
            .hint("look with: hpcapi status")),
        Invocation::NotEnded(why) => Err(cannot().because(format!("SSM says: {why}"))),
    }
}
