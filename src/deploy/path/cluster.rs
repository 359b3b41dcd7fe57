//! The cluster: there, ours, settled and whole.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::{cluster, stack};
use crate::error::Result;

use super::Layer;

const SUBJECT: &str = "cluster";

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let again = &context.settings.again;
    let name = &context.settings.name;
    let state = cluster::check(context).await?;
    let status = context.facts().cluster.as_ref().map(|it| it.status.clone());
    let finding = match (state, status.as_deref()) {
        (State::Missing, _) | (_, None) => {
            Finding::problem(SUBJECT, format!("there is no cluster `{name}`"))
                .then(again.command("up"))
        }
        (State::Ready, Some(status)) => Finding::good(SUBJECT, format!("`{name}` is in {status}")),
        (State::Waiting { on }, _) => Finding::waiting(SUBJECT, on).then(again.command("up")),
        (State::Incomplete { reason }, Some("UPDATE_ROLLBACK_FAILED")) => {
            Finding::problem(SUBJECT, reason)
                .then(stack::continue_rollback(context, name.as_str()))
                .then(again.command("up"))
        }
        (State::Incomplete { reason }, _) => {
            Finding::problem(SUBJECT, reason).then(again.command("up"))
        }
    };
    Ok(finding.into())
}
