//! Whose a cluster is. `pcluster` puts no tag of ours on it, so marks in the deployment's
//! bucket say it: one before the cluster is made, and one with its stack's id after. Each of the two
//! names that a cluster may have has marks of its own.

use crate::aws::{Instance, Stack, TAG_CLUSTER};
use crate::context::{Context, NetworkOwner, Requirements};
use crate::error::Result;

use super::{existing_network, stack};

/// The mark that is set before the first cluster is made; it begins all others.
const INTENT: &str = "hpcapi/cluster";

/// The same of a cluster of the second name.
const SECOND_INTENT: &str = "hpcapi/cluster-2";

/// The mark that stays as long as the bucket, once there was a cluster of the second name: another
/// deployment could be called so, and what clusters leave does not say whose it is.
const HAD_SECOND: &str = "hpcapi/second-cluster";

/// Returns whether the cluster of this stack is the deployment's: a mark says so, or its
/// instances stand in our network, or wear our security group in one that was there.
pub(in crate::deploy) async fn is_ours(context: &Context, cluster: &Stack) -> Result<bool> {
    let marked = match bucket(context).await? {
        Some(bucket) => is_marked(context, &bucket, cluster).await,
        None => Ok(false),
    };
    if matches!(marked, Ok(true)) || stands_in_our_network(context, &cluster.name).await? {
        return Ok(true);
    }
    // Marks that cannot be read may say that it is.
    marked
}

async fn is_marked(context: &Context, bucket: &str, cluster: &Stack) -> Result<bool> {
    let found = context.aws.buckets.list(bucket, INTENT).await?;
    let marks: Vec<_> = found.iter().map(|object| object.key.as_str()).collect();
    Ok(says_ours(
        &marks,
        intent(context, &cluster.name),
        &cluster.id,
    ))
}

/// Returns the mark of a cluster that is about to be made under this name.
fn intent(context: &Context, cluster: &str) -> &'static str {
    match cluster == context.settings.name.as_str() {
        true => INTENT,
        false => SECOND_INTENT,
    }
}

async fn stands_in_our_network(context: &Context, cluster: &str) -> Result<bool> {
    let Some(vpc) = output(context, |made| made.vpc, "VPCID").await? else {
        return Ok(false);
    };
    let tag = (TAG_CLUSTER, &[cluster][..]);
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
fn says_ours(marks: &[&str], intent: &str, stack_id: &str) -> bool {
    let of_clusters = marks.iter().filter(|mark| is_of_cluster(mark, intent));
    marks.contains(&mark_of(intent, stack_id).as_str())
        || (of_clusters.count() == 0 && marks.contains(&intent))
}

/// Returns whether a mark is that of a cluster which was made after this intent.
fn is_of_cluster(mark: &str, intent: &str) -> bool {
    let rest = mark.strip_prefix(intent);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Returns the mark of a cluster: the last part of its stack's id is unique.
fn mark_of(intent: &str, stack_id: &str) -> String {
    let (_, unique) = stack_id.rsplit_once('/').unwrap_or_default();
    format!("{intent}/{unique}")
}

/// Notes that a cluster of this name is about to be made.
pub(super) async fn note_intent(context: &Context, bucket: &str, cluster: &str) -> Result<()> {
    forget(context, bucket, cluster).await?;
    let intent = intent(context, cluster);
    let buckets = &context.aws.buckets;
    if intent == SECOND_INTENT {
        buckets.put(bucket, HAD_SECOND, cluster).await?;
    }
    buckets.put(bucket, intent, cluster).await
}

/// Notes which cluster was made.
pub(super) async fn note(context: &Context, bucket: &str, cluster: &Stack) -> Result<()> {
    let name = cluster.name.as_str();
    let mark = mark_of(intent(context, name), &cluster.id);
    context.aws.buckets.put(bucket, &mark, name).await
}

/// Forgets every cluster of this name: there is none any more.
pub(super) async fn forget(context: &Context, bucket: &str, cluster: &str) -> Result<()> {
    let intent = intent(context, cluster);
    let buckets = &context.aws.buckets;
    let found = buckets.list(bucket, intent).await?;
    let of_name = |key: &str| key == intent || is_of_cluster(key, intent);
    // The intent comes first in the list, and goes last.
    for mark in found.iter().rev().filter(|mark| of_name(&mark.key)) {
        buckets.remove(bucket, &mark.key).await?;
    }
    Ok(())
}

/// Returns whether the deployment ever began a cluster of the second name, as far as its bucket tells.
pub(in crate::deploy) async fn had_second(context: &Context) -> Result<bool> {
    let Some(bucket) = bucket(context).await? else {
        return Ok(false);
    };
    // Whoever may only tear down may list, and not read.
    let found = context.aws.buckets.list(&bucket, HAD_SECOND).await?;
    Ok(!found.is_empty())
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
        let says = |marks: &[&str]| says_ours(marks, INTENT, STACK);
        assert!(says(&[INTENT, "hpcapi/cluster/1-2-3"]));
        assert!(says(&["hpcapi/cluster/1-2-3"]));
        assert!(says(&[INTENT]));
        assert!(!says(&[INTENT, "hpcapi/cluster/4-5-6"]));
        assert!(!says(&["hpcapi/cluster/1-2"]));
        assert!(!says(&[]));
    }

    #[test]
    fn the_marks_of_one_name_say_nothing_of_the_other() {
        let second = [SECOND_INTENT, "hpcapi/cluster-2/1-2-3"];
        assert!(says_ours(&second, SECOND_INTENT, STACK));
        assert!(!says_ours(&second, INTENT, STACK));
        assert!(says_ours(&[INTENT, second[0], second[1]], INTENT, STACK));
        let first = [INTENT, "hpcapi/cluster/1-2-3"];
        assert!(!says_ours(&first, SECOND_INTENT, STACK));
    }
}
