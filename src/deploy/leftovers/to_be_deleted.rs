//! What a teardown will delete, said before it does.

use crate::aws::Stack;
use crate::context::{Context, TAG_DEPLOYMENT};
use crate::deploy::clusters;
use crate::deploy::steps::{
    cluster_config, existing_network, kept_bucket, key_pair, stack, wanted_endpoints,
};
use crate::error::Result;
use crate::settings::BucketFate;

/// Returns what a teardown will delete, one line each; empty when there is nothing.
pub(in crate::deploy) async fn to_be_deleted(context: &Context) -> Result<Vec<String>> {
    let name = &context.settings.name;
    let mut lines = Vec::new();
    if is_ours(context, &name.limits_stack()).await? {
        lines.push(format!(
            "the stack {} (schedule, function)",
            name.limits_stack()
        ));
    }
    if is_ours(context, &name.notifications_stack()).await? {
        lines.push(format!(
            "the stack {} (topic, rule, function)",
            name.notifications_stack()
        ));
    }
    if is_ours(context, &name.triggers_stack()).await? {
        lines.push(format!(
            "the stack {} (queues, rule, function)",
            name.triggers_stack()
        ));
    }
    if is_ours(context, &name.operations_stack()).await? {
        lines.push(format!(
            "the stack {} (SSM document, function, routes)",
            name.operations_stack()
        ));
    }
    if is_ours(context, &name.api_stack()).await? {
        lines.push(format!(
            "the stack {} (load balancer, VPC link, HTTP API)",
            name.api_stack()
        ));
    }
    for cluster in clusters::own(context).await? {
        let name = cluster.name;
        lines.push(format!("the cluster {name} with its jobs and volumes"));
    }
    if is_ours(context, &name.requirements_stack()).await? {
        let holds_jobs = kept_bucket::holding_jobs(context).await?.is_some();
        let bucket = match context.settings.bucket_fate {
            BucketFate::Kept => "but not the bucket",
            BucketFate::Deleted if holds_jobs => {
                "and the bucket with everything in it, also remembered jobs and runs: --keep-bucket \
                 leaves them"
            }
            BucketFate::Deleted => "and the bucket with everything in it",
        };
        let stack = name.requirements_stack();
        let there = context.aws.stacks.describe(&stack).await?;
        let network = match &there {
            Some(there) if makes_endpoints(there) => {
                "security groups, VPC endpoints, not the network"
            }
            Some(there) if existing_network::is_used_by(there) => {
                "security groups, not the network"
            }
            _ => "network, NAT gateway",
        };
        lines.push(format!("the stack {stack} ({network}, {bucket})"));
    } else {
        let buckets = kept_bucket::of_the_deployment(context).await?;
        let buckets = buckets.iter();
        lines.extend(buckets.map(|it| format!("the bucket {it} with everything in it")));
    }
    if let Some(pair) = context.aws.key_pairs.describe(name.as_str()).await?
        && pair
            .tags
            .iter()
            .any(|(key, value)| key == TAG_DEPLOYMENT && value == name.as_str())
    {
        lines.push(format!("the key pair {name}"));
    }
    let key = key_pair::private_key_path(context);
    if key.exists() {
        lines.push(format!("the file {}", key.display()));
    }
    if cluster_config::is_of_here(context).await? {
        let config = context.settings.filled_config_path();
        lines.push(format!("the file {}", config.display()));
    }
    Ok(lines)
}

/// Returns whether a stack has made VPC endpoints in a network that was there.
fn makes_endpoints(stack: &Stack) -> bool {
    wanted_endpoints::of(stack).is_some_and(|endpoints| !endpoints.is_empty())
}

/// Returns whether a stack of hpcapi's own is there, and the deployment's.
async fn is_ours(context: &Context, name: &str) -> Result<bool> {
    let stack = context.aws.stacks.describe(name).await?;
    Ok(stack.is_some_and(|stack| stack::is_ours(context, &stack)))
}
