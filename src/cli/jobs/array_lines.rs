//! The lines of a table of jobs: the tasks of an array that are alike share one.

use std::collections::HashMap;

use crate::slurm::host_list;
use crate::slurm::jobs::Job;

/// A job, or the tasks of an array that are alike.
#[derive(Debug)]
pub(super) struct Line<'a> {
    first: &'a Job,
    others: Vec<&'a Job>,
}

/// What tasks on one line have in common.
#[derive(PartialEq, Eq, Hash)]
struct Alike<'a> {
    array: u64,
    state: &'a str,
    reason: Option<&'a str>,
    name: Option<&'a str>,
    partition: Option<&'a str>,
    limit: Option<u64>,
}

impl<'a> Alike<'a> {
    fn of(job: &'a Job) -> Option<Alike<'a>> {
        Some(Alike {
            array: job.array_job_id?,
            state: job.state.as_str(),
            reason: job.reason.as_deref().filter(|_| !job.state.has_started()),
            name: job.name.as_deref(),
            partition: job.partition.as_deref(),
            limit: job.time_limit_seconds,
        })
    }
}

/// Returns a line for the tasks of an array in one state, where the first of them stands.
pub(super) fn folded(jobs: &[Job]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut known: HashMap<Alike<'_>, usize> = HashMap::new();
    for job in jobs {
        if let Some(alike) = Alike::of(job) {
            if let Some(at) = known.get(&alike) {
                lines[*at].others.push(job);
                continue;
            }
            known.insert(alike, lines.len());
        }
        lines.push(Line::of(job));
    }
    lines
}

/// Returns a line for each.
pub(super) fn unfolded(jobs: &[Job]) -> Vec<Line<'_>> {
    jobs.iter().map(Line::of).collect()
}

impl<'a> Line<'a> {
    fn of(job: &'a Job) -> Line<'a> {
        Line {
            first: job,
            others: Vec::new(),
        }
    }

    /// Returns the first of its jobs.
    pub(super) fn first(&self) -> &'a Job {
        self.first
    }

    /// Returns whether it stands for several tasks.
    pub(super) fn is_folded(&self) -> bool {
        self.first.array_job_id.is_some() && self.tasks() != Some(1)
    }

    /// Returns how many tasks it stands for; `None` where Slurm shortened their list.
    pub(super) fn tasks(&self) -> Option<u64> {
        self.jobs().map(Job::task_count).sum()
    }

    /// Returns its number as Slurm's commands show it: `12`, `12_3`, `12_[0-2,7]`.
    pub(super) fn id(&self) -> String {
        let Some(array) = self.first.array_job_id.filter(|_| !self.others.is_empty()) else {
            return self.first.shown_id();
        };
        let mut started: Vec<u64> = self.jobs().filter_map(|job| job.array_task_id).collect();
        started.sort_unstable();
        let waiting = self.jobs().filter(|job| job.array_task_id.is_none());
        let waiting = waiting.filter_map(|job| job.array_tasks.clone());
        let ranges = Some(host_list::ranges(&started, 0)).filter(|ranges| !ranges.is_empty());
        let tasks: Vec<String> = ranges.into_iter().chain(waiting).collect();
        format!("{array}_[{}]", tasks.join(","))
    }

    /// Returns for how long the first of its tasks to start has run or ran, in seconds.
    pub(super) fn elapsed(&self, now: u64) -> Option<u64> {
        self.jobs().filter_map(|job| job.elapsed(now)).max()
    }

    /// Returns how many nodes they have together, or ask for.
    pub(super) fn node_count(&self) -> Option<u64> {
        self.jobs().map(|job| job.node_count).sum()
    }

    /// Returns the nodes they run or ran on, folded.
    pub(super) fn nodes(&self) -> String {
        match self.others.is_empty() {
            true => self.first.nodes.clone().unwrap_or_default(),
            false => host_list::folded(self.jobs().filter_map(|job| job.nodes.clone())),
        }
    }

    fn jobs(&self) -> impl Iterator<Item = &'a Job> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}
