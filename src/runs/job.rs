//! The job of a run: submitted once, whoever asks and however often, because the run's name stands in
//! its comment and a marker in the bucket says that somebody has begun.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Filter, Job, JobMemory, Marker, Submitted};
use crate::slurm::submission::{Description, Owner};
use crate::slurm::time;
use crate::wait::Pace;

use super::digests::sha256;
use super::store::{Asked, RunId, Runs};

/// What runs on the job's first node.
const PROGRAM: &str = include_str!("../../templates/node/run-job.py");

/// What finds a Python for it.
const FRONT: &str = include_str!("../../templates/node/run-job.sh");

/// After so long, in seconds, whoever set the marker has submitted the job, or never will: API Gateway
/// gives a request up after 30 s.
const CERTAIN: u64 = 45;

/// For how long another submission is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The job of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunJob {
    /// Its number.
    pub id: u64,
    /// What Slurm remarks about it.
    pub warnings: Vec<String>,
}

impl Runs {
    /// Returns the job as it would be submitted, so that all that is wrong with it is known before
    /// anything is sent.
    pub fn description(
        name: &str,
        script: &[u8],
        options: &[(String, String)],
        owner: &Owner,
    ) -> Result<Description> {
        let mut description = Description::read(name, script)?;
        for (option, value) in options {
            description.set(option, value)?;
        }
        if description.wishes("test-only") {
            let wish = format!("`{name}` is to be tested alone, as its `--test-only` says");
            return Err(Error::usage(wish).hint(Hint::run(Verb::JobsSubmit.with(name))));
        }
        description.fill(owner)?;
        Ok(description)
    }

    /// Returns those of the jobs that are the run's: a cluster that was made anew counts from 1 again.
    pub fn own(run: &RunId, jobs: Vec<Job>) -> Vec<Job> {
        let marker = Marker::of_run(run.as_str());
        let is_own = |job: &Job| job.marker.as_deref() == Some(marker.as_str());
        jobs.into_iter().filter(is_own).collect()
    }

    /// Returns what is remembered of the run's job.
    pub async fn remembered(memory: &JobMemory, run: &RunId) -> Result<Vec<Job>> {
        let filter = Filter {
            marker: Some(Marker::of_run(run.as_str()).as_str().to_owned()),
            ..Filter::default()
        };
        let mut found = Vec::new();
        let visit = |job| {
            found.push(job);
            Ok(ControlFlow::Continue(()))
        };
        memory.each(None, &filter, visit).await?;
        Ok(found)
    }

    /// Submits the job of a run, or finds the one that was submitted. `region` is the bucket's, and
    /// `owner` looks up what is known of the run's user, if there is a job to submit.
    pub async fn submit(
        &self,
        client: &Client,
        memory: &JobMemory,
        run: &RunId,
        asked: &Asked,
        region: &str,
        owner: impl AsyncFnOnce() -> Owner,
    ) -> Result<RunJob> {
        if let Some(known) = self.submission(run).await? {
            return Ok(RunJob {
                id: known.job_id,
                warnings: Vec::new(),
            });
        }
        if let Some(trigger) = &asked.trigger {
            let waits = format!("the run `{run}` waits to be submitted by the trigger `{trigger}`");
            return Err(Error::failed(waits)
                .hint(Hint::run(Verb::TriggerLogs.with(trigger)).because("see why")));
        }
        let marker = Marker::of_run(run.as_str());
        let mut turn = 0;
        while !self.begin_submission(run, turn).await? {
            if let Some(id) = self.find_job(client, memory, run, turn, &marker).await? {
                self.note_submission(run, id).await?;
                return Ok(RunJob {
                    id,
                    warnings: Vec::new(),
                });
            }
            turn += 1;
        }
        let script = self.script(run).await?;
        if sha256(&script) != asked.script.sha256 {
            return Err(Error::failed(format!(
                "the script of the run `{run}` was changed in the bucket"
            )));
        }
        let (name, options) = (&asked.script.name, &asked.options);
        let mut description = Runs::description(name, &script, options, &owner().await)?;
        description.run_by(self.batch_script(run, asked, region));
        let submitted = jobs::submit(client, description, &marker).await?;
        let Submitted { id, warnings, .. } = submitted;
        self.note_submission(run, id).await?;
        Ok(RunJob { id, warnings })
    }

    /// Waits for the job that another process is submitting; `None` when it never will.
    async fn find_job(
        &self,
        client: &Client,
        memory: &JobMemory,
        run: &RunId,
        turn: usize,
        marker: &Marker,
    ) -> Result<Option<u64>> {
        let mut pace = Pace::minutes(PATIENCE);
        loop {
            if let Some(known) = self.submission(run).await? {
                return Ok(Some(known.job_id));
            }
            // Looked at before Slurm is: what is submitted after that is found by the next look.
            let begun = self.submission_began(run, turn).await?;
            let is_certain = begun.is_none_or(|begun| time::now() > begun + CERTAIN);
            if let Some(job) = jobs::find_marked(client, marker).await? {
                return Ok(Some(job));
            }
            if is_certain {
                return memory.find_marked(marker).await;
            }
            if !pace.next().await {
                return Err(Error::failed(format!(
                    "somebody else is submitting the run `{run}`, and does not come to an end"
                )));
            }
        }
    }

    /// Returns the batch script that Slurm gets.
    fn batch_script(&self, run: &RunId, asked: &Asked, region: &str) -> String {
        let (bucket, digest) = (&self.bucket, &asked.sha256);
        format!(
            "#!/bin/bash\n# The run {run} of hpcapi.\n\
             run={run}\nbucket={bucket}\nregion={region}\ndigest={digest}\n{}",
            program()
        )
    }
}

/// Returns what is the same in the batch script of every run.
pub fn program() -> String {
    format!("{FRONT}begin \"$1\" 3<<'END_OF_PROGRAM'\n{PROGRAM}END_OF_PROGRAM\n")
}
