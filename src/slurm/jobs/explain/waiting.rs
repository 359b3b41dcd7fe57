//! Jobs that wait: for what, until when, and what lets them start.

use crate::hint::Verb;
use crate::slurm::jobs::Job;
use crate::slurm::jobs::reasons::{self, Reason, Until};
use crate::slurm::jobs::task_list::TaskList;
use crate::slurm::time::rfc3339;

use super::dependency;
use super::groups::Group;
use super::partition::{self, Obstacle};
use super::surroundings::Surroundings;
use super::{Advice, Awaited, Explanation, OPENS_PARTITIONS};

/// How many jobs are named that come before another.
const NAMED: usize = 5;

/// Says why a group of jobs waits.
pub(super) fn explain(group: &Group<'_>, around: &Surroundings, explanation: &mut Explanation) {
    let job = group.first();
    let words = job.reason.as_deref();
    let reason = words.and_then(reasons::find);
    let is_held = job.is_held() || matches!(&reason, Some(it) if it.until == Until::Release);
    dependencies(job, around, explanation);
    begin(job, around, explanation);
    let obstacle = partition::explain(job, around, explanation);
    ahead(job, around, explanation);
    others(job, around, explanation);
    explanation.needs_help = job.never_starts()
        || is_held
        || obstacle.is_some_and(|obstacle| obstacle != Obstacle::Capacity);
    explanation.text = sentence(group, reason.as_ref(), is_held, obstacle);
    expected(group, around, is_held, explanation);
    advise(group, reason.as_ref(), is_held, around, explanation);
}

fn sentence(
    group: &Group<'_>,
    reason: Option<&Reason>,
    is_held: bool,
    obstacle: Option<Obstacle>,
) -> String {
    let job = group.first();
    let (subject, are_several) = group.subject();
    let verb = |one: &'static str, several: &'static str| if are_several { several } else { one };
    let named = job.reason.as_deref();
    let named = named.map_or(String::new(), |name| format!(" ({name})"));
    let waits = verb("waits", "wait");
    if job.never_starts() {
        let words = reason.map_or("", |reason| reason.words.as_str());
        return format!("{subject} can never start: {words}{named}");
    }
    if is_held {
        let why = reason.map_or("Slurm holds it", |reason| reason.words.as_str());
        return format!(
            "{subject} {waits} until somebody releases {}: {why}{named}",
            verb("it", "them")
        );
    }
    let words = match (obstacle, reason) {
        (Some(Obstacle::TooMuch), _) => "the partition does not have what it asks for",
        (Some(Obstacle::Capacity), _) => "EC2 did not start the instances of nodes that it may use",
        (Some(Obstacle::Partition), _) => "the partition takes no jobs at the moment",
        (Some(Obstacle::OutOfService), _) => {
            "too many of the nodes that it may use are down or drained"
        }
        (None, Some(reason)) if reason.name == "BeginTime" && job.restarts > 0 => {
            "Slurm started it anew after a failure, and lets it rest before the next try"
        }
        (None, Some(reason)) => reason.words.as_str(),
        (None, None) if named.is_empty() => {
            return format!("{subject} {waits}: Slurm has not yet said why");
        }
        (None, None) => {
            return format!(
                "{subject} {waits}; Slurm's reason is one that this hpcapi has no words for{named}"
            );
        }
    };
    format!("{subject} {waits}: {words}{named}")
}

/// Tells which jobs have to do what first.
fn dependencies(job: &Job, around: &Surroundings, explanation: &mut Explanation) {
    let conditions = job.dependency.as_deref().map(dependency::conditions);
    let awaited = conditions.into_iter().flatten().map(|condition| {
        let jobs = condition.job.and_then(|id| around.awaited.get(&id));
        condition.awaited(jobs.map(Vec::as_slice))
    });
    explanation.waits_for.extend(awaited);
}

/// Tells from when on it may start.
fn begin(job: &Job, around: &Surroundings, explanation: &mut Explanation) {
    let Some(begin) = job.eligible_time.filter(|begin| *begin > around.now) else {
        return;
    };
    explanation.waits_for.push(Awaited {
        kind: "time",
        name: Some(rfc3339(begin)),
        state: None,
        text: format!("it may start from {} on", rfc3339(begin)),
    });
}

/// Tells which jobs come before it.
fn ahead(job: &Job, around: &Surroundings, explanation: &mut Explanation) {
    let own = (job.priority.unwrap_or(0), job.id);
    for name in job.partition.as_deref().unwrap_or_default().split(',') {
        let before: Vec<&Job> = around
            .queue
            .iter()
            .filter(|other| is_in(other, name) && competes(other))
            .filter(|other| {
                let theirs = other.priority.unwrap_or(0);
                other.id != own.1 && (theirs > own.0 || (theirs == own.0 && other.id < own.1))
            })
            .collect();
        if before.is_empty() {
            continue;
        }
        let count: u64 = before.iter().map(|job| job.stands_for()).sum();
        let named = before.iter().take(NAMED).map(|job| job.shown_id());
        let mut named = named.collect::<Vec<_>>().join(", ");
        if before.len() > NAMED {
            named.push_str(", …");
        }
        let (jobs, come) = if count == 1 {
            ("job", "comes")
        } else {
            ("jobs", "come")
        };
        explanation.waits_for.push(Awaited {
            kind: "jobs",
            name: Some(named.clone()),
            state: Some("PENDING".to_owned()),
            text: format!("{count} {jobs} {come} first in partition {name}: {named}"),
        });
    }
}

