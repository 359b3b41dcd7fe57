//! What goes on in a deployment: since when it is there, and how busy its cluster is.

use crate::context::Context;
use crate::error::Result;
use crate::slurm::{Workload, look_at_workload};

/// How busy a cluster is, or why that is not known.
pub type Busy = std::result::Result<Workload, String>;

/// Returns how busy the cluster is; `None` where no head node is known to run.
pub(super) async fn workload(context: &Context) -> Option<Busy> {
    let head_node = context.facts().head_node.clone()?;
    if !head_node.is_running() {
        return None;
    }
    let looked = look_at_workload(&context.aws.commands, &head_node.id).await;
    Some(looked.map_err(|error| format!("{error:#}")))
}

/// Returns when the deployment was begun, in seconds since 1970; `None` where there is none.
pub async fn begun(context: &Context) -> Result<Option<u64>> {
    let network = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&network).await?;
    Ok(there.and_then(|stack| stack.created))
}
