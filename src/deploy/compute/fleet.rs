//! The compute fleet: whether ParallelCluster starts nodes at all.

use crate::context::Context;
use crate::error::Result;
use crate::pcluster::Found;
use crate::settings::Ground;

/// A status of the compute fleet in which it starts no nodes, and what that means.
pub(super) fn rest(status: &str) -> Option<&'static str> {
    match status {
        "STOPPED" | "STOPPING" | "STOP_REQUESTED" => Some("the compute fleet was stopped"),
        "PROTECTED" => Some(
            "ParallelCluster protects the cluster: the nodes of a queue failed to boot again and again \
             (/var/log/parallelcluster/clustermgtd on the head node says why)",
        ),
        _ => None,
    }
}

/// Returns the status of the compute fleet.
pub(super) async fn status(context: &Context) -> Result<Option<String>> {
    let name = context.settings.name.as_str();
    context.aws.compute_fleets.status(name).await
}

/// Returns the command that starts the compute fleet, and with it opens every queue.
pub(super) async fn start(context: &Context) -> String {
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
        "{profile}{program} update-compute-fleet --cluster-name {} --region {} --status START_REQUESTED",
        context.settings.name, context.aws.region
    )
}
