//! Why jobs wait, what they do now, or how they ended, in words: what is told of them, held against
//! the nodes, the partitions, the queue and the jobs that they wait for.

mod capacity;
mod dependency;
mod ended;
mod fit;
mod groups;
mod machines;
mod partition;
mod queues;
mod surroundings;
mod under_way;
mod waiting;

use serde::Serialize;

use crate::error::Result;
use crate::hint::Command;
use crate::slurm::client::Client;
use crate::slurm::time;

use super::{Job, JobId, State};

pub use queues::{Queue, queues};

use groups::Group;
use surroundings::Surroundings;

/// Why some jobs, or tasks of an array, are in the state that they are in. Those of which the same is
/// to be said share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Their numbers as Slurm shows them, folded: `12`, `12_[0-4]`.
    pub jobs: Vec<String>,
    /// Their state.
    pub state: State,
    /// Slurm's reason, as Slurm names it.
    pub reason: Option<String>,
    /// What Slurm says beside that name, in its own words.
    pub reason_details: Option<String>,
    /// The answer in one sentence, without a full stop.
    pub text: String,
    /// What they wait for, as far as it is known.
    pub waits_for: Vec<Awaited>,
    /// When Slurm expects the first of them to start, in seconds since 1970.
    #[serde(with = "time")]
    pub expected_start: Option<u64>,
    /// What to do about it, most useful first; who prints it spells its commands.
    #[serde(skip)]
    pub advice: Vec<Advice>,
    /// What could not be looked at, and why.
    pub unknown: Vec<String>,
    /// Whether they wait for what may come by itself.
    #[serde(skip)]
    may_start: bool,
    /// Whether somebody has to do something before they start.
    #[serde(skip)]
    needs_help: bool,
}

impl Explanation {
    /// Returns whether they wait for what will come by itself.
    pub fn may_start(&self) -> bool {
        self.may_start
    }

    /// Returns whether they wait for what does not come by itself: a change of them, of their
    /// partition or of its nodes.
    pub fn needs_help(&self) -> bool {
        self.needs_help
    }
}

/// Something that a job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Awaited {
    /// What it is: `job`, `jobs`, `nodes`, `partition`, `time`, `license`, `reservation`, `release`.
    pub kind: &'static str,
    /// Its name or number, or several folded.
    pub name: Option<String>,
    /// The state that it is in.
    pub state: Option<String>,
    /// The same in words.
    pub text: String,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What it is good for.
    pub text: String,
    /// What to type, where a command does it.
    pub command: Option<Command>,
}

/// The text of the advice for partitions that ParallelCluster has closed; its command does not know
/// the cluster.
pub const OPENS_PARTITIONS: &str = "ParallelCluster makes partitions inactive while the compute fleet is \
    stopped, and when the nodes of a queue fail to boot again and again (protected mode); to start it";

impl Advice {
    fn words(text: impl Into<String>) -> Advice {
        Advice {
            text: text.into(),
            command: None,
        }
    }

    fn command(text: impl Into<String>, command: impl Into<Command>) -> Advice {
        Advice {
            text: text.into(),
            command: Some(command.into()),
        }
    }
}

/// Explains jobs: one, the parts of an array, or the components of a heterogeneous job, as `lookup`
/// returns them. `remembered` is asked for jobs that they wait for and that Slurm has forgotten. What
/// cannot be looked at is said in the explanation.
///
/// # Errors
///
/// When the server does not say which versions of the API it speaks.
pub async fn explain(
    client: &Client,
    jobs: &[Job],
    remembered: impl AsyncFn(JobId) -> Vec<Job>,
) -> Result<Vec<Explanation>> {
    let groups = groups::of(jobs);
    let around = surroundings::look(client, &groups, remembered).await?;
    Ok(groups.iter().map(|group| one(group, &around)).collect())
}

fn one(group: &Group, around: &Surroundings) -> Explanation {
    let job = group.first();
    let mut explanation = Explanation {
        jobs: group.names.clone(),
        state: job.state.clone(),
        reason: job.reason.clone(),
        reason_details: job.reason_details.clone(),
        text: String::new(),
        waits_for: Vec::new(),
        expected_start: None,
        advice: Vec::new(),
        unknown: around.unknown.clone(),
        may_start: false,
        needs_help: false,
    };
    if job.state.has_ended() {
        ended::explain(group, &mut explanation);
    } else if job.state.has_started() {
        under_way::explain(group, around, &mut explanation);
    } else {
        waiting::explain(group, around, &mut explanation);
    }
    explanation
}
