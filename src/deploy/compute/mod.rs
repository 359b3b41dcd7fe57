//! What starts jobs, behind the way of a request: the compute fleet, the queues and their nodes. A
//! request may come through while no job can start.

mod fleet;
mod queues;

use crate::context::Context;
use crate::error::Result;
use crate::hint::AwsCall;

use super::finding::Finding;
use super::path;

pub(super) use fleet::why_closed;

const SCONTROL: &str = "/opt/slurm/bin/scontrol";

/// Looks at what starts jobs. The way of a request has to be well.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let found = queues::look(context).await;
    found.unwrap_or_else(|error| vec![Finding::of_error(queues::SUBJECT, &error)])
}

/// Returns the command that runs a command line on the head node as root.
fn on_head_node(context: &Context, command: &str) -> Result<AwsCall> {
    let instance = path::head_node_id(context)?;
    let call = AwsCall::in_region(&context.aws.region, "ssm send-command");
    Ok(call.with(format!(
        "--instance-ids {instance} --document-name AWS-RunShellScript --parameters \
         'commands=[\"{command}\"]'"
    )))
}
