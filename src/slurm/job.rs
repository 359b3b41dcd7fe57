//! A batch job through the API: submitted, and looked at until it ends.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::wait::Pace;

use super::api::Api;
use super::layer::Layer;
use super::token::{Token, UserName};

/// A batch job to submit.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Its name.
    pub name: String,
    /// Its working directory on the cluster.
    pub directory: String,
    /// The file, on the cluster, that gets its standard output.
    pub output: String,
    /// The script, beginning with `#!`.
    pub script: String,
}

/// A job as Slurm shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: u64,
    /// Its state, e.g. `COMPLETED`.
    pub state: String,
    /// The nodes it runs or ran on.
    pub nodes: String,
}

impl Job {
    /// Returns whether the job will not change any more.
    pub fn has_ended(&self) -> bool {
        !matches!(
            self.state.as_str(),
            "PENDING" | "CONFIGURING" | "RUNNING" | "COMPLETING" | "SUSPENDED" | "REQUEUED"
        )
    }
}

impl JobRequest {
    /// Returns the body of the submission: `environment` as a list, which every API version
    /// since v0.0.39 takes.
    fn body(&self) -> Value {
        json!({
            "script": self.script,
            "job": {
                "name": self.name,
                "tasks": 1,
                "current_working_directory": self.directory,
                "standard_output": self.output,
                "environment": ["PATH=/bin:/usr/bin:/usr/local/bin:/opt/slurm/bin"],
            },
        })
    }

    /// Submits the job and returns its id.
    pub async fn submit(
        &self,
        api: &Api,
        version: &str,
        user: &UserName,
        token: &Token,
    ) -> Result<u64> {
        let path = format!("/slurm/{version}/job/submit");
        let reply = api
            .call(Method::POST, &path, Some((user, token)), Some(&self.body()))
            .await?;
        let answer = reply.json()?;
        // Slurm may answer an error status although the job is in: the id decides.
        match answer["job_id"].as_u64().filter(|id| *id > 0) {
            Some(id) => Ok(id),
            None => {
                Err(Error::failed("the job was not accepted").because(words(&answer, reply.status)))
            }
        }
    }
}

impl Job {
    /// Looks at the job until it has ended, at most `limit`; `seen` is told each state.
    pub async fn wait(
        id: u64,
        api: &Api,
        version: &str,
        identity: (&UserName, &Token),
        limit: Duration,
        seen: impl Fn(&Job),
    ) -> Result<Job> {
        let path = format!("/slurm/{version}/job/{id}");
        let mut pace = Pace::seconds(limit);
        let mut last = None;
        loop {
            let reply = api.call(Method::GET, &path, Some(identity), None).await?;
            if Layer::of(&reply) == Layer::Slurm {
                let job = read(&reply.json()?, id)?;
                if last.as_ref() != Some(&job) {
                    seen(&job);
                }
                if job.has_ended() {
                    return Ok(job);
                }
                last = Some(job);
            }
            if !pace.next().await {
                let state = last.map_or_else(|| "unknown".to_owned(), |job| job.state);
                return Err(Error::failed(format!(
                    "job {id} has not ended after {} s: it is {state}",
                    limit.as_secs()
                )));
            }
        }
    }
}

/// Returns the job of a `GET job/ID` answer; states are a list since v0.0.40.
fn read(answer: &Value, id: u64) -> Result<Job> {
    let job = &answer["jobs"][0];
    let state = job["job_state"][0]
        .as_str()
        .or_else(|| job["job_state"].as_str());
    match state {
        Some(state) => Ok(Job {
            id,
            state: state.to_owned(),
            nodes: job["nodes"].as_str().unwrap_or_default().to_owned(),
        }),
        None => Err(Error::failed(format!("Slurm does not show job {id}"))),
    }
}

/// Returns Slurm's own words from `errors[]`.
fn words(answer: &Value, status: u16) -> String {
    let error = &answer["errors"][0];
    let text = error["description"]
        .as_str()
        .filter(|text| !text.is_empty())
        .or_else(|| error["error"].as_str())
        .unwrap_or("no reason given");
    match error["error_number"].as_i64() {
        Some(number) => format!("{text} (Slurm error {number}, HTTP {status})"),
        None => format!("{text} (HTTP {status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_state_is_read_as_list_or_word() {
        let new = json!({"jobs": [{"job_state": ["COMPLETED"], "nodes": "q-dy-a-1"}]});
        let old = json!({"jobs": [{"job_state": "RUNNING"}]});
        assert!(read(&new, 1).unwrap().has_ended());
        assert!(!read(&old, 1).unwrap().has_ended());
        assert!(read(&json!({"jobs": []}), 1).is_err());
    }
}
