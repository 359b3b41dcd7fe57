//! Single jobs, asked for one by one.

use crate::error::Result;
use crate::slurm::client::{ApiVersion, Client, Element, Listed, Problem, Problems, Request};

use super::raw::RawJob;
use super::task_list::TaskList;
use super::{Job, JobId};

/// The first version that takes `12_3` for a task of an array.
const TASKS: ApiVersion = ApiVersion::new(40);

/// The most components of a heterogeneous job that are asked for.
const MOST: usize = 128;

/// Slurm's error for a job that it does not know.
const UNKNOWN: i64 = 2017;

/// Returns the request for a job, or for the array that holds it.
pub fn request(id: JobId, version: ApiVersion) -> Request {
    if version >= TASKS {
        Request::get(&format!("job/{id}"))
    } else {
        Request::get(&format!("job/{}", id.job))
    }
}

/// Returns what Slurm knows of `id`: one job, or the parts of an array. Nothing when it does not
/// know it, or has forgotten it: it keeps a job for 5 minutes after its end by default.
pub async fn lookup(client: &Client, id: JobId) -> Result<Vec<Job>> {
    let mut jobs = match client.operations() {
        Some(operations) => operations.job(id).await?,
        None => asked(client, id).await?,
    };
    // Slurm tells the tasks of an array in the order in which it made records of them.
    jobs.sort_by_key(|job| {
        let index = job.array_task_id.unwrap_or(u64::MAX);
        (job.array_job_id, index, job.id)
    });
    Ok(jobs)
}

/// Returns what [`lookup`] does, and of a heterogeneous job all components, where Slurm itself tells
/// which they are.
pub async fn lookup_whole(client: &Client, id: JobId) -> Result<Vec<Job>> {
    let mut jobs = lookup(client, id).await?;
    let components = jobs.iter().find_map(|job| job.het_components.clone());
    let numbers = components.and_then(|components| TaskList(&components).tasks());
    for number in numbers.into_iter().flatten().take(MOST) {
        if jobs.iter().all(|job| job.id != number) {
            jobs.extend(lookup(client, JobId::from(number)).await?);
        }
    }
    jobs.sort_by_key(|job| job.id);
    Ok(jobs)
}

async fn asked(client: &Client, id: JobId) -> Result<Vec<Job>> {
    let request = request(id, client.version().await?);
    let keep = |raw: RawJob| match raw.job() {
        Some(job) if job.is(id) => Element::Wanted(job),
        Some(_) => Element::Unwanted,
        None => Element::NotUnderstood,
    };
    match client.list_or_reply(&request, "jobs", keep).await? {
        Listed::All(jobs, _) => Ok(jobs),
        Listed::Reply(reply) => {
            let problems = Problems::of(&reply.body).errors;
            let is_unknown = |problem: &Problem| problem.number() == Some(UNKNOWN);
            if problems.iter().any(is_unknown) {
                return Ok(Vec::new());
            }
            Err(client.refusal(&request, &reply))
        }
    }
}
