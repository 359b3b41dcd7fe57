//! Jobs of all times as one list: those that Slurm has forgotten, and those that it knows.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use clap::ValueEnum;

use crate::error::Result;
use crate::event::Events;
use crate::output::{CsvList, Emptiness, JsonList, Reader};
use crate::slurm::jobs::{self, Filter, Job};

use super::super::reach::Reach;
use super::forgotten::Forgotten;
use super::table::History;

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A table.
    Text,
    /// One JSON document.
    Json,
    /// Comma-separated values with a heading: the fields of the JSON document.
    Csv,
}

/// Shows the jobs that `filter` wants, of the job memory and of Slurm.
pub(super) async fn show_all(
    reach: &Reach,
    events: &Events,
    filter: &Filter,
    form: Form,
    empty: &Emptiness,
) -> Result<()> {
    let unlimited = Filter {
        limit: None,
        ..filter.clone()
    };
    let all = AllJobs::look(reach, events, &unlimited).await?;
    let mut list = List::begin(form, filter.limit)?;
    // Whoever was submitted since ended since.
    let live = all
        .each_forgotten(filter.since, &unlimited, |job| list.take(job))
        .await?;
    let shown = list.end_with(live)?;
    if shown == Shown::Nothing && form == Form::Text {
        empty.tell();
    }
    Ok(())
}

/// Those that Slurm has forgotten, and those that it knows.
pub(in crate::cli) struct AllJobs<'a> {
    forgotten: Forgotten<'a>,
    live: Vec<Job>,
}

impl<'a> AllJobs<'a> {
    /// Asks Slurm for those that `filter` wants, and tells what keeps the list from being whole.
    pub(in crate::cli) async fn look(
        reach: &'a Reach,
        events: &Events,
        filter: &Filter,
    ) -> Result<AllJobs<'a>> {
        // Before the others are read: what Slurm forgets meanwhile is among them. And it is Slurm that
        // tells when a token has to be renewed.
        let live = match jobs::list(&reach.client, filter, None).await {
            Ok(listing) => listing.map(|listing| listing.jobs).unwrap_or_default(),
            Err(error) => {
                events.warn(format!(
                    "these are only the jobs that are remembered: {error}"
                ));
                Vec::new()
            }
        };
        let forgotten = Forgotten::of(reach, events).await?;
        Ok(AllJobs { forgotten, live })
    }

    /// Tells `visit` each job that ended since a time, that `filter` wants and that Slurm has
    /// forgotten, until it breaks, and returns those that Slurm knows.
    pub(in crate::cli) async fn each_forgotten(
        self,
        ended_since: Option<u64>,
        filter: &Filter,
        mut visit: impl FnMut(Job) -> Result<ControlFlow<()>>,
    ) -> Result<Vec<Job>> {
        let live = self.live.iter();
        let known: HashSet<_> = live.map(|job| (job.id, job.submit_time)).collect();
        self.forgotten
            .each(ended_since, filter, |job| {
                match known.contains(&(job.id, job.submit_time)) {
                    true => Ok(ControlFlow::Continue(())),
                    false => visit(job),
                }
            })
            .await?;
        Ok(self.live)
    }
}

/// Shows these jobs.
pub(super) fn show(jobs: impl IntoIterator<Item = Job>, form: Form) -> Result<()> {
    List::begin(form, None)?.end_with(jobs).map(|_| ())
}

/// A list that is printed as it comes, or, if only the newest are wanted, when they are known.
struct List {
    printing: Printing,
    newest: Option<(usize, VecDeque<Job>)>,
    shown: Shown,
}

/// Whether there was anything in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Jobs,
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
                Form::Text => Printing::Text(History::begin()),
                Form::Json => Printing::Json(JsonList::begin("jobs")?),
                Form::Csv => Printing::Csv(CsvList::begin()),
            },
            newest: limit.map(|limit| (limit, VecDeque::new())),
            shown: Shown::Nothing,
        })
    }

    fn take(&mut self, job: Job) -> Result<ControlFlow<()>> {
        self.shown = Shown::Jobs;
        let Some((limit, newest)) = &mut self.newest else {
            return self.printing.add(&job);
        };
        if newest.len() == *limit {
            newest.pop_front();
        }
        newest.push_back(job);
        Ok(ControlFlow::Continue(()))
    }

    fn end_with(mut self, jobs: impl IntoIterator<Item = Job>) -> Result<Shown> {
        for job in jobs {
            if self.take(job)?.is_break() {
                return Ok(self.shown);
            }
        }
        for job in self.newest.into_iter().flat_map(|(_, newest)| newest) {
            if self.printing.add(&job)?.is_break() {
                return Ok(self.shown);
            }
        }
        match self.printing {
            Printing::Text(table) => table.end(),
            Printing::Json(list) => list.end(),
            Printing::Csv(list) => list.end(),
        }
        .map(|()| self.shown)
    }
}

impl Printing {
    fn add(&mut self, job: &Job) -> Result<ControlFlow<()>> {
        let reader = match self {
            Printing::Text(table) => table.row(job)?,
            Printing::Json(list) => list.element(job)?,
            Printing::Csv(list) => list.element(job)?,
        };
        Ok(match reader {
            Reader::There => ControlFlow::Continue(()),
            Reader::Gone => ControlFlow::Break(()),
        })
    }
}
