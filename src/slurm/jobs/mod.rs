//! Jobs, in one shape for all versions of Slurm's API.

mod accounting;
mod cancel;
mod change;
mod demands;
mod explain;
mod id;
mod list;
mod lookup;
mod memory;
mod output_file;
mod parts;
mod period;
mod raw;
mod reasons;
mod state;
mod states;
mod step;
mod submit;
mod task_list;
mod usage;
mod wait;

use serde::{Deserialize, Serialize};

use super::time;

use task_list::TaskList;

pub use accounting::Accounting;
pub use cancel::{Cancelled, Receiver, Refused, Signal, cancel, request as cancel_request, signal};
pub use change::{Change, change};
pub use demands::Demands;
pub use explain::{Advice, Awaited, Explanation, OPENS_PARTITIONS, Queue, explain, queues};
pub use id::JobId;
pub use list::{Filter, Listing, list, raw};
pub use lookup::{lookup, lookup_whole, request as lookup_request};
pub use memory::{HEAD_NODE, JobMemory};
pub use parts::{Parts, parts};
pub use period::Period;
pub use state::State;
pub use step::Step;
pub use submit::{Marker, Submitted, accepted, find_marked, request as submit_request, submit};
pub use usage::{By, Line as UsageLine, Usage};
pub use wait::{exit_code, gone, wait};

/// Who tells of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Slurm, which forgets a job some minutes after its end.
    Slurm,
    /// Slurm's accounting database.
    Database,
    /// The job memory: what Slurm said of it when it ended.
    Memory,
    /// The job memory, where a text of another job's user may have made it up.
    Unconfirmed,
}

/// A job. Field for field the same whatever the server's version, but for what a version does
/// not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number; the tasks of an array have numbers of their own.
    pub id: u64,
    /// The number of the array it belongs to.
    pub array_job_id: Option<u64>,
    /// Its index in the array.
    pub array_task_id: Option<u64>,
    /// The indices of the array that have not started yet, e.g. `3-9%2`.
    pub array_tasks: Option<String>,
    /// The number of the heterogeneous job that it is a component of.
    #[serde(skip)]
    pub het_job_id: Option<u64>,
    /// The numbers of all of its components, e.g. `5-6`.
    #[serde(skip)]
    pub het_components: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its user; v0.0.36 does not tell.
    pub user: Option<String>,
    /// Its user's number, where Slurm itself tells of it.
    #[serde(skip)]
    pub user_id: Option<u64>,
    /// Its user's group, where Slurm itself tells of it.
    #[serde(skip)]
    pub group: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// The partitions that it asks for, or the one that it runs in.
    pub partition: Option<String>,
    /// Its quality of service.
    pub qos: Option<String>,
    /// Its state, as `squeue` shows it.
    pub state: State,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// What Slurm says of the reason beside its name, where Slurm itself tells of the job.
    #[serde(skip)]
    pub reason_details: Option<String>,
    /// What it waits for.
    pub dependency: Option<String>,
    /// Its priority; zero is held.
    pub priority: Option<u64>,
    /// The nodes it runs or ran on, folded.
    pub nodes: Option<String>,
    /// The node that its script runs on.
    #[serde(skip)]
    pub batch_host: Option<String>,
    /// How many nodes it has, or asks for.
    pub node_count: Option<u64>,
    /// How many CPUs it has, or asks for.
    pub cpus: Option<u64>,
    /// How many tasks it asks for.
    pub tasks: Option<u64>,
    /// Memory for each node, in MiB.
    pub memory_per_node_mb: Option<u64>,
    /// Memory for each CPU, in MiB.
    pub memory_per_cpu_mb: Option<u64>,
    /// When it was submitted.
    #[serde(with = "time", default)]
    pub submit_time: Option<u64>,
    /// From when on it may start.
    #[serde(with = "time", default)]
    pub eligible_time: Option<u64>,
    /// When it started, or will start as far as Slurm can say.
    #[serde(with = "time", default)]
    pub start_time: Option<u64>,
    /// When it ended, or will be ended.
    #[serde(with = "time", default)]
    pub end_time: Option<u64>,
    /// How long it may run, in seconds; without a limit there is none.
    pub time_limit_seconds: Option<u64>,
    /// What it ended with.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// The highest exit code of its steps.
    pub derived_exit_code: Option<u8>,
    /// How often it was started anew.
    pub restarts: u64,
    /// Its folder on the cluster.
    pub directory: Option<String>,
    /// The file that its standard input comes from; without one there is nothing to read.
    pub stdin: Option<String>,
    /// The file that its standard output goes to; `%a` in it is the index of a task that has not
    /// started.
    pub stdout: Option<String>,
    /// The file that its standard error goes to.
    pub stderr: Option<String>,
    /// The file of its script, where Slurm tells.
    #[serde(skip)]
    pub command: Option<String>,
    /// The features that its nodes must have.
    pub constraints: Option<String>,
    /// What else it asks for, where Slurm itself tells of the job.
    #[serde(skip)]
    pub demands: Demands,
    /// Its user's remark.
    pub comment: Option<String>,
    /// The marker that hpcapi gave it when it submitted it.
    pub marker: Option<String>,
    /// The command that submitted it, where Slurm tells.
    pub submit_line: Option<String>,
    /// Its steps, where the accounting database was asked for them.
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub steps: Vec<Step>,
    /// Who tells of it.
    pub source: Source,
}

