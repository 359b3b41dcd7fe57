//! Lists of jobs. Slurm's API can neither filter nor page, so a list asks for as little as its
//! filter allows: states first where the server tells them alone, and then the few jobs that
//! are wanted, or else all of them, of which only the wanted are kept.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::slurm::client::{ApiVersion, Client, Element, Request};
use crate::slurm::shape::{Text, Words};

use super::raw::RawJob;
use super::{Job, JobId, State, lookup};

/// The first version that tells whose a job is.
const USERS: ApiVersion = ApiVersion::new(37);

/// The first version with `jobs/state` in every Slurm that serves it.
const STATES: ApiVersion = ApiVersion::new(41);

/// The first version whose `update_time` is a time for all that serve it.
const UPDATES: ApiVersion = ApiVersion::new(42);

/// Up to so many jobs are asked for one by one: with more, the whole list is sooner there.
const FEW: usize = 100;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

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
    fn is_about_states(&self) -> bool {
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
        let numbers = numbers(client, filter).await?;
        if numbers.len() <= FEW {
            return few(client, filter, &numbers).await.map(Some);
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
    let Some((jobs, envelope)) = client.list(&request, "jobs", keep).await? else {
        return Ok(None);
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

/// Returns the numbers of the jobs, or of the arrays of the tasks, in the wanted states: the
/// newest of them if there is a limit that nothing but the states decides on.
async fn numbers(client: &Client, filter: &Filter) -> Result<BTreeSet<u64>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Brief {
        job_id: Text,
        state: Words,
    }
    let keep = |brief: Brief| {
        let id = brief.job_id.as_str();
        let digits = id.bytes().take_while(u8::is_ascii_digit).count();
        let number: Option<u64> = id[..digits].parse().ok();
        let is_wanted =
            filter.states.is_empty() || filter.states.contains(&State::of(&brief.state.0));
        match number {
            Some(number) if is_wanted => Element::Wanted(number),
            Some(_) => Element::Unwanted,
            None => Element::NotUnderstood,
        }
    };
    let listed = client
        .list(&Request::get("jobs/state"), "jobs", keep)
        .await?;
    let numbers: BTreeSet<u64> = listed
        .into_iter()
        .flat_map(|(numbers, _)| numbers)
        .collect();
    match filter.limit.filter(|_| filter.is_about_states()) {
        Some(limit) => Ok(numbers.into_iter().rev().take(limit).collect()),
        None => Ok(numbers),
    }
}

async fn few(client: &Client, filter: &Filter, numbers: &BTreeSet<u64>) -> Result<Listing> {
    let jobs: Vec<Vec<Job>> = stream::iter(numbers)
        .map(|number| lookup(client, JobId::from(*number)))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut jobs: Vec<Job> = jobs.into_iter().flatten().collect();
    jobs.retain(|job| filter.wants(job));
    Ok(Listing {
        jobs: newest(jobs, filter.limit),
        last_update: None,
    })
}

fn newest(mut jobs: Vec<Job>, limit: Option<usize>) -> Vec<Job> {
    jobs.sort_by_key(|job| job.id);
    jobs.dedup_by_key(|job| job.id);
    if let Some(limit) = limit {
        jobs.drain(..jobs.len().saturating_sub(limit));
    }
    jobs
}
