//! Jobs that have ended, as Slurm's accounting database has them: what slurmrestd tells of slurmdbd
//! below `/slurmdb`.

mod record;
mod spans;

use std::ops::ControlFlow;
use std::time::Duration;

use crate::error::Result;
use crate::slurm::client::{
    ApiVersion, Client, Element, Layer, Listed, Reply, Request, unexpected,
};
use crate::slurm::time;

use super::{Filter, Job, JobId};

use record::Record;
use spans::Span;

/// The first version whose flags of a query are all there, and take the place of the usual ones.
const FLAGS: ApiVersion = ApiVersion::new(40);

/// The version that takes no flags.
const WITHOUT_FLAGS: ApiVersion = ApiVersion::new(39);

/// An answer that takes so long is one that something on the way gives up waiting for.
const TOO_LONG: Duration = Duration::from_secs(25);

/// The accounting database of a Slurm that has one.
#[derive(Debug, Clone, Copy)]
pub struct Accounting<'a>(&'a Client);

impl<'a> Accounting<'a> {
    /// Returns the database of a Slurm; `None` when its slurmrestd serves none.
    pub async fn of(client: &'a Client) -> Result<Option<Accounting<'a>>> {
        let request = Request::accounting("clusters");
        let reply = client.call(&request).await?;
        match Layer::of(&reply) {
            Layer::Slurm => Ok(Some(Accounting(client))),
            Layer::Path | Layer::Route => Ok(None),
            _ => Err(client.refusal(&request, &reply)),
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
        let now = time::now();
        // The last first: one that is cut in two has its later half looked at later.
        let mut spans = spans::back_from(now, ended_since.unwrap_or(0));
        while let Some(span) = spans.pop() {
            let request = self.ended_in(span).await?;
            let keep = |record: Record| match record.job() {
                Some(job) if span.has_end(&job) && filter.wants(&job) => Element::Wanted(job),
                Some(_) => Element::Unwanted,
                None => Element::NotUnderstood,
            };
            match self.0.list_or_reply(&request, "jobs", keep).await? {
                Listed::All(mut jobs, _) => {
                    jobs.sort_by_key(|job| (job.end_time, job.id));
                    for job in jobs {
                        if visit(job)?.is_break() {
                            return Ok(());
                        }
                    }
                }
                Listed::Reply(reply) => match span.halves().filter(|_| is_too_much(&reply)) {
                    Some((first, second)) => spans.extend([second, first]),
                    None => return Err(self.0.refusal(&request, &reply)),
                },
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
        let Some((mut jobs, _)) = listed else {
            return Err(unexpected(
                &request,
                &Reply::new(304, Vec::new(), Duration::ZERO),
            ));
        };
        // Of one that was started anew the last end counts, and so does the newest of those that a
        // cluster with this number had before it was made anew.
        jobs.sort_by_key(|job| (job.id, std::cmp::Reverse(job.submit_time.max(job.end_time))));
        jobs.dedup_by_key(|job| job.id);
        Ok(jobs)
    }

    /// Returns the request for the jobs that ran in a span.
    async fn ended_in(self, span: Span) -> Result<Request> {
        let version = self.0.version().await?;
        // slurmdbd cuts the times of jobs off at the ends of the span unless it is told not to.
        let flags = match version {
            version if version >= FLAGS => "&skip_steps=true&disable_truncate_usage_time=true",
            WITHOUT_FLAGS => "",
            _ => "&skip_steps=true",
        };
        let Span { from, until } = span;
        let query = format!("jobs?start_time=uts{from}&end_time=uts{until}{flags}");
        Ok(Request::accounting(&query))
    }
}

/// Returns whether an answer is one that fewer jobs might not have got: API Gateway passes 10 MB, and
/// waits for 30 s.
fn is_too_much(reply: &Reply) -> bool {
    matches!(Layer::of(reply), Layer::Integration | Layer::Gateway) || reply.took >= TOO_LONG
}
