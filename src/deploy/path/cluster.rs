//! The cluster: there, ours, settled and whole.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::deploy::evidence::{self, Explanation};
use crate::deploy::finding::Finding;
use crate::deploy::steps::{cluster, stack};
use crate::error::Result;

use super::Layer;

const SUBJECT: &str = "cluster";

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let again = &context.settings.again;
    let name = context.cluster_name();
    let state = cluster::check(context).await?;
    let there = context.facts().cluster.clone();
    if let Some(stack) = there.as_ref().filter(|stack| stack.never_lived()) {
        return Ok(failed(context, stack).await.into());
    }
    let status = there.map(|stack| stack.status);
    let finding = match (state, status.as_deref()) {
        (State::Missing | State::Unwanted | State::Resting, _) | (_, None) => {
            Finding::problem(SUBJECT, format!("there is no cluster `{name}`"))
                .then(again.command("up"))
        }
        (State::Ready, Some(status)) => Finding::good(SUBJECT, format!("`{name}` is in {status}")),
        (State::Waiting { on }, _) => Finding::waiting(SUBJECT, on).then(again.command("up")),
        (State::Incomplete { reason }, Some("UPDATE_ROLLBACK_FAILED")) => {
            Finding::problem(SUBJECT, reason)
                .then(stack::continue_rollback(context, &name))
                .then(again.command("up"))
        }
        (State::Incomplete { reason }, _) => {
            Finding::problem(SUBJECT, reason).then(again.command("up"))
        }
    };
    Ok(finding.into())
}

/// Tells why the creation failed, and keeps the logs that say so.
async fn failed(context: &Context, stack: &Stack) -> Finding {
    evidence::keep_once(context, stack).await;
    let Explanation { causes, remedies } = evidence::explain(context, stack).await;
    let text = format!("the cluster is in {}", stack.status);
    let found = Finding::problem(SUBJECT, text).because(causes.join("\n"));
    let next = remedies
        .into_iter()
        .chain([context.settings.again.command("up")]);
    next.fold(found, Finding::then)
}
