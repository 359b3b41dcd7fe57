//! What starts jobs, behind the way of a request: the compute fleet, the queues and their nodes. A
//! request may come through while no job can start.

mod fleet;
mod queues;

use crate::context::Context;

use super::finding::Finding;

pub(super) use fleet::why_closed;

const SCONTROL: &str = "/opt/slurm/bin/scontrol";

/// Looks at what starts jobs. The way of a request has to be well.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let found = queues::look(context).await;
    found.unwrap_or_else(|error| vec![Finding::of_error(queues::SUBJECT, &error)])
}

/// Returns the command that runs a command line on the head node as root.
fn on_head_node(context: &Context, command: &str) -> String {
    let facts = context.facts();
    let instance = facts.head_node.as_ref().map(|node| node.id.as_str());
    format!(
        "aws ssm send-command --region {} --instance-ids {} --document-name AWS-RunShellScript \
         --parameters 'commands=[\"{command}\"]'",
        context.aws.region,
        instance.unwrap_or("HEAD_NODE"),
    )
}