impl Job {
    /// Returns its number as Slurm's commands show it: `12`, `12_3`, `12_[4-9]`.
    pub fn shown_id(&self) -> String {
        match (self.array_job_id, self.array_task_id, &self.array_tasks) {
            (Some(array), Some(task), _) => format!("{array}_{task}"),
            (Some(array), None, Some(tasks)) => format!("{array}_[{tasks}]"),
            _ => self.id.to_string(),
        }
    }

    /// Returns how many jobs it stands for: the tasks of an array that have not started are one.
    /// `None` where Slurm shortened their list.
    pub fn task_count(&self) -> Option<u64> {
        match (self.array_job_id, self.array_task_id, &self.array_tasks) {
            (Some(_), None, Some(tasks)) => {
                let tasks = TaskList(tasks).tasks()?;
                u64::try_from(tasks.len()).ok()
            }
            _ => Some(1),
        }
    }

    /// Returns it, or if it stands for tasks that have not started, each of them by itself. A list
    /// of tasks that Slurm has shortened stays one.
    pub fn each_task(self) -> Vec<Job> {
        let waiting = self.array_tasks.as_deref().map(TaskList);
        let Some(tasks) = waiting.and_then(TaskList::tasks) else {
            return vec![self];
        };
        let task = |task| Job {
            array_task_id: Some(task),
            array_tasks: None,
            ..self.clone()
        };
        tasks.into_iter().map(task).collect()
    }

    /// Returns whether it is `id`, or belongs to the array `id`.
    pub fn is(&self, id: JobId) -> bool {
        match id.task {
            None => self.id == id.job || self.array_job_id == Some(id.job),
            Some(task) => {
                let is_task = self.array_job_id == Some(id.job) && self.array_task_id == Some(task);
                let waits = self.array_job_id == Some(id.job) && self.array_task_id.is_none();
                let waiting = self.array_tasks.as_deref().filter(|_| waits);
                is_task || waiting.is_some_and(|list| TaskList(list).may_hold(task))
            }
        }
    }

    /// Takes from `other`, which tells of the same job, what this one lacks.
    pub fn complete_from(&mut self, other: Job) {
        fn fill<T>(own: &mut Option<T>, other: Option<T>) {
            if own.is_none() {
                *own = other;
            }
        }
        fill(&mut self.array_tasks, other.array_tasks);
        fill(&mut self.reason, other.reason);
        fill(&mut self.dependency, other.dependency);
        fill(&mut self.tasks, other.tasks);
        fill(&mut self.memory_per_node_mb, other.memory_per_node_mb);
        fill(&mut self.memory_per_cpu_mb, other.memory_per_cpu_mb);
        fill(&mut self.derived_exit_code, other.derived_exit_code);
        fill(&mut self.stdin, other.stdin);
        fill(&mut self.stdout, other.stdout);
        fill(&mut self.stderr, other.stderr);
        fill(&mut self.constraints, other.constraints);
        fill(&mut self.comment, other.comment);
        fill(&mut self.marker, other.marker);
        fill(&mut self.submit_line, other.submit_line);
    }

    /// Returns its state, and why it waits if it does so until somebody releases it.
    pub fn told(&self) -> String {
        match &self.reason {
            Some(reason) if self.is_held() => format!("{}: {reason}", self.state),
            _ => self.state.to_string(),
        }
    }

    /// Returns whether it waits until somebody releases it.
    pub fn is_held(&self) -> bool {
        self.priority == Some(0) && self.state.as_str() == "PENDING"
    }

    /// Returns whether it waits for what does not come: nothing but a change of the job, or of the
    /// cluster, lets it start.
    pub fn never_starts(&self) -> bool {
        self.state.as_str() == "PENDING" && self.reason.as_deref().is_some_and(reasons::is_for_good)
    }

    /// Returns what went wrong with it, in words, where Slurm has only a sign for it.
    pub fn trouble(&self) -> Option<String> {
        reasons::trouble(self)
    }

    /// Returns for how long it has run or ran, in seconds.
    pub fn elapsed(&self, now: u64) -> Option<u64> {
        let start = self.start_time.filter(|_| self.state.has_started())?;
        let end = match (self.state.has_ended(), self.state.is_ending()) {
            (true, _) => self.end_time?,
            (false, true) => self.end_time.unwrap_or(now),
            (false, false) => now,
        };
        Some(end.saturating_sub(start))
    }
}
