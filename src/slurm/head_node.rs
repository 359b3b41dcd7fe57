//! Scripts of ours on the head node: run over SSM, answered on standard output.

use std::time::Duration;

use crate::aws::{Commands, Invocation};
use crate::error::{Error, Result};

/// Gives a script that is about a user the cluster's own where `user` is empty.
pub(super) const DEFAULT_USER: &str = include_str!("default-user.sh");

/// Runs a script on the head node as root and returns what it printed; fails when it printed
/// nothing. `cannot` says what could not be done.
pub(super) async fn run_script(
    commands: &Commands,
    head_node: &str,
    script: &str,
    limit: Duration,
    cannot: &(dyn Fn() -> String + Sync),
) -> Result<String> {
    match commands.run(head_node, script, limit).await? {
        Invocation::Ended { stdout, stderr, .. } if stdout.trim().is_empty() => {
            Err(Error::failed(cannot()).because(stderr))
        }
        Invocation::Ended { stdout, .. } => Ok(stdout),
        Invocation::NotOnline => Err(Error::failed(cannot())
            .because(format!("the head node `{head_node}` is not online in SSM"))),
        Invocation::NotEnded(why) => {
            Err(Error::failed(cannot()).because(format!("SSM says: {why}")))
        }
    }
}
