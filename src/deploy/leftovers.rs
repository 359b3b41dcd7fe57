//! What a deployment has in the account: what a teardown will delete, and what is still there
//! after it. Found by tag and name, never by what this machine remembers.

use crate::context::{Context, TAG_DEPLOYMENT};
use crate::error::Result;

use super::steps::key_pair;

/// The log groups that `pcluster delete-cluster` keeps.
const LOG_GROUP: &str = "AWS::Logs::LogGroup";

/// The bucket that ParallelCluster shares between all clusters of an account and region.
const SHARED_BUCKET: (&str, &str) = ("parallelcluster-", "-do-not-delete");

/// Something of the deployment that is still in the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, e.g. `log group`.
    pub kind: &'static str,
    /// Its name or id.
    pub name: String,
    /// Whether it is left on purpose, and why.
    pub kept: Option<&'static str>,
}

impl Leftover {
    fn lost(kind: &'static str, name: impl Into<String>) -> Leftover {
        Leftover {
            kind,
            name: name.into(),
            kept: None,
        }
    }
}

/// Returns what a teardown will delete, one line each; empty when there is nothing.
pub(super) async fn doomed(context: &Context) -> Result<Vec<String>> {
    let name = &context.settings.name;
    let mut lines = Vec::new();
    if there(context, &name.api_stack()).await? {
        lines.push(format!(
            "the stack {} (load balancer, VPC link, HTTP API)",
            name.api_stack()
        ));
    }
    if there(context, name.as_str()).await? {
        lines.push(format!("the cluster {name} with its jobs and volumes"));
    }
    if there(context, &name.requirements_stack()).await? {
        lines.push(format!(
            "the stack {} (network, NAT gateway, and the bucket with everything in it)",
            name.requirements_stack()
        ));
    }
    if let Some(pair) = context.aws.key_pairs.describe(name.as_str()).await?
        && pair
            .tags
            .iter()
            .any(|(key, value)| key == TAG_DEPLOYMENT && value == name.as_str())
    {
        lines.push(format!("the key pair {name}"));
    }
    for path in [
        key_pair::private_key_path(context),
        context.settings.filled_config_path(),
    ] {
        if path.exists() {
            lines.push(format!("the file {}", path.display()));
        }
    }
    Ok(lines)
}

async fn there(context: &Context, stack: &str) -> Result<bool> {
    Ok(context.aws.stacks.describe(stack).await?.is_some())
}

/// Returns the ids of the cluster's stacks, there or deleted; asked before the last one goes.
pub(super) async fn cluster_stacks(context: &Context) -> Result<Vec<String>> {
    let name = context.settings.name.as_str();
    let mut stacks = context.aws.stacks.deleted_ids(name).await?;
    if let Some(stack) = context.aws.stacks.describe(name).await? {
        stacks.push(stack.id);
    }
    Ok(stacks)
}

/// Returns the log groups that deleted clusters left behind on purpose.
async fn kept_log_groups(context: &Context, stacks: &[String]) -> Result<Vec<String>> {
    let mut groups = Vec::new();
    for stack in stacks {
        let resources = context.aws.stacks.resources(stack).await?;
        groups.extend(
            resources
                .into_iter()
                .filter(|resource| {
                    resource.kind == LOG_GROUP && resource.status == "DELETE_SKIPPED"
                })
                .map(|resource| resource.physical_id),
        );
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Returns what is still in the account; `stacks` are those of the cluster.
pub(super) async fn scan(context: &Context, stacks: &[String]) -> Result<Vec<Leftover>> {
    let name = &context.settings.name;
    let aws = &context.aws;
    let mut left = Vec::new();
    for stack in [
        name.api_stack(),
        name.to_string(),
        name.requirements_stack(),
    ] {
        if let Some(stack) = aws.stacks.describe(&stack).await? {
            left.push(Leftover::lost("stack", stack.name));
        }
    }
    for (key, value) in [
        (TAG_DEPLOYMENT, name.as_str()),
        ("parallelcluster:cluster-name", name.as_str()),
    ] {
        let instances = aws.instances.with_tags(&[(key, value)]).await?;
        left.extend(
            instances
                .into_iter()
                .map(|instance| Leftover::lost("instance", instance.id)),
        );
        let volumes = aws.instances.volumes_with_tag(key, value).await?;
        left.extend(
            volumes
                .into_iter()
                .map(|volume| Leftover::lost("volume", volume)),
        );
        let interfaces = aws.network.interfaces_with_tag(key, value).await?;
        left.extend(
            interfaces
                .into_iter()
                .map(|id| Leftover::lost("network interface", id)),
        );
    }
    if let Some(pair) = aws.key_pairs.describe(name.as_str()).await?
        && pair.tags.iter().any(|(key, _)| key == TAG_DEPLOYMENT)
    {
        left.push(Leftover::lost("key pair", pair.name));
    }
    let buckets = aws
        .buckets
        .with_prefix(&aws.region, &name.requirements_stack().to_lowercase())
        .await?;
    left.extend(
        buckets
            .into_iter()
            .map(|bucket| Leftover::lost("bucket", bucket)),
    );

    let log_groups = kept_log_groups(context, stacks).await?;
    left.extend(log_groups.into_iter().map(|name| Leftover {
        kind: "log group",
        name,
        kept: Some("logs of the cluster, kept by ParallelCluster"),
    }));
    let (prefix, suffix) = SHARED_BUCKET;
    let shared = aws.buckets.with_prefix(&aws.region, prefix).await?;
    left.extend(
        shared
            .into_iter()
            .filter(|bucket| bucket.ends_with(suffix))
            .map(|name| Leftover {
                kind: "bucket",
                name,
                kept: Some("shared by all ParallelCluster clusters of a region"),
            }),
    );
    Ok(left)
}
