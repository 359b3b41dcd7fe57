//! Cancelling jobs, after a look at whose they are: over its API, Slurm 24.11 to 26.05 hangs
//! when a user cancels somebody else's job.

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::slurm::UserName;
use crate::slurm::client::{ApiVersion, Client, Layer, Lost, Problems, Request, excerpt};
use crate::slurm::operations::Operations;
use crate::slurm::shape::{self, Number, Text};

use super::{Job, JobId, lookup};

/// The users who may cancel everybody's jobs.
const OPERATORS: [&str; 2] = ["root", "slurm"];

/// The first version that cancels `12_3`.
const TASKS: ApiVersion = ApiVersion::new(37);

/// The first version that a Slurm serves which can hang; before it, Slurm refuses by itself.
const HANGS: ApiVersion = ApiVersion::new(40);

/// The first version that takes flags with a signal.
const FLAGS: ApiVersion = ApiVersion::new(40);

/// A job that ended between the look and the request is as good as cancelled.
const ALREADY_ENDED: i64 = 2021;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// What came of a cancellation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The jobs that Slurm was told to cancel, and took.
    pub cancelled: Vec<String>,
    /// The jobs that were left alone.
    pub refused: Vec<Refused>,
}

/// A job that was left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its number.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// A signal to a job that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its name or number, as in `USR1` and `10`.
    pub name: String,
    /// Who gets it.
    pub receiver: Receiver,
}

/// Who of a job gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Its steps.
    Steps,
    /// Its batch script.
    Script,
    /// Its batch script and its steps.
    All,
}

/// Returns the request that cancels a job.
pub fn request(id: JobId) -> Request {
    Request::delete(&format!("job/{id}"))
}

fn signalling(id: JobId, signal: &Signal) -> Request {
    let flags = match signal.receiver {
        Receiver::Steps => "",
        Receiver::Script => "&flags=BATCH_JOB",
        Receiver::All => "&flags=FULL_JOB",
    };
    Request::delete(&format!("job/{id}?signal={}{flags}", signal.name))
}

/// Sends a signal to what `wanted` names, each with the jobs that Slurm showed for it.
pub async fn signal(
    client: &Client,
    wanted: &[(JobId, Vec<Job>)],
    signal: &Signal,
) -> Result<Cancelled> {
    if client.operations().is_some() {
        return Err(Error::usage(
            "the operations path cancels jobs and sends them no other signals",
        ));
    }
    let version = client.version().await?;
    if version < FLAGS && signal.receiver != Receiver::Steps {
        return Err(Error::usage(format!(
            "{version} of the API cannot say who of a job gets a signal"
        )));
    }
    each(client, wanted, version, |id| signalling(id, signal)).await
}

/// Cancels what `wanted` names, each with the jobs that Slurm showed for it.
pub async fn cancel(client: &Client, wanted: &[(JobId, Vec<Job>)]) -> Result<Cancelled> {
    if let Some(operations) = client.operations() {
        return by_operations(operations, wanted).await;
    }
    let version = client.version().await?;
    each(client, wanted, version, request).await
}

