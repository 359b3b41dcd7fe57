//! Why the job of a proof waits, and whether it can start at all.

use std::time::Duration;

use crate::context::Context;
use crate::error::Error;
use crate::pcluster::Found;
use crate::settings::Ground;
use crate::slurm::client::Client;
use crate::slurm::jobs::{self, Explanation, JobId};
use crate::slurm::partitions;
use crate::step::Step;
use crate::wait::Pace;

use super::LIMIT;

/// How long a job that cannot start is given: while ParallelCluster starts its fleet, queues and
/// nodes come into service by themselves.
pub(super) const SETTLES: Duration = Duration::from_secs(30);

/// How long to rest between two looks at why it waits: each takes several requests.
const REST: Duration = Duration::from_secs(5);

/// Tells why a job waits, each time the answer is another; returns once it could not start for
/// [`SETTLES`], with what lets it start.
pub(super) async fn until_stuck(context: &Context, client: &Client, id: JobId) -> Error {
    let mut pace = Pace::minutes(LIMIT);
    let mut patience: Option<Pace> = None;
    let mut told = String::new();
    loop {
        pace.wait_at_least(REST);
        if !pace.next().await {
            // Whoever waits for the end of the job says that it did not come.
            std::future::pending::<()>().await;
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

/// Cancels a job that cannot start, which would run when nobody waits for it any more; returns the
/// error with what is to be known of that.
pub(super) async fn given_up(client: &Client, id: JobId, error: Error) -> Error {
    let cancelled = async {
        let found = jobs::lookup(client, id).await?;
        jobs::cancel(client, &[(id, found)]).await
    };
    match cancelled.await {
        Ok(cancelled) if cancelled.refused.is_empty() => error,
        _ => error.hint(format!("the job still waits: hpcapi jobs cancel {id}")),
    }
}

/// Adds to an error why a job waits, if it does.
pub(super) async fn with_reason(client: &Client, id: JobId, error: Error) -> Error {
    match explained(client, id).await {
        Some(explanation) if explanation.state.as_str() == "PENDING" => {
            let error = error.because(lines(&explanation).join("\n"));
            advised(error, &explanation)
        }
        _ => error,
    }
}

/// Returns which queues take no jobs, and what opens them; `None` when all of them take some.
pub(super) async fn closed_queues(context: &Context, client: &Client) -> Option<(String, String)> {
    let all = partitions::list(client).await.ok()?;
    let closed = all.iter().filter_map(|partition| {
        let state = partition.state.as_deref().filter(|state| *state != "UP")?;
        Some(format!("the queue {} is {state}", partition.name))
    });
    let closed: Vec<_> = closed.collect();
    if closed.is_empty() {
        return None;
    }
    Some((closed.join(", "), start_fleet(context).await))
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
    let error = advised(error.because(lines(explanation).join("\n")), explanation);
    match explanation
        .waits_for
        .iter()
        .any(|it| it.kind == "partition")
    {
        true => error.hint(start_fleet(context).await),
        false => error,
    }
}

fn advised(error: Error, explanation: &Explanation) -> Error {
    let advice = explanation.advice.iter();
    advice.fold(error, |error, advice| {
        error.hint(match &advice.command {
            Some(command) => format!("{}: {command}", advice.text),
            None => advice.text.clone(),
        })
    })
}

/// Returns the command that has ParallelCluster open the queues again.
async fn start_fleet(context: &Context) -> String {
    let program = match context.pcluster_search().find().await {
        Ok(Found::Ready(program)) => program.display().to_string(),
        _ => "pcluster".to_owned(),
    };
    let profile = match &context.settings.ground {
        Ground::Aws {
            profile: Some(profile),
            ..
        } => format!("AWS_PROFILE={profile} "),
        _ => String::new(),
    };
    format!(
        "start the compute fleet: {profile}{program} update-compute-fleet --cluster-name {} \
         --region {} --status START_REQUESTED",
        context.settings.name, context.aws.region
    )
}
