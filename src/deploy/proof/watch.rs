//! Why the job of a proof waits, and whether it can start at all.

use std::time::Duration;

use crate::context::Context;
use crate::error::Error;
use crate::pcluster::Found;
use crate::settings::Ground;
use crate::shell::quoted;
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

/// Returns which queues take no jobs, and what opens them; `None` when that is not why a job was
/// refused.
pub(super) async fn closed_queues(
    context: &Context,
    client: &Client,
    refusal: &Error,
) -> Option<(String, String)> {
    let all = partitions::list(client).await.ok()?;
    let closed = closed(&all, refusal)?;
    let start = format!("start the compute fleet: {}", start_fleet(context).await);
    Some((closed, start))
}

fn closed(all: &[Partition], refusal: &Error) -> Option<String> {
    let closed = all.iter().filter_map(|partition| {
        let state = partition.state.as_deref().filter(|state| *state != "UP")?;
        Some(format!("the queue {} is {state}", partition.name))
    });
    let closed: Vec<_> = closed.collect();
    // The job names no queue: one that is closed need not be the one that it would go to.
    let is_why = closed.len() == all.len() || is_about_partition(refusal);
    (!closed.is_empty() && is_why).then(|| closed.join(", "))
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
    let mut waits_for = explanation.waits_for.iter();
    if !waits_for.any(|it| it.kind == "partition") {
        return advised(error, &explanation.advice);
    }
    let start = start_fleet(context).await;
    let mut advice = explanation.advice.clone();
    match advice.iter_mut().find(|it| it.text == OPENS_PARTITIONS) {
        Some(opens) => opens.command = Some(start),
        None => advice.push(Advice {
            text: "start the compute fleet".to_owned(),
            command: Some(start),
        }),
    }
    advised(error, &advice)
}

fn advised(error: Error, advice: &[Advice]) -> Error {
    advice.iter().fold(error, |error, advice| {
        error.hint(match &advice.command {
            Some(command) => format!("{}: {command}", advice.text),
            None => advice.text.clone(),
        })
    })
}

/// Returns the command that has ParallelCluster open the queues again.
async fn start_fleet(context: &Context) -> String {
    let program = match context.pcluster_search().find().await {
        Ok(Found::Ready(program)) => quoted(&program.display().to_string()),
        _ => "pcluster".to_owned(),
    };
    let profile = match &context.settings.ground {
        Ground::Aws {
            profile: Some(profile),
            ..
        } => format!("AWS_PROFILE={} ", quoted(profile)),
        _ => String::new(),
    };
    format!(
        "{profile}{program} update-compute-fleet --cluster-name {} \
         --region {} --status START_REQUESTED",
        context.settings.name, context.aws.region
    )
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
        let told = Some("the queue gpu is INACTIVE".to_owned());
        assert_eq!(closed(&closed_one, &of_memory), None);
        assert_eq!(closed(&closed_one, &of_queue), told);
        let all = Some("the queue cpu is DRAIN, the queue gpu is INACTIVE".to_owned());
        assert_eq!(closed(&closed_all, &of_memory), all);
        assert_eq!(closed(&open, &of_queue), None);
    }
}