async fn each(
    client: &Client,
    wanted: &[(JobId, Vec<Job>)],
    version: ApiVersion,
    asked: impl Fn(JobId) -> Request,
) -> Result<Cancelled> {
    let asked = &asked;
    let user = client.identity().user().await?;
    let outcomes: Vec<_> = stream::iter(wanted)
        .map(|(id, jobs)| {
            let user = user.as_ref();
            async move {
                let outcome = match objection(*id, jobs, user, version) {
                    Some(reason) => Err(reason),
                    None => send(client, *id, jobs, version, asked).await,
                };
                (id.to_string(), outcome)
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut answer = Cancelled::default();
    for (id, outcome) in outcomes {
        match outcome {
            Ok(()) => answer.cancelled.push(id),
            Err(reason) => answer.refused.push(Refused { id, reason }),
        }
    }
    Ok(answer)
}

/// Cancels by the operations path, which looks itself whose a job is.
async fn by_operations(operations: &Operations, wanted: &[(JobId, Vec<Job>)]) -> Result<Cancelled> {
    let mut answer = Cancelled::default();
    for (id, _) in wanted {
        match operations.cancel(*id).await {
            Ok(one) => {
                answer.cancelled.extend(one.cancelled);
                answer.refused.extend(one.refused);
            }
            Err(error) => answer.refused.push(Refused {
                id: id.to_string(),
                reason: error.to_string(),
            }),
        }
    }
    Ok(answer)
}

/// Returns why a job is not to be cancelled.
fn objection(
    id: JobId,
    jobs: &[Job],
    user: Option<&UserName>,
    version: ApiVersion,
) -> Option<String> {
    let Some(job) = jobs.first() else {
        return Some("Slurm does not know it: it has ended minutes ago, or never was".to_owned());
    };
    let own = user.map(UserName::as_str);
    let is_own = match (own, job.user.as_deref()) {
        (Some(own), Some(owner)) => own == owner || OPERATORS.contains(&own),
        (Some(own), None) => OPERATORS.contains(&own) || version < HANGS,
        // Slurm itself knows who calls.
        (None, _) => true,
    };
    if !is_own {
        let owner = job.user.as_deref().unwrap_or("somebody unknown");
        return Some(format!(
            "it is a job of `{owner}`, and the token is `{}`'s: Slurm can hang for everybody when \
             a user cancels another's job over its API",
            own.unwrap_or_default()
        ));
    }
    if jobs.iter().all(|job| job.state.has_ended()) {
        return Some(format!("it has ended: {}", job.state));
    }
    let is_split_off = job.array_task_id.is_some();
    if id.task.is_some() && !is_split_off && version < TASKS {
        return Some(format!(
            "{version} of the API cannot cancel a task that has not started; cancel the array: {}",
            id.job
        ));
    }
    None
}

async fn send(
    client: &Client,
    id: JobId,
    jobs: &[Job],
    version: ApiVersion,
    asked: &impl Fn(JobId) -> Request,
) -> Result<(), String> {
    let request = match (id.task, jobs.first()) {
        (Some(_), Some(task)) if version < TASKS => asked(JobId::from(task.id)),
        _ => asked(id),
    };
    let reply = match client.attempt(&request).await {
        Ok(reply) => reply,
        Err(Lost::Unsent(error)) => return Err(sentence(&error)),
        Err(lost) => return look_again(client, id, &lost.into_error()).await,
    };
    let layer = Layer::of(&reply);
    if layer.may_have_acted() {
        return look_again(client, id, &client.refusal(&request, &reply)).await;
    }
    let problems = Problems::of(&reply.body).errors;
    let numbered = problems
        .iter()
        .map(|problem| (problem.number(), problem.to_string()));
    let statuses = statuses(&reply.body).into_iter();
    let statuses = statuses.map(|(code, words)| (Some(code), words));
    let mut open = numbered
        .chain(statuses)
        .filter(|(number, _)| *number != Some(ALREADY_ENDED));
    match open.next() {
        None if layer == Layer::Slurm || !problems.is_empty() => Ok(()),
        Some((_, words)) if layer == Layer::Slurm => Err(words),
        _ => Err(sentence(&client.refusal(&request, &reply))),
    }
}

/// Returns what Slurm from 24.11 on says, in a good answer, of jobs that it has not cancelled: the
/// number of the error, and its words.
fn statuses(body: &[u8]) -> Vec<(i64, String)> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        #[serde(deserialize_with = "shape::list")]
        status: Vec<Status>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        error: StatusError,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct StatusError {
        code: Number,
        message: Text,
    }
    let answer: Answer = shape::read(body).unwrap_or_default();
    let errors = answer.status.into_iter().map(|status| status.error);
    errors
        .filter_map(|error| Some((error.code.positive()?, error.message)))
        .map(|(code, message)| {
            let words = excerpt(message.as_str());
            (
                i64::try_from(code).unwrap_or(i64::MAX),
                format!("{words} (Slurm error {code})"),
            )
        })
        .collect()
}

/// Looks whether a job is cancelled although the answer that says so was lost.
async fn look_again(client: &Client, id: JobId, loss: &Error) -> Result<(), String> {
    let loss = sentence(loss);
    match lookup(client, id).await {
        Ok(jobs) if jobs.iter().all(|job| job.state.has_ended()) => Ok(()),
        Ok(_) => Err(format!(
            "the answer was lost ({loss}), and the job has not ended"
        )),
        Err(look) => Err(format!(
            "the answer was lost ({loss}), and whether it is cancelled cannot be seen: {look}"
        )),
    }
}

fn sentence(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
