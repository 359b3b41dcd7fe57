//! Jobs that have ended, as Slurm's accounting database has them: what slurmrestd tells of slurmdbd
//! below `/slurmdb`.

mod past;
mod record;

use std::ops::ControlFlow;
use std::time::Duration;

use serde::de::IgnoredAny;

use crate::error::Result;
use crate::slurm::client::{ApiVersion, Client, Element, Layer, Listed, Reply, Request};
use crate::slurm::time;

use super::{Filter, Job, JobId, Period};

use record::Record;

/// The first version that is asked. Those of Slurm 22.05 say that every job that exited did so with 0, and
/// those between have not been tried.
const OLDEST: ApiVersion = ApiVersion::new(40);

/// What is asked of each period. Without a state slurmdbd leaves out what was never eligible to run, as
/// a job that was held; and it takes one state at a time.
const QUESTIONS: [&str; 3] = ["", "&state=CANCELLED", "&state=DEADLINE"];

/// An answer that takes so long is one that something on the way gives up waiting for.
const TOO_LONG: Duration = Duration::from_secs(25);

/// The accounting database of a Slurm that has one.
#[derive(Debug, Clone, Copy)]
pub struct Accounting<'a>(&'a Client);

impl<'a> Accounting<'a> {
    /// Returns the database of a Slurm; `None` when its slurmrestd serves none, or one that does not tell
    /// how jobs ended.
    pub async fn of(client: &'a Client) -> Result<Option<Accounting<'a>>> {
        if client.operations().is_some() || client.version().await? < OLDEST {
            return Ok(None);
        }
        let request = Request::accounting("clusters");
        let count = |_: IgnoredAny| Element::Wanted(());
        match client.list_or_reply(&request, "clusters", count).await? {
            Listed::All(..) => Ok(Some(Accounting(client))),
            Listed::Reply(reply) => match Layer::of(&reply) {
                Layer::Path | Layer::Route => Ok(None),
                _ => Err(client.refusal(&request, &reply)),
            },
        }
    }

    /// Tells `visit` each job that ended since a time and that `filter` wants, but for its limit,
    /// in the order in which they ended, until it breaks. Of one that was started anew the last end is
    /// told.
    pub async fn each(
        self,
        ended_since: Option<u64>,
        filter: &Filter,
        mut visit: impl FnMut(Job) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        // The last of them, which is taken first, is the oldest.
        let mut periods = past::back_from(time::now(), ended_since.unwrap_or(0));
        while let Some(period) = periods.pop() {
            match self.ended_in(period, filter).await? {
                Ended::Jobs(jobs) => {
                    for job in jobs {
                        if visit(job)?.is_break() {
                            return Ok(());
                        }
                    }
                }
                Ended::TooMany(first, second) => periods.extend([second, first]),
            }
        }
        Ok(())
    }

    /// Returns what the database has of `id`, with its steps: one job, or the tasks of an array.
    pub async fn find(self, id: JobId) -> Result<Vec<Job>> {
        let request = Request::accounting(&format!("job/{id}"));
        let keep = |record: Record| match record.job_with_steps() {
            Some(job) if job.is(id) && job.state.has_ended() => Element::Wanted(job),
            Some(_) => Element::Unwanted,
            None => Element::NotUnderstood,
        };
        let listed = self.0.list(&request, "jobs", keep).await?;
        let mut jobs = listed.map(|(jobs, _)| jobs).unwrap_or_default();
        // Of one that was started anew the last end counts, and so does the newest of those that a
        // cluster with this number had before it was made anew.
        jobs.sort_by_key(|job| (job.id, std::cmp::Reverse(job.submit_time.max(job.end_time))));
        jobs.dedup_by_key(|job| job.id);
        Ok(jobs)
    }

    /// Returns the jobs that ended in a period.
    async fn ended_in(self, period: Period, filter: &Filter) -> Result<Ended> {
        let keep = |record: Record| match record.job() {
            Some(job) if ends_in(period, &job) && filter.wants(&job) => Element::Wanted(job),
            Some(_) => Element::Unwanted,
            None => Element::NotUnderstood,
        };
        let mut ended: Vec<Job> = Vec::new();
        for state in QUESTIONS {
            let request = ran_in(period, state);
            match self.0.list_or_reply(&request, "jobs", keep).await? {
                Listed::All(jobs, _) => ended.extend(jobs),
                Listed::Reply(reply) => {
                    match past::halves(period).filter(|_| is_too_much(&reply)) {
                        Some((first, second)) => return Ok(Ended::TooMany(first, second)),
                        None => return Err(self.0.refusal(&request, &reply)),
                    }
                }
            }
        }
        ended.sort_by_key(|job| (job.end_time, job.id));
        ended.dedup_by_key(|job| (job.id, job.submit_time));
        Ok(Ended::Jobs(ended))
    }
}

/// What a database answers of a period.
enum Ended {
    /// The jobs that ended in it.
    Jobs(Vec<Job>),
    /// More than fit into an answer: its halves are to be asked for.
    TooMany(Period, Period),
}

fn ends_in(period: Period, job: &Job) -> bool {
    let ended = job.end_time.filter(|_| job.state.has_ended());
    ended.is_some_and(|ended| (period.since..period.until).contains(&ended))
}

/// Returns the request for the jobs that ran in a period, or for those that ended in it in a state.
fn ran_in(period: Period, state: &str) -> Request {
    // slurmdbd cuts the times of jobs off at the ends of the period unless it is told not to.
    const FLAGS: &str = "skip_steps=true&disable_truncate_usage_time=true";
    let Period { since, until } = period;
    Request::accounting(&format!(
        "jobs?start_time=uts{since}&end_time=uts{until}&{FLAGS}{state}"
    ))
}

/// Returns whether an answer is one that fewer jobs might not have got: API Gateway passes 10 MB, and
/// waits for 30 s.
fn is_too_much(reply: &Reply) -> bool {
    matches!(Layer::of(reply), Layer::Integration | Layer::Gateway) || reply.took >= TOO_LONG
}
