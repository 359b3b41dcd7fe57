//! What a job is made of: its batch script and each `srun` in it.

use serde::Serialize;

use crate::slurm::time;

use super::State;

/// A step of a job, as the accounting database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its number after that of its job, e.g. `12.0`, `12.batch`.
    pub id: String,
    /// Its name: the program, or `batch`.
    pub name: Option<String>,
    /// Its state.
    pub state: State,
    /// What it ended with.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// The nodes it ran on, folded.
    pub nodes: Option<String>,
    /// How many tasks it had.
    pub tasks: Option<u64>,
    /// When it started.
    #[serde(serialize_with = "time::serialize")]
    pub start_time: Option<u64>,
    /// When it ended.
    #[serde(serialize_with = "time::serialize")]
    pub end_time: Option<u64>,
    /// How long processors worked for it, in seconds.
    pub cpu_seconds: u64,
    /// The most memory that one of its tasks took, in bytes, as far as Slurm measured it.
    pub max_memory_bytes: Option<u64>,
}
