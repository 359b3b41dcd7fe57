//! Jobs of which the same is to be said: the tasks of an array by the thousand are a few groups.

use crate::hint::Verb;
use crate::slurm::host_list;
use crate::slurm::jobs::Job;
use crate::slurm::jobs::task_list::TaskList;

use super::Advice;

/// Jobs that are in the same state for the same reason.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// At least one.
    jobs: Vec<&'a Job>,
    /// Their numbers, folded.
    pub(super) names: Vec<String>,
    /// Whether they are all that was found of their array.
    is_whole: bool,
}

/// The most tasks that are named one by one.
const NAMED: usize = 10;

impl<'a> Group<'a> {
    /// Returns the one that stands for all.
    pub(super) fn first(&self) -> &'a Job {
        self.jobs[0]
    }

    /// Returns all of them.
    pub(super) fn jobs(&self) -> &[&'a Job] {
        &self.jobs
    }

    /// Returns them as the subject of a sentence, and whether they are several.
    pub(super) fn subject(&self) -> (String, bool) {
        let names = self.names.join(", ");
        let is_several = self.jobs.len() > 1 || self.first().array_tasks.is_some();
        match (is_several, self.first().array_job_id.is_some()) {
            (false, _) => (format!("job {names}"), false),
            (true, true) => (format!("tasks {names}"), true),
            (true, false) => (format!("jobs {names}"), true),
        }
    }

    /// Returns the number that Slurm's commands take for them.
    pub(super) fn id(&self) -> String {
        let job = self.first();
        match (job.array_job_id, job.array_task_id) {
            (Some(array), Some(task)) if self.jobs.len() == 1 => format!("{array}_{task}"),
            (Some(array), _) => array.to_string(),
            (None, _) => job.id.to_string(),
        }
    }

    /// Returns what cancels them: where a few tasks of an array can be named, no others.
    pub(super) fn cancelling(&self) -> Advice {
        let tasks = self.jobs.iter().map(|job| tasks(job));
        let tasks: Option<Vec<String>> = tasks.collect::<Option<Vec<_>>>().map(|it| it.concat());
        match tasks.filter(|tasks| !self.is_whole && tasks.len() <= NAMED) {
            Some(tasks) => {
                let command = Verb::JobsCancel.with(tasks.join(" "));
                Advice::command("give them up", command)
            }
            None if self.is_whole => {
                let command = Verb::JobsCancel.with(self.id());
                Advice::command("give it up", command)
            }
            None => {
                let command = Verb::JobsCancel.with(self.id());
                Advice::command("give the whole array up, with its tasks that run", command)
            }
        }
    }
}

/// Returns the tasks that a job of an array is or stands for; `None` where Slurm does not tell them all.
fn tasks(job: &Job) -> Option<Vec<String>> {
    let array = job.array_job_id?;
    let tasks = match (job.array_task_id, &job.array_tasks) {
        (Some(task), _) => vec![task],
        (None, Some(list)) => TaskList(list).tasks()?,
        (None, None) => return None,
    };
    let named = tasks.iter().map(|task| format!("{array}_{task}"));
    Some(named.collect())
}

/// Returns jobs in groups, in the order of the first of each.
pub(super) fn of(jobs: &[Job]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for job in jobs {
        match groups.iter_mut().find(|group| alike(group.first(), job)) {
            Some(group) => group.jobs.push(job),
            None => groups.push(Group {
                jobs: vec![job],
                names: Vec::new(),
                is_whole: true,
            }),
        }
    }
    let arrays: Vec<Option<u64>> = groups.iter().map(|it| it.first().array_job_id).collect();
    for group in &mut groups {
        group.names = names(&group.jobs);
        let own = group.first().array_job_id;
        group.is_whole = own.is_none() || arrays.iter().filter(|it| **it == own).count() == 1;
    }
    groups
}

fn alike(one: &Job, other: &Job) -> bool {
    let said = |job: &Job| {
        (
            job.state.clone(),
            job.reason.clone(),
            job.reason_details.clone(),
            job.dependency.clone(),
            (job.exit_code, job.signal),
            job.partition.clone(),
        )
    };
    one.array_job_id == other.array_job_id && said(one) == said(other)
}

fn names(jobs: &[&Job]) -> Vec<String> {
    let (tasks, others): (Vec<&Job>, Vec<&Job>) =
        jobs.iter().partition(|job| job.array_task_id.is_some());
    let folded = host_list::folded(tasks.into_iter().map(Job::shown_id));
    let folded = Some(folded).filter(|folded| !folded.is_empty());
    folded
        .into_iter()
        .chain(others.into_iter().map(Job::shown_id))
        .collect()
}
