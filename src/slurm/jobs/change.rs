//! Changing jobs that Slurm knows: holding, releasing, and setting what a submission sets.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::slurm::client::{ApiVersion, Client, Layer, Problems, Request, refused};
use crate::slurm::submission::Description;

use super::JobId;

/// The first version that takes changes as it takes submissions.
const FIRST: ApiVersion = ApiVersion::new(40);

/// What is to become of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It waits until somebody releases it.
    Hold,
    /// It waits no longer than it must.
    Release,
    /// What these options of `sbatch` set, by their long names.
    Options(Vec<(String, String)>),
}

/// Changes a job, or all of an array.
pub async fn change(client: &Client, id: JobId, change: &Change) -> Result<()> {
    let version = client.version().await?;
    if version < FIRST {
        return Err(Error::usage(format!(
            "{version} of the API, the newest of the server, cannot change jobs as this does"
        ))
        .hint("change it with scontrol on the cluster"));
    }
    let body = body(change, version)?;
    let body = serde_json::to_vec(&body).expect("plain data");
    let request = Request::post(&format!("job/{id}"), body);
    let reply = client.call(&request).await?;
    let errors = Problems::of(&reply.body).errors;
    match Layer::of(&reply) {
        Layer::Slurm if errors.is_empty() => Ok(()),
        Layer::Slurm => Err(refused(&errors)),
        _ => Err(client.refusal(&request, &reply)),
    }
}

fn body(change: &Change, version: ApiVersion) -> Result<Value> {
    match change {
        Change::Hold => Ok(json!({"priority": {"set": true, "infinite": false, "number": 0}})),
        Change::Release => Ok(json!({"priority": {"set": false, "infinite": true, "number": 0}})),
        Change::Options(options) => {
            let mut description = Description::wrap("true")?;
            for (option, value) in options {
                description.set(option, value)?;
            }
            description.changes(version)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_holds_what_was_named_and_nothing_else() {
        let options = [("time", "10"), ("comment", "x")];
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = body(&Change::Options(options.to_vec()), ApiVersion::new(42)).unwrap();
        let limit = json!({"set": true, "infinite": false, "number": 10});
        assert_eq!(body, json!({"time_limit": limit, "comment": "x"}));
        let name = Change::Options(vec![("job-name".to_owned(), "y".to_owned())]);
        let body = super::body(&name, ApiVersion::new(45)).unwrap();
        assert_eq!(body, json!({"name": "y"}));
    }
}
