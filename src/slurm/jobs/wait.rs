//! Waiting for jobs to end.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::client::Client;
use crate::wait::Pace;

use super::{Job, JobId, lookup};

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// What `timeout` of the GNU core utilities ends with, too.
const TIMED_OUT: u8 = 124;

/// For how long looks may fail before the wait does.
const PATIENCE: Duration = Duration::from_secs(600);

/// For how long a job that was seen and is forgotten may be missing in the job memory, which is
/// written every 20 s.
const WRITTEN: Duration = Duration::from_secs(90);

/// How long a look by the operations path rests: each starts a command on the head node.
const OPERATION: Duration = Duration::from_secs(5);

/// Waits until every one of `ids` has ended or can never start, at most `limit`; `seen` is told each
/// job whose state is new, or that is held, `troubled` each look that failed, and `remembered` is asked
/// for what Slurm has forgotten. Returns the jobs as they ended.
pub async fn wait(
    client: &Client,
    ids: &[JobId],
    limit: Duration,
    remembered: impl AsyncFn(JobId) -> Vec<Job>,
    mut seen: impl FnMut(&Job),
    mut troubled: impl FnMut(&Error),
) -> Result<Vec<Job>> {
    let mut pace = Pace::minutes(limit);
    let mut patience = Pace::minutes(PATIENCE.min(limit));
    let mut missing: Vec<Option<Pace>> = vec![None; ids.len()];
    let mut ended: Vec<Option<Vec<Job>>> = vec![None; ids.len()];
    let mut last: Vec<Vec<Job>> = vec![Vec::new(); ids.len()];
    loop {
        match look(client, ids, &ended).await {
            Ok(looks) => {
                patience = Pace::minutes(PATIENCE.min(limit));
                for (at, mut jobs) in looks {
                    if jobs.is_empty() {
                        jobs = remembered(ids[at]).await;
                    }
                    if jobs.is_empty() {
                        let is_late = missing[at].get_or_insert_with(|| Pace::minutes(WRITTEN));
                        if last[at].is_empty() || !is_late.next().await {
                            return Err(gone(ids[at], &last[at]));
                        }
                        continue;
                    }
                    for job in &jobs {
                        let before = last[at].iter().find(|before| before.id == job.id);
                        if before.is_none_or(|before| before.told() != job.told()) {
                            seen(job);
                        }
                    }
                    let is_settled = |job: &Job| job.state.has_ended() || job.never_starts();
                    if jobs.iter().all(is_settled) {
                        ended[at] = Some(jobs);
                    } else {
                        last[at] = jobs;
                    }
                }
            }
            Err(error) => {
                // A token that is refused never becomes good.
                if client.has_refused_token() {
                    return Err(error);
                }
                troubled(&error);
                if !patience.next().await {
                    return Err(error);
                }
                continue;
            }
        }
        if ended.iter().all(Option::is_some) {
            return Ok(ended.into_iter().flatten().flatten().collect());
        }
        if client.operations().is_some() {
            pace.wait_at_least(OPERATION);
        }
        if !pace.next().await {
            let open: Vec<String> = ids
                .iter()
                .zip(&ended)
                .filter(|(_, ended)| ended.is_none())
                .map(|(id, _)| id.to_string())
                .collect();
            return Err(Error::failed(format!(
                "not ended after {} s: {}",
                limit.as_secs(),
                open.join(", ")
            ))
            .hint(Hint::run(Verb::JobsWait.with(open.join(" "))).because("wait on")));
        }
    }
}

/// Looks at those that have not ended.
async fn look(
    client: &Client,
    ids: &[JobId],
    ended: &[Option<Vec<Job>>],
) -> Result<Vec<(usize, Vec<Job>)>> {
    let open = ids
        .iter()
        .enumerate()
        .filter(|(at, _)| ended[*at].is_none());
    stream::iter(open)
        .map(|(at, id)| async move { lookup(client, *id).await.map(|jobs| (at, jobs)) })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Returns the error for a job that Slurm does not know.
pub fn gone(id: JobId, last: &[Job]) -> Error {
    let error = match last.first() {
        Some(job) => Error::failed(format!(
            "Slurm has forgotten job {id}, which was {} when it was last seen",
            job.state
        )),
        None => Error::failed(format!("Slurm knows no job {id}")),
    };
    error.hint(
        Hint::run(Verb::JobsList)
            .because("Slurm forgets a job 5 minutes after its end (MinJobAge); those it knows"),
    )
}

/// Returns the exit code that stands for how all of `jobs` ended: the highest of theirs. A job
/// that was ended by a signal counts as 128 and the signal, one that ran out of time as 124.
pub fn exit_code(jobs: &[Job]) -> u8 {
    jobs.iter().map(code).max().unwrap_or(0)
}

/// One that never starts counts as 1.
fn code(job: &Job) -> u8 {
    match (job.state.as_str(), job.exit_code, job.signal) {
        ("COMPLETED", _, _) => 0,
        ("TIMEOUT", _, _) => TIMED_OUT,
        (_, Some(code), _) if code > 0 => code,
        (_, _, Some(signal)) => signal.saturating_add(128),
        _ => 1,
    }
}
