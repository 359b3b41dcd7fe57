//! Whose the cluster is. `pcluster` puts no tag of ours on it, so marks in the deployment's
//! bucket say it: one before the cluster is made, and one with its stack's id after.

use crate::aws::{Instance, Stack, TAG_CLUSTER};
use crate::context::{Context, NetworkOwner, Requirements};
use crate::error::Result;

use super::{existing_network, stack};

/// The mark that is set before the cluster is made; it begins all others.
const INTENT: &str = "hpcapi/cluster";

/// Returns whether the cluster of this stack is the deployment's: a mark says so, or its
/// instances stand in our network, or wear our security group in one that was there.
pub(in crate::deploy) async fn is_ours(context: &Context, cluster: &Stack) -> Result<bool> {
    let marked = match bucket(context).await? {
        Some(bucket) => is_marked(context, &bucket, cluster).await,
        None => Ok(false),
    };
    if matches!(marked, Ok(true)) || stands_in_our_network(context).await? {
        return Ok(true);
    }
    // Marks that cannot be read may say that it is.
    marked
}

async fn is_marked(context: &Context, bucket: &str, cluster: &Stack) -> Result<bool> {
    let found = context.aws.buckets.list(bucket, INTENT).await?;
    let marks: Vec<_> = found.iter().map(|object| object.key.as_str()).collect();
    Ok(says_ours(&marks, &cluster.id))
}

async fn stands_in_our_network(context: &Context) -> Result<bool> {
    let Some(vpc) = output(context, |made| made.vpc, "VPCID").await? else {
        return Ok(false);
    };
    let tag = (TAG_CLUSTER, context.settings.name.as_str());
    let instances = context.aws.instances.with_tags(&[tag]).await?;
    let group = output(
        context,
        |made| made.head_node_security_group,
        "HeadNodeSecurityGroup",
    );
    let group = group.await?;
    // In a network that was there others may have a cluster of the same name: a security group of ours
    // is worn by ours alone.
    let is_of_user = is_in_network_of_user(context).await?;
    let stands_there = |instance: &Instance| match is_of_user {
        true => instance
            .security_groups
            .iter()
            .any(|worn| Some(worn) == group.as_ref()),
        false => instance.vpc.as_ref() == Some(&vpc),
    };
    Ok(instances.iter().any(stands_there))
}

async fn is_in_network_of_user(context: &Context) -> Result<bool> {
    if let Some(made) = context.requirements() {
        return Ok(made.network == NetworkOwner::User);
    }
    let name = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&name).await?;
    Ok(there.is_some_and(|there| existing_network::is_used_by(&there)))
}

/// The mark of another cluster says that ours was deleted by others; without any, whoever made
/// the cluster was cut off before the mark was set.
fn says_ours(marks: &[&str], stack_id: &str) -> bool {
    let of_clusters = marks.iter().filter(|mark| **mark != INTENT).count();
    marks.contains(&mark_of(stack_id).as_str()) || (of_clusters == 0 && marks.contains(&INTENT))
}

/// Returns the mark of a cluster: the last part of its stack's id is unique.
fn mark_of(stack_id: &str) -> String {
    let (_, unique) = stack_id.rsplit_once('/').unwrap_or_default();
    format!("{INTENT}/{unique}")
}

/// Notes that the deployment's cluster is about to be made.
pub(super) async fn note_intent(context: &Context, bucket: &str) -> Result<()> {
    forget(context, bucket).await?;
    let name = context.settings.name.as_str();
    context.aws.buckets.put(bucket, INTENT, name).await
}

/// Notes which cluster was made.
pub(super) async fn note(context: &Context, bucket: &str, cluster: &Stack) -> Result<()> {
    let name = context.settings.name.as_str();
    let mark = mark_of(&cluster.id);
    context.aws.buckets.put(bucket, &mark, name).await
}

/// Forgets every cluster: there is none any more.
pub(super) async fn forget(context: &Context, bucket: &str) -> Result<()> {
    // The intent comes first in the list, and goes last.
    for mark in context.aws.buckets.list(bucket, INTENT).await?.iter().rev() {
        context.aws.buckets.remove(bucket, &mark.key).await?;
    }
    Ok(())
}

/// Returns the deployment's bucket; a stack that is being deleted, or failed to be, has one
/// too.
pub(in crate::deploy) async fn bucket(context: &Context) -> Result<Option<String>> {
    output(context, |made| made.bucket, "Bucket").await
}

/// Returns an output of the requirements stack, also of one that is not complete; nothing of a
/// stack that others made under its name.
async fn output(
    context: &Context,
    known: impl Fn(Requirements) -> String,
    key: &str,
) -> Result<Option<String>> {
    if let Some(made) = context.requirements() {
        return Ok(Some(known(made)));
    }
    if let Some(value) = context.facts().unfinished_requirements.get(key) {
        return Ok(Some(value.clone()));
    }
    let name = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let ours = there.filter(|there| stack::is_ours(context, there));
    let outputs = ours.map(|ours| ours.outputs).unwrap_or_default();
    let value = outputs.get(key).cloned();
    context.facts().unfinished_requirements = outputs;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/x/1-2-3";

    #[test]
    fn the_mark_of_another_cluster_is_not_ours() {
        assert!(says_ours(&[INTENT, "hpcapi/cluster/1-2-3"], STACK));
        assert!(says_ours(&["hpcapi/cluster/1-2-3"], STACK));
        assert!(says_ours(&[INTENT], STACK));
        assert!(!says_ours(&[INTENT, "hpcapi/cluster/4-5-6"], STACK));
        assert!(!says_ours(&["hpcapi/cluster/1-2"], STACK));
        assert!(!says_ours(&[], STACK));
    }
}
