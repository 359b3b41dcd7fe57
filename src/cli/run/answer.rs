//! What became of a run.

use serde::Serialize;

use crate::error::Result;
use crate::output::Answer;
use crate::runs::{Fetched, RunId};
use crate::slurm::jobs::Job;

use super::follow::unwell;

/// What became of a run.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct RunAnswer {
    run: RunId,
    job: u64,
    /// What it ended with; `null` while it runs.
    exit_code: Option<u8>,
    /// Its parts: the tasks of an array, or one.
    pub(super) tasks: Vec<TaskAnswer>,
}

/// What became of a part of a run.
#[derive(Debug, Serialize)]
pub(super) struct TaskAnswer {
    /// The index in the array.
    task: Option<u64>,
    state: String,
    exit_code: Option<u8>,
    signal: Option<u8>,
    /// What went wrong besides.
    pub(super) problem: Option<String>,
    /// How many files were written here.
    files: usize,
    /// How many bytes these have.
    bytes: u64,
    /// How many files were here already.
    unchanged: usize,
    /// What was changed here since, and stays.
    kept: Vec<String>,
}

impl TaskAnswer {
    pub(super) fn of(job: &Job) -> TaskAnswer {
        TaskAnswer {
            task: job.array_task_id,
            state: job.state.to_string(),
            exit_code: job.exit_code,
            signal: job.signal,
            problem: None,
            files: 0,
            bytes: 0,
            unchanged: 0,
            kept: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, fetched: Fetched) {
        self.files = fetched.files;
        self.bytes = fetched.bytes;
        self.unchanged = fetched.unchanged;
        self.kept = fetched.kept.into_iter().map(String::from).collect();
    }
}

impl RunAnswer {
    /// Returns the answer for a run that nobody follows.
    pub(in crate::cli) fn submitted(run: &RunId, job: u64) -> RunAnswer {
        RunAnswer {
            run: run.clone(),
            job,
            exit_code: None,
            tasks: Vec::new(),
        }
    }

    /// Returns the answer for a run that has ended, without its parts.
    pub(super) fn ended(run: &RunId, job: u64, exit_code: u8) -> RunAnswer {
        RunAnswer {
            exit_code: Some(exit_code),
            ..RunAnswer::submitted(run, job)
        }
    }

    /// Fails when not all of it ended well: as its job did, unless its files are the trouble.
    pub(super) fn verdict(&self, run: &RunId) -> Result<()> {
        let problem = self.tasks.iter().find_map(|task| task.problem.as_deref());
        match (self.exit_code, problem) {
            (None | Some(0), None) => Ok(()),
            (code, problem) => Err(unwell(code.unwrap_or(1), problem, run)),
        }
    }
}

impl Answer for RunAnswer {
    /// The text is what the job printed; of one that nobody follows it is the run.
    fn text(&self) -> String {
        match self.exit_code {
            None => format!("{}\n", self.run),
            Some(_) => String::new(),
        }
    }

    fn done(&self) -> Option<String> {
        Some(format!("run {} is job {}", self.run, self.job))
    }
}
