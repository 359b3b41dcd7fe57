//! How busy a cluster is, asked of Slurm itself on the head node: needs no token and no endpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::Commands;
use crate::error::{Error, Result};

use super::head_node::run_script;

const LOOK: &str = include_str!("look-at-workload.sh");

/// How long it may take: a controller that hangs is not waited for.
const LIMIT: Duration = Duration::from_secs(40);

/// How busy a cluster is; each task of an array is a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Workload {
    /// Jobs that hold nodes.
    pub running: u64,
    /// Jobs that wait.
    pub pending: u64,
    /// Compute nodes that run, or are being started or stopped.
    pub nodes: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Seen(Workload),
    Refused { error: String },
}

/// Looks at the jobs and the nodes of the cluster.
pub async fn look_at_workload(commands: &Commands, head_node: &str) -> Result<Workload> {
    let cannot = || "cannot count the jobs of the cluster".to_owned();
    let words = run_script(commands, head_node, LOOK, LIMIT, &cannot).await?;
    match serde_json::from_str(words.trim()) {
        Ok(Answer::Seen(workload)) => Ok(workload),
        Ok(Answer::Refused { error }) => Err(Error::failed(cannot()).because(error)),
        Err(_) => Err(Error::failed(cannot()).because(words)),
    }
}
