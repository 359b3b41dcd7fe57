//! Lists of jobs. Slurm's API can neither filter nor page, so a list asks for as little as its
//! filter allows: states first where the server tells them alone, and then the jobs that are wanted
//! one by one, or else all of them at once, of which only the wanted are kept. A list that is too
//! much for what stands before the server comes one by one, too.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::slurm::client::{ApiVersion, Client, Element, Layer, Listed, Reply, Request};

use super::raw::RawJob;
use super::states::States;
use super::{Job, State};

/// The first version that tells whose a job is.
const USERS: ApiVersion = ApiVersion::new(37);

/// The first version with `jobs/state` in every Slurm that serves it.
const STATES: ApiVersion = ApiVersion::new(41);

/// The first version whose `update_time` is a time for all that serve it.
const UPDATES: ApiVersion = ApiVersion::new(42);

/// How long an answer took at least that was given up for its length: nginx waits 29 s for
/// slurmrestd, API Gateway 30 s for nginx.
const GIVEN_UP: Duration = Duration::from_secs(25);

/// Which jobs are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of these users, by name or by number.
    pub users: Vec<String>,
    /// Those in these states.
    pub states: Vec<State>,
    /// Those in these partitions.
    pub partitions: Vec<String>,
    /// Those with these names.
    pub names: Vec<String>,
    /// Those submitted since, in seconds since 1970.
    pub since: Option<u64>,
    /// Those submitted until, in seconds since 1970.
    pub until: Option<u64>,
    /// The one with this marker.
    pub marker: Option<String>,
    /// No more than so many: the newest.
    pub limit: Option<usize>,
}

/// A list of jobs, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// When any job last changed, for the next look.
    pub last_update: Option<u64>,
}

impl Filter {
    /// Returns whether there are jobs that are not wanted, but for the limit.
    pub fn is_choosy(&self) -> bool {
        let lists = [&self.users, &self.partitions, &self.names];
        lists.iter().any(|list| !list.is_empty())
            || !self.states.is_empty()
            || self.since.is_some()
            || self.until.is_some()
            || self.marker.is_some()
    }

    /// Returns whether a job is wanted, but for the limit.
    pub fn wants(&self, job: &Job) -> bool {
        let among = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
        };
        let in_partition = self.partitions.is_empty()
            || job.partition.as_deref().is_some_and(|own| {
                own.split(',')
                    .any(|own| self.partitions.iter().any(|wanted| wanted == own))
            });
        let number = job.user_id.map(|number| number.to_string());
        let by_number = |wanted: &String| number.as_ref() == Some(wanted);
        (among(&self.users, job.user.as_deref()) || self.users.iter().any(by_number))
            && (self.states.is_empty() || self.states.contains(&job.state))
            && in_partition
            && among(&self.names, job.name.as_deref())
            && self
                .since
                .is_none_or(|since| job.submit_time.is_some_and(|time| time >= since))
            && self
                .until
                .is_none_or(|until| job.submit_time.is_some_and(|time| time <= until))
            && self
                .marker
                .as_ref()
                .is_none_or(|marker| job.marker.as_ref() == Some(marker))
    }

    /// Returns whether the states alone tell which jobs are wanted.
    pub(super) fn is_about_states(&self) -> bool {
        let Filter {
            users,
            states: _,
            partitions,
            names,
            since,
            until,
            marker,
            limit: _,
        } = self;
        users.is_empty()
            && partitions.is_empty()
            && names.is_empty()
            && since.is_none()
            && until.is_none()
            && marker.is_none()
    }
}

/// Lists the jobs that `filter` wants. With `after`, the `last_update` of an earlier list,
/// `None` means that nothing has changed since, as far as the server can tell.
pub async fn list(client: &Client, filter: &Filter, after: Option<u64>) -> Result<Option<Listing>> {
    if let Some(operations) = client.operations() {
        let mut jobs = operations.jobs().await?;
        jobs.retain(|job| filter.wants(job));
        return Ok(Some(Listing {
            jobs: newest(jobs, filter.limit),
            last_update: None,
        }));
    }
    let version = client.version().await?;
    let is_number = |user: &String| user.bytes().all(|byte| byte.is_ascii_digit());
    if version < USERS && !filter.users.iter().all(is_number) {
        return Err(Error::failed(format!(
            "{version}, the newest API version of the server, does not tell whose a job is"
        )));
    }
    let narrows = !filter.states.is_empty() || filter.limit.is_some();
    if version >= STATES && narrows {
        let states = States::look(client, filter).await?;
        if let Some(jobs) = states.worthwhile(client, filter).await? {
            return Ok(Some(in_pieces(jobs, filter)));
        }
    }
    let after = after.filter(|_| version >= UPDATES);
    let request = Request::get(&match after {
        Some(after) => format!("jobs?update_time=uts{after}"),
        None => "jobs".to_owned(),
    });
    let keep = |raw: RawJob| match raw.job() {
        Some(job) if filter.wants(&job) => Element::Wanted(job),
        Some(_) => Element::Unwanted,
        None => Element::NotUnderstood,
    };
    let (jobs, envelope) = match client.list_or_reply(&request, "jobs", keep).await? {
        Listed::All(jobs, envelope) => (jobs, envelope),
        Listed::Reply(reply) if reply.status == 304 => return Ok(None),
        Listed::Reply(reply) if version >= STATES && is_too_much(&reply) => {
            let states = States::look(client, filter).await?;
            let jobs = states.all(client, filter).await?;
            return Ok(Some(in_pieces(jobs, filter)));
        }
        Listed::Reply(reply) => return Err(client.refusal(&request, &reply)),
    };
    let last_update = envelope.last_update();
    if after.is_some() && envelope.count() == 0 && last_update.is_none() {
        return Ok(None);
    }
    Ok(Some(Listing {
        jobs: newest(jobs, filter.limit),
        last_update,
    }))
}

fn in_pieces(jobs: Vec<Job>, filter: &Filter) -> Listing {
    Listing {
        jobs: newest(jobs, filter.limit),
        last_update: None,
    }
}

/// Returns what the server says of all jobs, with those alone that are wanted.
pub async fn raw(client: &Client, wants: impl Fn(&Job) -> bool) -> Result<Value> {
    let mut said: Value = client.fetch(&Request::get("jobs")).await?;
    if let Some(jobs) = said["jobs"].as_array_mut() {
        jobs.retain(|job| {
            let job = serde_json::from_value::<RawJob>(job.clone()).map(RawJob::job);
            job.is_ok_and(|job| job.as_ref().is_some_and(&wants))
        });
    }
    Ok(said)
}

/// Returns whether an answer may be missing because it was too much for what stands before the
/// server: API Gateway passes on 10 MB, and answers 500 instead of more.
fn is_too_much(reply: &Reply) -> bool {
    match Layer::of(reply) {
        Layer::Gateway | Layer::Integration => true,
        Layer::Slurmctld => reply.took >= GIVEN_UP,
        _ => false,
    }
}

fn newest(mut jobs: Vec<Job>, limit: Option<usize>) -> Vec<Job> {
    jobs.sort_by_key(|job| job.id);
    jobs.dedup_by_key(|job| job.id);
    if let Some(limit) = limit {
        jobs.drain(..jobs.len().saturating_sub(limit));
    }
    jobs
}
