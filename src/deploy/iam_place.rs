//! Where in IAM a cluster that stands is: ParallelCluster moves none (3.16.1: `resource_prefix` of its
//! `cluster_schema` has the update policy UNSUPPORTED).

use crate::aws::Stack;
use crate::context::Context;
use crate::error::{Error, Result};

use super::changes;

/// Fails when roles are to be made at another place than those of the cluster that stands.
pub(super) async fn require_same(context: &Context) -> Result<()> {
    let Some(asked) = &context.settings.iam_prefix else {
        return Ok(());
    };
    let cluster = context.facts().cluster.clone();
    let Some(cluster) = cluster.filter(stays) else {
        return Ok(());
    };
    if context.facts().iam_prefix.as_ref() == Some(asked) {
        return Ok(());
    }
    let kept = changes::kept(context, &cluster).await?;
    let has = kept.resource_prefix();
    if has == Some(asked.as_str()) {
        return Ok(());
    }
    let has = match has {
        Some(prefix) => format!("`{prefix}`"),
        None => "ParallelCluster's own path".to_owned(),
    };
    let again = &context.settings.again;
    Err(Error::usage(format!(
        "the cluster cannot move in IAM: its roles are at {has}, and not at `{asked}`"
    ))
    .because("ParallelCluster changes Iam.ResourcePrefix of no cluster that stands")
    .hint("leave out --iam-prefix, and iam_prefix of the settings file, to go on with what it has")
    .hint(format!(
        "or make the cluster anew, its jobs and volumes go: {}",
        again.replacing_cluster()
    )))
}

/// Returns whether a cluster is not made anew in any case.
fn stays(cluster: &Stack) -> bool {
    !cluster.must_be_replaced() && cluster.status != "DELETE_IN_PROGRESS"
}
