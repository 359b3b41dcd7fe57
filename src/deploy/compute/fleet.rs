//! The compute fleet: whether ParallelCluster starts nodes at all.

use crate::context::Context;
use crate::deploy::steps::pcluster;
use crate::error::Result;
use crate::hint::Hint;

use super::{SCONTROL, on_head_node};

/// Why queues take no jobs, and the commands that open them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct Closed {
    pub(in crate::deploy) cause: String,
    pub(in crate::deploy) opened_by: Vec<Hint>,
}

/// Finds out why these queues take no jobs.
pub(in crate::deploy) async fn why_closed(context: &Context, queues: &[&str]) -> Result<Closed> {
    let name = context.cluster_name();
    let status = context.aws.compute_fleets.status(&name).await?;
    let fleet = Fleet::of(status.as_deref());
    let opened_by = match fleet {
        Fleet::Stopped | Fleet::Protected | Fleet::Unknown => vec![start(context).await.into()],
        Fleet::Starting => Vec::new(),
        // pcluster does not start a fleet that runs, and the queues stay as they are.
        Fleet::Running => {
            let open = |queue: &&str| {
                let update = format!("{SCONTROL} update partitionname={queue} state=up");
                on_head_node(context, &update).map(Hint::run)
            };
            queues.iter().map(open).collect::<Result<_>>()?
        }
    };
    let cause = fleet.words().to_owned();
    Ok(Closed { cause, opened_by })
}

/// How the compute fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fleet {
    Running,
    Starting,
    Stopped,
    Protected,
    Unknown,
}

impl Fleet {
    /// Reads ParallelCluster's status, `None` where it has none.
    fn of(status: Option<&str>) -> Fleet {
        match status {
            Some("RUNNING") => Fleet::Running,
            Some("STARTING" | "START_REQUESTED") => Fleet::Starting,
            Some("STOPPED" | "STOPPING" | "STOP_REQUESTED") => Fleet::Stopped,
            Some("PROTECTED") => Fleet::Protected,
            _ => Fleet::Unknown,
        }
    }

    /// Returns why queues are closed while it is so.
    fn words(self) -> &'static str {
        match self {
            Fleet::Running => "the compute fleet runs: somebody has closed the queue with scontrol",
            Fleet::Starting => "the compute fleet is being started, which opens the queues",
            Fleet::Stopped => "the compute fleet was stopped",
            Fleet::Protected => {
                "ParallelCluster protects the cluster: the nodes of a queue failed to boot again and again \
                 (/var/log/parallelcluster/clustermgtd on the head node says why)"
            }
            Fleet::Unknown => "ParallelCluster does not say whether the compute fleet runs",
        }
    }
}

/// Returns the command that starts the compute fleet, and with it opens every queue.
async fn start(context: &Context) -> String {
    let verb = "update-compute-fleet";
    let line = pcluster::command_line(context, verb, &context.cluster_name()).await;
    format!("{line} --status START_REQUESTED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fleet_that_says_so_runs() {
        for (status, fleet) in [
            (Some("RUNNING"), Fleet::Running),
            (Some("START_REQUESTED"), Fleet::Starting),
            (Some("STOP_REQUESTED"), Fleet::Stopped),
            (Some("PROTECTED"), Fleet::Protected),
            (Some("UNKNOWN"), Fleet::Unknown),
            (None, Fleet::Unknown),
        ] {
            assert_eq!(Fleet::of(status), fleet, "{status:?}");
        }
    }
}
