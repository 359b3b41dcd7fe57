//! What a filter meets of arrays and of heterogeneous jobs. The number of an array stands for all
//! of its tasks, and that of the first component of a heterogeneous job for all of it: where the
//! filter meets less, the parts are named by numbers of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::Result;
use crate::slurm::client::{ApiVersion, Client, Element, Request};
use crate::slurm::shape::Text;

use super::task_list::TaskList;
use super::{Job, JobId, Refused, lookup};

/// The first version that tells every task by itself.
const STATES: ApiVersion = ApiVersion::new(41);

/// Jobs, arrays and parts of them, each with what Slurm showed of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Those that a request can name.
    pub named: Vec<(JobId, Vec<Job>)>,
    /// Those that only the whole could be named for.
    pub unnamed: Vec<Refused>,
}

/// Returns how to name the jobs that a filter met, and nothing else, among those that have not
/// ended.
pub async fn parts(client: &Client, met: Vec<Job>) -> Result<Parts> {
    let mut wholes: BTreeMap<u64, Vec<Job>> = BTreeMap::new();
    for job in met.into_iter().filter(|job| !job.state.has_ended()) {
        wholes.entry(whole(&job)).or_default().push(job);
    }
    let mut parts = Parts::default();
    for (number, met) in wholes {
        if !met.iter().any(|job| job.id == number) {
            let own = met.into_iter().map(|job| (own_id(&job), vec![job]));
            parts.named.extend(own);
            continue;
        }
        let all = unended(client, number, &met).await?;
        let ids: BTreeSet<u64> = met.iter().map(|job| job.id).collect();
        if all.iter().all(|job| ids.contains(&job.id)) {
            parts.named.push((JobId::from(number), all));
            continue;
        }
        for job in met {
            if job.id != number {
                parts.named.push((own_id(&job), vec![job]));
                continue;
            }
            match tasks(client, &job, &all).await? {
                Some(tasks) => parts.named.extend(tasks.into_iter().map(|task| {
                    let id = JobId {
                        job: number,
                        task: Some(task),
                    };
                    (id, vec![job.clone()])
                })),
                None => parts.unnamed.push(unnamed(&job)),
            }
        }
    }
    Ok(parts)
}

/// Returns the number that stands for all that a job is a part of.
fn whole(job: &Job) -> u64 {
    job.array_job_id.or(job.het_job_id).unwrap_or(job.id)
}

fn own_id(job: &Job) -> JobId {
    match (job.array_job_id, job.array_task_id) {
        (Some(array), Some(task)) => JobId {
            job: array,
            task: Some(task),
        },
        _ => JobId::from(job.id),
    }
}

/// Returns all parts of `number` that have not ended.
async fn unended(client: &Client, number: u64, met: &[Job]) -> Result<Vec<Job>> {
    let components = met.iter().find_map(|job| job.het_components.as_deref());
    let numbers = components
        .and_then(|components| TaskList(components).tasks())
        .unwrap_or_else(|| vec![number]);
    let mut all = Vec::new();
    if numbers == [number] && met.iter().all(|job| job.array_job_id.is_none()) {
        return Ok(met.to_vec());
    }
    for number in numbers {
        all.extend(lookup(client, JobId::from(number)).await?);
    }
    all.retain(|job| !job.state.has_ended());
    Ok(all)
}

/// Returns the tasks of an array that have not started; `None` when they cannot be known, or the
/// job is no array.
async fn tasks(client: &Client, waiting: &Job, all: &[Job]) -> Result<Option<Vec<u64>>> {
    if waiting.array_job_id.is_none() {
        return Ok(None);
    }
    // Since the first look some may have started.
    let now = all.iter().find(|job| job.id == waiting.id);
    let Some(list) = now.and_then(|job| job.array_tasks.as_deref()) else {
        return Ok(Some(Vec::new()));
    };
    if let Some(tasks) = TaskList(list).tasks() {
        return Ok(Some(tasks));
    }
    if client.version().await? < STATES {
        return Ok(None);
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Brief {
        job_id: Text,
    }
    let keep = |brief: Brief| match brief.job_id.as_str().parse::<JobId>() {
        Ok(id) if id.job == waiting.id => id.task.map_or(Element::Unwanted, Element::Wanted),
        _ => Element::Unwanted,
    };
    let listed = client
        .list(&Request::get("jobs/state"), "jobs", keep)
        .await?;
    let mut tasks = listed.map(|(tasks, _)| tasks).unwrap_or_default();
    let started: BTreeSet<u64> = all.iter().filter_map(|job| job.array_task_id).collect();
    tasks.retain(|task| !started.contains(task) && TaskList(list).may_hold(*task));
    Ok(Some(tasks).filter(|tasks| !tasks.is_empty()))
}

fn unnamed(job: &Job) -> Refused {
    let reason = match job.array_job_id {
        Some(array) => format!(
            "Slurm does not list all of its tasks that have not started, and it stands for those \
             that have, too: name the tasks ({array}_0), or the whole array ({array})"
        ),
        None => format!(
            "it is the first component of a heterogeneous job, and Slurm cancels all of it: if it \
             is to go whole, name it ({})",
            job.id
        ),
    };
    Refused {
        id: job.shown_id(),
        reason,
    }
}
