//! Jobs that Slurm has forgotten: its accounting database tells of them where it has one, and else
//! the job memory.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::event::Events;
use crate::slurm::jobs::{Accounting, Filter, Job, JobId, JobMemory};

use super::super::reach::Reach;

/// Who tells of them.
pub(super) enum Forgotten<'a> {
    Database(Accounting<'a>),
    Memory(JobMemory),
}

impl<'a> Forgotten<'a> {
    /// Finds out who tells, and says what keeps that from being whole.
    pub(super) async fn of(reach: &'a Reach, events: &Events) -> Result<Forgotten<'a>> {
        if let Some(database) = database(reach, events).await {
            return Ok(Forgotten::Database(database));
        }
        let memory = reach.job_memory().await?;
        if let Some(problem) = memory.problem().await? {
            events.warn(format!(
                "jobs that end now are not remembered by the head node: {problem}"
            ));
        }
        Ok(Forgotten::Memory(memory))
    }

    /// Tells `visit` each job that ended since a time and that `filter` wants, but for its limit,
    /// until it breaks.
    pub(super) async fn each(
        self,
        ended_since: Option<u64>,
        filter: &Filter,
        visit: impl FnMut(Job) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        match self {
            Forgotten::Database(database) => database.each(ended_since, filter, visit).await,
            Forgotten::Memory(memory) => memory.each(ended_since, filter, visit).await,
        }
    }
}

/// Returns what is known of one, or of the tasks of an array.
pub(in crate::cli) async fn forgotten(reach: &Reach, events: &Events, id: JobId) -> Vec<Job> {
    let mut told = match database(reach, events).await {
        None => Vec::new(),
        Some(database) => database.find(id).await.unwrap_or_else(|error| {
            warn(events, &error);
            Vec::new()
        }),
    };
    let remembered = reach.remembered(id).await;
    if told.is_empty() {
        return remembered;
    }
    // The database lacks comments, and older ones where output goes.
    for other in remembered {
        let is_it = |job: &&mut Job| (job.id, job.submit_time) == (other.id, other.submit_time);
        if let Some(job) = told.iter_mut().find(is_it) {
            job.complete_from(other);
        }
    }
    told
}

async fn database<'a>(reach: &'a Reach, events: &Events) -> Option<Accounting<'a>> {
    let database = Accounting::of(&reach.client).await;
    database.unwrap_or_else(|error| {
        warn(events, &error);
        None
    })
}

fn warn(events: &Events, error: &crate::error::Error) {
    events.warn(format!(
        "the accounting database cannot be read, the job memory is: {error}"
    ));
}
