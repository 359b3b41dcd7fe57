//! The compute fleet: whether ParallelCluster starts nodes at all.

use crate::context::Context;
use crate::error::Result;
use crate::pcluster::Found;
use crate::settings::Ground;
use crate::shell::quoted;

use super::{SCONTROL, on_head_node};

/// Why queues take no jobs, and the commands that open them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct Closed {
    pub(in crate::deploy) cause: &'static str,
    pub(in crate::deploy) opened_by: Vec<String>,
}

/// Finds out why these queues take no jobs.
pub(in crate::deploy) async fn why_closed(context: &Context, queues: &[&str]) -> Result<Closed> {
    let name = context.settings.name.as_str();
    let status = context.aws.compute_fleets.status(name).await?;
    if let Some(cause) = status.as_deref().and_then(at_rest) {
        let opened_by = vec![start(context).await];
        return Ok(Closed { cause, opened_by });
    }
    // pcluster does not start a fleet that runs, and the queues stay as they are.
    let open = |queue: &&str| {
        let update = format!("{SCONTROL} update partitionname={queue} state=up");
        on_head_node(context, &update)
    };
    Ok(Closed {
        cause: "the compute fleet runs: somebody has closed it with scontrol",
        opened_by: queues.iter().map(open).collect(),
    })
}

/// Returns what a status of the compute fleet means in which it starts no nodes.
fn at_rest(status: &str) -> Option<&'static str> {
    match status {
        "STOPPED" | "STOPPING" | "STOP_REQUESTED" => Some("the compute fleet was stopped"),
        "PROTECTED" => Some(
            "ParallelCluster protects the cluster: the nodes of a queue failed to boot again and again \
             (/var/log/parallelcluster/clustermgtd on the head node says why)",
        ),
        _ => None,
    }
}

/// Returns the command that starts the compute fleet, and with it opens every queue.
async fn start(context: &Context) -> String {
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
        "{profile}{program} update-compute-fleet --cluster-name {} --region {} --status START_REQUESTED",
        context.settings.name, context.aws.region
    )
}
