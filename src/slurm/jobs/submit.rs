//! Submitting a job once: an answer that is lost is looked for, never asked for again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::client::{ApiVersion, Client, Layer, Lost, Problem, Problems, Request, refused};
use crate::slurm::shape::{self, Number, Text};
use crate::slurm::submission::Description;
use crate::wait::Pace;

use super::raw::MARKER;
use super::{Filter, Job, list};

/// For how long a job whose answer was lost is looked for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A job that Slurm took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The indices of its array.
    pub array: Option<String>,
    /// What Slurm remarks about it.
    pub warnings: Vec<String>,
    /// What a job_submit plug-in of the site says to its user.
    #[serde(default)]
    pub job_submit_user_msg: Option<String>,
}

/// Returns the request that submits a job.
pub fn request(description: &Description, version: ApiVersion) -> Result<Request> {
    let body = description.body(version)?;
    let body = serde_json::to_vec(&body).expect("plain data");
    Ok(Request::post("job/submit", body))
}

/// What tells a job from all others, whatever becomes of the answer to its submission: it stands in
/// its comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

impl Marker {
    /// Returns one that no other job has.
    pub fn new() -> Result<Marker> {
        Ok(Marker(format!("{MARKER}{}", Marker::digits()?)))
    }

    /// Returns 16 hexadecimal digits of chance.
    pub fn digits() -> Result<String> {
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| Error::failed("this machine gives no random numbers"))?;
        Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    /// Returns that of a run's job.
    pub fn of_run(run: &str) -> Marker {
        Marker(format!("{MARKER}run-{run}"))
    }

    /// Returns the marker as it stands in the comment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Submits a job. When the answer is lost, the job is looked for by its marker.
pub async fn submit(
    client: &Client,
    mut description: Description,
    marker: &Marker,
) -> Result<Submitted> {
    description.mark(marker.as_str());
    let request = request(&description, client.version().await?)?;
    let reply = match client.attempt(&request).await {
        Ok(reply) => reply,
        Err(Lost::Unsent(error)) => return Err(error),
        Err(Lost::Unanswered(error) | Lost::Unusable(error)) => {
            return find(client, &description, marker, error).await;
        }
    };
    let problems = Problems::of(&reply.body);
    // Slurm may answer an error status although the job is in: the number decides.
    if let Some(id) = accepted(&reply.body) {
        let remarks = problems.warnings.iter().chain(&problems.errors);
        let mut warnings: Vec<String> = remarks.map(ToString::to_string).collect();
        // Who asks for a held job need not hear that it is held.
        warnings.retain(|words| !(description.is_held() && words.contains("held state")));
        warnings.dedup();
        return Ok(Submitted {
            job_submit_user_msg: said_by_site(&reply.body),
            ..submitted(&description, id, warnings)
        });
    }
    let refusal = |error: Error| match said_by_site(&reply.body) {
        Some(words) => error.because(words),
        None => error,
    };
    let is_refused = problems.errors.iter().any(Problem::is_refusal);
    match Layer::of(&reply) {
        Layer::Slurm if is_refused => Err(refusal(refused(&problems.errors))),
        // Slurm answers, and what it has done it shows at once.
        Layer::Unspecified => {
            let refusal = refusal(client.refusal(&request, &reply));
            match look(client, marker).await {
                Ok(Some(job)) => Ok(found(&description, &job, &refusal)),
                Ok(None) => Err(refusal),
                Err(look) => Err(unknown(&description, Some(look), refusal)),
            }
        }
        layer if layer == Layer::Slurm || layer.may_have_acted() => {
            let loss = client.refusal(&request, &reply);
            find(client, &description, marker, loss).await
        }
        _ => Err(refusal(client.refusal(&request, &reply))),
    }
}

/// Returns what a plug-in of the site says to the user, as `sbatch` shows it.
fn said_by_site(body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Said {
        job_submit_user_msg: Text,
        /// Where v0.0.39 and v0.0.40 have it.
        result: Value,
    }
    let said: Said = shape::read(body).ok()?;
    let inner = said.result["job_submit_user_msg"].as_str();
    let inner = inner.map(ToOwned::to_owned);
    let words = said.job_submit_user_msg.some().or(inner)?;
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// Returns the number of the job, when the answer to a submission says that it is in.
pub fn accepted(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        job_id: Number,
    }
    shape::read::<Answer>(body).ok()?.job_id.positive()
}

/// Looks for a job whose answer was lost because of `loss`, until it appears.
async fn find(
    client: &Client,
    description: &Description,
    marker: &Marker,
    loss: Error,
) -> Result<Submitted> {
    let mut pace = Pace::retries(PATIENCE);
    let last = loop {
        let look = look(client, marker).await;
        if let Ok(Some(job)) = &look {
            return Ok(found(description, job, &loss));
        }
        // A refused token shows no job, however often it asks.
        if client.has_refused_token() || !pace.next().await {
            break look.err();
        }
    };
    Err(unknown(description, last, loss))
}

/// Looks once for the job with a marker.
async fn look(client: &Client, marker: &Marker) -> Result<Option<Job>> {
    let filter = Filter {
        marker: Some(marker.as_str().to_owned()),
        ..Filter::default()
    };
    let listing = list(client, &filter, None).await?;
    Ok(listing.and_then(|listing| listing.jobs.into_iter().next()))
}

/// Returns the number of the job with a marker, or of its array, if Slurm knows it.
pub async fn find_marked(client: &Client, marker: &Marker) -> Result<Option<u64>> {
    let found = look(client, marker).await?;
    Ok(found.map(|job| job.array_job_id.unwrap_or(job.id)))
}

fn submitted(description: &Description, id: u64, mut warnings: Vec<String>) -> Submitted {
    warnings.splice(0..0, description.remarks());
    Submitted {
        id,
        name: description.name().to_owned(),
        array: description.array().map(ToOwned::to_owned),
        warnings,
        job_submit_user_msg: None,
    }
}

fn found(description: &Description, job: &Job, loss: &Error) -> Submitted {
    let id = job.array_job_id.unwrap_or(job.id);
    let warning = format!("the answer was lost ({loss}), but the job is there");
    submitted(description, id, vec![warning])
}

/// Returns the error for a job that has not appeared, or that cannot be looked for.
fn unknown(description: &Description, look: Option<Error>, loss: Error) -> Error {
    let name = description.name();
    let error = match look {
        None => Error::failed(format!(
            "the answer to the submission of `{name}` was lost, and no such job has appeared \
             within {} s: most likely it was not submitted",
            PATIENCE.as_secs()
        )),
        Some(look) => Error::failed(format!(
            "the answer to the submission of `{name}` was lost, and whether Slurm has the job \
             cannot be seen: {look}"
        )),
    };
    error.because(loss).hint(
        Hint::run(Verb::JobsList.with(format!("--name '{}'", name.replace('\'', r"'\''"))))
            .because("look before you submit it again"),
    )
}
