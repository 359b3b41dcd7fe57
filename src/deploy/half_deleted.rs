//! Stacks whose deletion failed, under a deployment that may still work: nothing more of them is
//! deleted unless somebody asks for it.

use crate::aws::Stack;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::hint::Hint;

use super::finding::Finding;
use super::repair::session;
use super::steps::deletion;

/// Fails when `up` would go on with a deletion that nobody asked it for.
pub(super) async fn require_none(context: &Context, replaces_cluster: bool) -> Result<()> {
    let name = context.settings.name.requirements_stack();
    if let Some(network) = context.aws.stacks.describe(&name).await?
        && let Some(found) = network_finding(context, &network).await?
    {
        return Err(refusal(&found));
    }
    let cluster = context.facts().cluster.clone();
    if let Some(cluster) = cluster.filter(|_| !replaces_cluster)
        && let Some(found) = cluster_finding(context, &cluster)
    {
        return Err(refusal(&found));
    }
    Ok(())
}

fn refusal(found: &Finding) -> Error {
    let error = Error::new(Kind::NotReady, found.text.clone());
    let error = match &found.cause {
        Some(cause) => error.because(cause.clone()),
        None => error,
    };
    let next = found.next.iter();
    next.fold(error, |error, next| error.hint(next.clone()))
}

/// Tells of a network whose deletion failed: everything is in it, and CloudFormation can do
/// nothing with it but delete the rest.
pub(super) async fn network_finding(context: &Context, stack: &Stack) -> Result<Option<Finding>> {
    if stack.status != "DELETE_FAILED" {
        return Ok(None);
    }
    let names = &context.settings.name;
    let mut standing = Vec::new();
    if context.facts().cluster.is_some() {
        standing.push(format!("the cluster `{}`", context.cluster_name()));
    }
    if context
        .aws
        .stacks
        .describe(&names.api_stack())
        .await?
        .is_some()
    {
        standing.push(format!("the stack `{}`", names.api_stack()));
    }
    let what = match standing.as_slice() {
        [] => "and nothing else of the deployment is there".to_owned(),
        standing => format!("with {} in it", standing.join(" and ")),
    };
    let text = format!(
        "the stack `{}` is half deleted (DELETE_FAILED), {what}",
        stack.name
    );
    let left = deletion::remains(context, &stack.id).await?;
    let again = &context.settings.again;
    let mut found = Finding::problem("stacks", text).because(deletion::list(&left));
    if let Some(head_node) = &context.facts().head_node {
        found = found.then(
            Hint::run(session(context, &head_node.id))
                .because("wait for the jobs and save what you need of the cluster"),
        );
    }
    Ok(Some(found.then(format!(
        "then delete the rest, and make everything anew: {} && {}",
        again.command("teardown"),
        again.command("up")
    ))))
}

/// Tells of a cluster whose deletion failed while its head node lives.
fn cluster_finding(context: &Context, stack: &Stack) -> Option<Finding> {
    let head_node = context.facts().head_node.clone()?;
    if stack.status != "DELETE_FAILED" {
        return None;
    }
    let text = format!(
        "the cluster `{}` is half deleted (DELETE_FAILED), and its head node `{}` is {}",
        stack.name, head_node.id, head_node.state
    );
    let again = &context.settings.again;
    Some(
        Finding::problem("cluster", text)
            .then(format!(
                "delete the rest of it, and make it anew: {}",
                again.replacing_cluster()
            ))
            .then(format!(
                "or remove everything: {}",
                again.command("teardown")
            )),
    )
}
