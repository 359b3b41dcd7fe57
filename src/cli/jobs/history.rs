//! Jobs of all times as one list: those that Slurm has forgotten, and those that it knows.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use crate::error::Result;
use crate::event::Events;
use crate::output::{self, CsvList, JsonList, Reader};
use crate::slurm::jobs::{self, Filter, Job};

use super::super::reach::Reach;
use super::table::History;

/// How a list is printed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A table.
    Text,
    /// One JSON document.
    Json,
    /// Comma-separated values.
    Csv,
}

/// Shows the jobs that `filter` wants, of the job memory and of Slurm.
pub(super) async fn show_all(
    reach: &Reach,
    events: &Events,
    filter: &Filter,
    form: Form,
) -> Result<()> {
    let memory = reach.job_memory().await?;
    if let Some(problem) = memory.problem().await? {
        events.warn(format!(
            "jobs that end now are not remembered by the head node: {problem}"
        ));
    }
    let unlimited = Filter {
        limit: None,
        ..filter.clone()
    };
    // Before the memory is read: what Slurm forgets meanwhile is in it.
    let live = match jobs::list(&reach.client, &unlimited, None).await {
        Ok(listing) => listing.map(|listing| listing.jobs).unwrap_or_default(),
        Err(error) => {
            events.warn(format!(
                "these are only the jobs that are remembered: {error}"
            ));
            Vec::new()
        }
    };
    let known: HashSet<_> = live.iter().map(|job| (job.id, job.submit_time)).collect();
    let mut list = List::begin(form, filter.limit)?;
    memory
        .each(&unlimited, |job| {
            match known.contains(&(job.id, job.submit_time)) {
                true => Ok(ControlFlow::Continue(())),
                false => list.take(job),
            }
        })
        .await?;
    list.end_with(live)
}

/// Shows these jobs.
pub(super) fn show(jobs: impl IntoIterator<Item = Job>, form: Form) -> Result<()> {
    List::begin(form, None)?.end_with(jobs)
}

/// A list that is printed as it comes, or, if only the newest are wanted, when they are known.
struct List {
    printing: Printing,
    newest: Option<(usize, VecDeque<Job>)>,
}

enum Printing {
    Text(History),
    Json(JsonList),
    Csv(CsvList),
}

impl List {
    fn begin(form: Form, limit: Option<usize>) -> Result<List> {
        Ok(List {
            printing: match form {
                Form::Text => Printing::Text(History::new()),
                Form::Json => Printing::Json(JsonList::begin("jobs")?),
                Form::Csv => Printing::Csv(CsvList::begin()),
            },
            newest: limit.map(|limit| (limit, VecDeque::new())),
        })
    }

    fn take(&mut self, job: Job) -> Result<ControlFlow<()>> {
        let Some((limit, newest)) = &mut self.newest else {
            return self.printing.add(&job);
        };
        if newest.len() == *limit {
            newest.pop_front();
        }
        newest.push_back(job);
        Ok(ControlFlow::Continue(()))
    }

    fn end_with(mut self, jobs: impl IntoIterator<Item = Job>) -> Result<()> {
        for job in jobs {
            if self.take(job)?.is_break() {
                return Ok(());
            }
        }
        for job in self.newest.into_iter().flat_map(|(_, newest)| newest) {
            if self.printing.add(&job)?.is_break() {
                return Ok(());
            }
        }
        match self.printing {
            Printing::Text(table) => output::lines(table.each_line()),
            Printing::Json(list) => list.end(),
            Printing::Csv(list) => list.end(),
        }
    }
}

impl Printing {
    fn add(&mut self, job: &Job) -> Result<ControlFlow<()>> {
        let reader = match self {
            Printing::Text(table) => {
                table.row(job);
                Reader::There
            }
            Printing::Json(list) => list.element(job)?,
            Printing::Csv(list) => list.element(job)?,
        };
        Ok(match reader {
            Reader::There => ControlFlow::Continue(()),
            Reader::Gone => ControlFlow::Break(()),
        })
    }
}
