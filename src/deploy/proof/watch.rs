//! Why the job of a proof waits, and whether it can start at all.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::compute;
use crate::error::Error;
use crate::hint::Hint;
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Advice, Explanation, JobId, OPENS_PARTITIONS};
use crate::slurm::partitions::{self, Partition};
use crate::step::Step;
use crate::wait::Pace;

use super::LIMIT;

/// How long a job that cannot start is given: while ParallelCluster starts its fleet, queues and
/// nodes come into service by themselves.
pub(super) const SETTLES: Duration = Duration::from_secs(30);

/// How long to rest between two looks at why it waits: each takes several requests.
const REST: Duration = Duration::from_secs(5);

/// Tells why a job waits, each time the answer is another; returns once it could not start for
/// [`SETTLES`], with what lets it start, or has not ended within [`LIMIT`].
pub(super) async fn until_stuck(context: &Context, client: &Client, id: JobId) -> Error {
    let mut pace = Pace::minutes(LIMIT);
    let mut patience: Option<Pace> = None;
    let mut told = String::new();
    loop {
        pace.wait_at_least(REST);
        if !pace.next().await {
            let text = format!("job {id} has not ended after {} s", LIMIT.as_secs());
            return with_reason(client, id, Error::failed(text)).await;
        }
        let Some(explanation) = explained(client, id).await else {
            continue;
        };
        let words = lines(&explanation).join("; ");
        if explanation.state.as_str() == "PENDING" && words != told {
            context.events.doing(Step::Endpoint, words.clone());
            told = words;
        }
        if !explanation.needs_help() {
            patience = None;
            continue;
        }
        let patience = patience.get_or_insert_with(|| Pace::minutes(SETTLES));
        if !patience.next().await {
            return stuck(context, id, &explanation).await;
        }
    }
}

/// Cancels a job that cannot start or takes too long, which would run when nobody waits for it any
/// more; returns the error with what is to be known of that.
pub(super) async fn given_up(context: &Context, client: &Client, id: JobId, error: Error) -> Error {
    let cancelled = async {
        let found = jobs::lookup(client, id).await?;
        jobs::cancel(client, &[(id, found)]).await
    };
    match cancelled.await {
        Ok(cancelled) if cancelled.refused.is_empty() => error,
        _ => {
            let again = &context.settings.again;
            let cancel = again.command(&format!("jobs cancel {id}"));
            error.hint(format!("the job is not cancelled: {cancel}"))
        }
    }
}

/// Adds to an error why a job waits, if it does.
pub(super) async fn with_reason(client: &Client, id: JobId, error: Error) -> Error {
    match explained(client, id).await {
        Some(explanation) if explanation.state.as_str() == "PENDING" => {
            let error = error.because(lines(&explanation).join("\n"));
            advised(error, &explanation.advice)
        }
        _ => error,
    }
}

/// Returns which queues take no jobs, with what opens them; `None` when that is not why a job was
/// refused.
pub(super) async fn closed_queues(
    context: &Context,
    client: &Client,
    refusal: &Error,
) -> Option<Error> {
    let all = partitions::list(client).await.ok()?;
    let closed = closed(&all, refusal)?;
    let states = closed
        .iter()
        .map(|(queue, state)| format!("the queue {queue} is {state}"));
    let error = Error::failed(states.collect::<Vec<_>>().join(", "));
    let queues: Vec<_> = closed.iter().map(|(queue, _)| *queue).collect();
    Some(opened_by(context, &queues, error.because(format!("{refusal:#}"))).await)
}

fn closed<'a>(all: &'a [Partition], refusal: &Error) -> Option<Vec<(&'a str, &'a str)>> {
    let closed = all.iter().filter_map(|partition| {
        let state = partition.state.as_deref().filter(|state| *state != "UP")?;
        Some((partition.name.as_str(), state))
    });
    let closed: Vec<_> = closed.collect();
    // The job names no queue: one that is closed need not be the one that it would go to.
    let is_why = closed.len() == all.len() || is_about_partition(refusal);
    (!closed.is_empty() && is_why).then_some(closed)
}

/// Adds to an error the commands that open queues.
async fn opened_by(context: &Context, queues: &[&str], error: Error) -> Error {
    match compute::why_closed(context, queues).await {
        Ok(closed) => closed.opened_by.into_iter().fold(error, Error::hint),
        Err(unknown) => error.hint(format!(
            "see why: {} ({unknown})",
            context.settings.again.command("doctor")
        )),
    }
}

/// Slurm has several numbers for it, and all of their words have this one.
fn is_about_partition(refusal: &Error) -> bool {
    format!("{refusal:#}").to_lowercase().contains("partition")
}

async fn explained(client: &Client, id: JobId) -> Option<Explanation> {
    let found = jobs::lookup(client, id).await.ok()?;
    let explained = jobs::explain(client, &found, async |_| Vec::new()).await;
    explained.ok()?.into_iter().next()
}

/// Returns the answer in one sentence, and the queues and nodes that it rests on.
fn lines(explanation: &Explanation) -> Vec<String> {
    let of_state = explanation.waits_for.iter().filter(|it| it.state.is_some());
    let rest = of_state.map(|it| it.text.clone());
    std::iter::once(explanation.text.clone())
        .chain(rest)
        .collect()
}

async fn stuck(context: &Context, id: JobId, explanation: &Explanation) -> Error {
    let error = Error::failed(format!("job {id} cannot start"));
    let error = error.because(lines(explanation).join("\n"));
    let closed = explanation
        .waits_for
        .iter()
        .filter(|it| it.kind == "partition");
    let closed: Vec<_> = closed.filter_map(|it| it.name.as_deref()).collect();
    if closed.is_empty() {
        return advised(error, &explanation.advice);
    }
    let others = explanation
        .advice
        .iter()
        .filter(|it| it.text != OPENS_PARTITIONS);
    let others: Vec<_> = others.cloned().collect();
    advised(opened_by(context, &closed, error).await, &others)
}

fn advised(error: Error, advice: &[Advice]) -> Error {
    advice.iter().fold(error, |error, advice| {
        error.hint(match &advice.command {
            Some(command) => Hint::run(command.clone()).because(&advice.text),
            None => Hint::from(&advice.text),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(name: &str, state: &str) -> Partition {
        let raw = serde_json::json!({
            "name": name, "state": state, "nodes": null, "node_count": null, "cpus": null,
            "time_limit_seconds": null, "default_time_seconds": null, "nodes_per_job": null,
        });
        serde_json::from_value(raw).unwrap()
    }

    #[test]
    fn a_queue_is_why_a_job_is_refused_when_slurm_says_so_or_none_is_open() {
        let closed_one = [partition("cpu", "UP"), partition("gpu", "INACTIVE")];
        let closed_all = [partition("cpu", "DRAIN"), partition("gpu", "INACTIVE")];
        let open = [partition("cpu", "UP")];
        let of_memory = Error::failed("Slurm refuses: Memory required by task is not available");
        let of_queue =
            Error::failed("Slurm refuses: Requested partition configuration not available now");
        let told = Some(vec![("gpu", "INACTIVE")]);
        assert_eq!(closed(&closed_one, &of_memory), None);
        assert_eq!(closed(&closed_one, &of_queue), told);
        let all = Some(vec![("cpu", "DRAIN"), ("gpu", "INACTIVE")]);
        assert_eq!(closed(&closed_all, &of_memory), all);
        assert_eq!(closed(&open, &of_queue), None);
    }
}
