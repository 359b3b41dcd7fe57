//! Single jobs, asked for one by one.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::slurm::client::{ApiVersion, Client, Layer, Problems, Request, refused};

use super::raw::RawJob;
use super::{Job, JobId};

/// The first version that takes `12_3` for a task of an array.
const TASKS: ApiVersion = ApiVersion::new(40);

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
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default, deserialize_with = "crate::slurm::shape::list")]
        jobs: Vec<RawJob>,
    }
    let request = request(id, client.version().await?);
    let reply = client.call(&request).await?;
    let problems = Problems::of(&reply.body).errors;
    if problems
        .iter()
        .any(|problem| problem.number() == Some(2017))
    {
        return Ok(Vec::new());
    }
    if Layer::of(&reply) == Layer::Slurm && !problems.is_empty() {
        return Err(refused(&problems));
    }
    let answer: Answer = client.read(&request, &reply)?;
    let sent = answer.jobs.len();
    let jobs: Vec<Job> = answer.jobs.into_iter().filter_map(RawJob::job).collect();
    if jobs.len() < sent {
        return Err(Error::failed(format!(
            "the server's answer to {} holds a job without number or state",
            request.path
        )));
    }
    Ok(jobs.into_iter().filter(|job| job.is(id)).collect())
}
