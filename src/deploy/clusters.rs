//! The clusters of a deployment: it has one, and two while one is made beside the other.

use futures_util::future::try_join_all;
use tokio::try_join;

use crate::aws::Stack;
use crate::context::Context;
use crate::error::Result;

use super::steps::{api, ownership, stack};

/// Finds out which cluster serves, and notes it. One more stack is asked for than before there could be a
/// second cluster; the rest is asked only where that is there.
pub(super) async fn identify(context: &Context) -> Result<()> {
    // Who replaces a cluster knows which one is meant.
    if context.facts().replacement.is_some() {
        return Ok(());
    }
    let serving = serving(context).await?;
    context.facts().cluster_name = Some(serving);
    Ok(())
}

async fn serving(context: &Context) -> Result<String> {
    let names = &context.settings.name;
    let first = names.to_string();
    let stacks = &context.aws.stacks;
    let Some(second) = names.second_cluster() else {
        return Ok(first);
    };
    let Some(second) = stacks.describe(&second).await? else {
        return Ok(first);
    };
    let api_stack = names.api_stack();
    let (other, api) = try_join!(stacks.describe(&first), stacks.describe(&api_stack))?;
    let api = api.filter(|api| stack::is_ours(context, api));
    if let Some(target) = api.as_ref().and_then(api::target)
        && has_made(context, &second, &target).await?
    {
        return Ok(second.name);
    }
    Ok(
        match other.is_none() && ownership::is_ours(context, &second).await? {
            true => second.name,
            false => first,
        },
    )
}

/// Returns whether the cluster's stack made this instance, which is its head node then.
async fn has_made(context: &Context, cluster: &Stack, instance: &str) -> Result<bool> {
    let resources = context.aws.stacks.resources(&cluster.id).await?;
    let mut resources = resources.iter();
    Ok(resources.any(|resource| resource.physical_id == instance))
}

/// Returns the clusters of the deployment that are there: one, two or none. What others made under their
/// names is left out.
pub(super) async fn own(context: &Context) -> Result<Vec<Stack>> {
    let names = context.settings.name.cluster_names();
    let stacks = &context.aws.stacks;
    let found = try_join_all(names.iter().map(|name| stacks.describe(name))).await?;
    let mut own = Vec::new();
    for cluster in found.into_iter().flatten() {
        if ownership::is_ours(context, &cluster).await? {
            own.push(cluster);
        }
    }
    Ok(own)
}
