//! How many jobs there are, asked of Slurm itself on the head node: needs no token and no endpoint.

use std::time::Duration;

use serde::Deserialize;

use crate::aws::Commands;
use crate::error::{Error, Result};

use super::head_node::run_script;

const COUNT: &str = include_str!("count-jobs.sh");

/// How long it may take: a controller that hangs is not waited for.
const LIMIT: Duration = Duration::from_secs(40);

/// How many jobs have not ended; each task of an array is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct JobCounts {
    /// Those that hold nodes.
    pub running: u64,
    /// Those that wait.
    pub pending: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Counted(JobCounts),
    Refused { error: String },
}

/// Counts the jobs of the cluster.
pub async fn count_jobs(commands: &Commands, head_node: &str) -> Result<JobCounts> {
    let cannot = || "cannot count the jobs of the cluster".to_owned();
    let words = run_script(commands, head_node, COUNT, LIMIT, &cannot).await?;
    match serde_json::from_str(words.trim()) {
        Ok(Answer::Counted(counts)) => Ok(counts),
        Ok(Answer::Refused { error }) => Err(Error::failed(cannot()).because(error)),
        Err(_) => Err(Error::failed(cannot()).because(words)),
    }
}