fn is_in(job: &Job, partition: &str) -> bool {
    let own = job.partition.as_deref().unwrap_or_default();
    own.split(',').any(|own| own == partition)
}

/// Returns whether a job that waits would start if there were nodes for it.
fn competes(job: &Job) -> bool {
    let reason = job.reason.as_deref().and_then(reasons::find);
    !job.is_held()
        && reason.is_none_or(|it| matches!(it.name, "Priority" | "Resources" | "ReqNodeNotAvail"))
}

/// Tells of licenses, of its reservation, and of the limit of its array.
fn others(job: &Job, around: &Surroundings, explanation: &mut Explanation) {
    let reason = job.reason.as_deref().and_then(reasons::find);
    let Some(reason) = reason else { return };
    let demands = &job.demands;
    match (reason.name, &demands.licenses, &demands.reservation) {
        ("Licenses", Some(wanted), _) => {
            explanation.waits_for.push(licenses(wanted, around));
        }
        (
            "Reservation" | "ReservationInvalid" | "ReservationDeleted" | "ReqNodeNotAvail",
            _,
            Some(name),
        ) => {
            explanation.waits_for.push(Awaited {
                kind: "reservation",
                name: Some(name.clone()),
                state: None,
                text: format!("reservation {name}"),
            });
            let command = Verb::Api.with("GET reservations");
            let advice = Advice::command("see when it begins, and what it has", command);
            explanation.advice.push(advice);
        }
        ("JobArrayTaskLimit", _, _) => {
            let limit = job.array_tasks.as_deref();
            let limit = limit.and_then(|tasks| tasks.split_once('%')).map(|it| it.1);
            if let Some(limit) = limit {
                explanation.waits_for.push(Awaited {
                    kind: "jobs",
                    name: job.array_job_id.map(|id| id.to_string()),
                    state: Some("RUNNING".to_owned()),
                    text: format!("one of its tasks that run has to end: {limit} may run at once"),
                });
            }
        }
        _ => {}
    }
}

fn licenses(wanted: &str, around: &Surroundings) -> Awaited {
    let told = wanted.split([',', '|']).map(|one| {
        let name = one.split([':', '@']).next().unwrap_or_default();
        match around.licenses.iter().find(|(own, _, _)| own == name) {
            Some((_, free, all)) => format!("{one} ({free} of {all} are free)"),
            None => one.to_owned(),
        }
    });
    Awaited {
        kind: "license",
        name: Some(wanted.to_owned()),
        state: None,
        text: format!("licenses: {}", told.collect::<Vec<_>>().join(", ")),
    }
}

/// Takes over when Slurm expects it to start.
fn expected(
    group: &Group<'_>,
    around: &Surroundings,
    is_held: bool,
    explanation: &mut Explanation,
) {
    if is_held || group.first().never_starts() {
        return;
    }
    explanation.may_start = true;
    let starts = group.jobs().iter().filter_map(|job| job.start_time);
    // One that has passed is from a look at a queue that was another.
    explanation.expected_start = starts.filter(|start| *start > around.now).min();
}

fn advise(
    group: &Group<'_>,
    reason: Option<&Reason>,
    is_held: bool,
    around: &Surroundings,
    explanation: &mut Explanation,
) {
    let job = group.first();
    let id = group.id();
    if let Some(change) = reason
        .map(|it| &it.change)
        .filter(|change| !change.is_empty())
    {
        explanation.advice.push(Advice::words(change.clone()));
    }
    if job.never_starts() {
        explanation.advice.push(group.cancelling());
        return;
    }
    if is_held {
        let is_admins = reason.is_some_and(|it| it.name == "JobHeldAdmin");
        release(&id, is_admins, around, explanation);
        explanation.advice.push(group.cancelling());
        return;
    }
    if matches!(reason, Some(it) if it.name == "PartitionInactive") {
        let command = "pcluster update-compute-fleet --cluster-name NAME --status START_REQUESTED";
        explanation
            .advice
            .push(Advice::command(OPENS_PARTITIONS, command));
    }
    if explanation.waits_for.iter().any(|it| it.kind == "nodes") && explanation.advice.is_empty() {
        let advice = Advice::command("see the nodes", Verb::Nodes);
        explanation.advice.push(advice);
    }
}

/// Says how a job that is held is released.
fn release(id: &str, is_admins: bool, around: &Surroundings, explanation: &mut Explanation) {
    let who = match is_admins {
        true => "release it, which takes an administrator of Slurm (root or the user slurm)",
        false => "release it",
    };
    if around.releases {
        let command = Verb::Api.with(format!("POST job/{id} --data '{{\"hold\": false}}'"));
        explanation.advice.push(Advice::command(who, command));
    }
    let command = format!("scontrol release {id}");
    let advice = format!("{who}, on the head node");
    explanation.advice.push(Advice::command(advice, command));
}

impl Job {
    /// Returns how many jobs it stands for: the tasks of an array that have not started share one.
    pub(super) fn stands_for(&self) -> u64 {
        let tasks = self.array_tasks.as_deref();
        let tasks = tasks.and_then(|tasks| TaskList(tasks).tasks());
        tasks.map_or(1, |tasks| u64::try_from(tasks.len()).unwrap_or(u64::MAX))
    }
}
