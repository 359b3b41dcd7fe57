//! The head node: its instance, and its agent.

use crate::aws::Instance;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::leftovers::AwsCommands;
use crate::deploy::reach::reach;
use crate::deploy::repair::Repair;
use crate::deploy::steps::deletion::physical_ids;
use crate::deploy::steps::head_node::{self, HeadNode};
use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint};
use crate::pcluster::judgement::{self, Reach};

use super::Layer;

const SUBJECT: &str = "head node";

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let instance = match head_node::look(context).await? {
        HeadNode::There(instance) => instance,
        HeadNode::Terminated(id) => {
            let text = format!("the cluster has none: {}", head_node::terminated(&id));
            return Ok(Finding::problem(SUBJECT, text)
                .then(context.settings.again.replacing_cluster())
                .into());
        }
        HeadNode::Unseen => {
            let text = format!("it is not found: {}", head_node::UNSEEN);
            return Ok(Finding::problem(SUBJECT, text)
                .then(head_node::see_resources(context))
                .into());
        }
    };
    let text = format!("the instance `{}` is {}", instance.id, instance.state);
    match instance.state.as_str() {
        "running" => {}
        "stopped" => {
            let repair = Repair::Start(instance.id);
            return Ok(Finding::problem(SUBJECT, text).repaired_by(context, repair));
        }
        _ => return Ok(Finding::waiting(SUBJECT, text).into()),
    }
    let wanted = context.requirements().map(|it| it.head_node_security_group);
    if let Some(group) = wanted
        && !instance.security_groups.contains(&group)
    {
        let text = format!(
            "the instance `{}` does not wear the security group `{group}` that lets the load \
             balancer in",
            instance.id
        );
        let mut groups = instance.security_groups;
        groups.push(group);
        let repair = Repair::Wear(instance.id, groups);
        return Ok(Finding::problem(SUBJECT, text).repaired_by(context, repair));
    }
    Ok(untagged(context, &instance)
        .unwrap_or_else(|| Finding::good(SUBJECT, text))
        .into())
}

/// Tells of a head node that lost the tags by which ParallelCluster finds it: requests come
/// through to it all the same.
fn untagged(context: &Context, instance: &Instance) -> Option<Finding> {
    let cluster = context.cluster_name();
    let tags = head_node::tags(&cluster);
    let has = |&(key, value): &(&str, &str)| {
        let found = instance.tags.get(key);
        found.is_some_and(|found| found == value)
    };
    if tags.iter().all(has) {
        return None;
    }
    let id = &instance.id;
    let tags = tags.map(|(key, value)| format!("Key={key},Value={value}"));
    let text = format!("the instance `{id}` runs without the tags by which pcluster finds it");
    Some(
        Finding::warning(SUBJECT, text).then(Hint::run(
            AwsCall::in_region(&context.aws.region, "ec2 create-tags")
                .with(format!("--resources {id} --tags {}", tags.join(" "))),
        )),
    )
}

/// Looks whether SSM reaches the head node's agent.
pub(super) async fn agent(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "SSM";
    let instance = instance(context)?;
    let status = context.aws.commands.ping(&instance).await?;
    Ok(match status.as_deref() {
        Some("Online") => Finding::good(SUBJECT, format!("the agent of `{instance}` is online")),
        status => unreached(context, &instance, status).await,
    }
    .into())
}

/// Tells why SSM does not reach the head node, as far as that is known.
async fn unreached(context: &Context, instance: &str, status: Option<&str>) -> Finding {
    const SUBJECT: &str = "SSM";
    let text = match status {
        Some(status) => format!("SSM says of `{instance}`: {status}"),
        None => format!("SSM does not know `{instance}`"),
    };
    let role = role(context).await;
    let reach = match &role {
        Some(role) => reach(context, role).await,
        None => Reach::Unasked,
    };
    if let (Some(role), Reach::Lacks) = (&role, reach) {
        return Finding::problem(SUBJECT, text)
            .because(format!(
                "its role {role} may not call SSM; the agent tries again within the hour after it may"
            ))
            .then(AwsCommands::new(context).let_reach(role));
    }
    if may_boot(context) {
        let said = status.unwrap_or("nothing");
        let text = format!("`{instance}` was just started, and SSM says of it: {said}");
        return Finding::waiting(SUBJECT, text);
    }
    let or_role = match reach {
        Reach::Unasked => ", its role lacks AmazonSSMManagedInstanceCore,",
        _ => "",
    };
    Finding::problem(SUBJECT, text)
        .because(format!(
            "its agent does not run{or_role} or something between its subnet and AWS keeps it away"
        ))
        .then(Hint::run(
            AwsCall::in_region(&context.aws.region, "ec2 reboot-instances")
                .with(format!("--instance-ids {instance}")),
        ))
}

/// Returns the ARN of the head node's role: that of the user's own, or the one that pcluster made.
async fn role(context: &Context) -> Option<String> {
    if let Some(own) = judgement::own_role(&context.config) {
        return Some(own.arn);
    }
    let profile = context.facts().head_node.as_ref()?.profile.clone()?;
    let stacks = &context.aws.stacks;
    let resources = stacks.resources(&context.cluster_name()).await.ok()?;
    let mut roles = physical_ids(&resources, "AWS::IAM::Role").into_iter();
    role_beside(&profile, roles.find(|name| name.contains("RoleHeadNode"))?)
}

/// Returns the ARN of a role that has the path of an instance profile.
fn role_beside(profile: &str, role: &str) -> Option<String> {
    let (path, _) = profile.rsplit_once('/')?;
    Some(format!(
        "{}/{role}",
        path.replacen(":instance-profile", ":role", 1)
    ))
}

fn may_boot(context: &Context) -> bool {
    let facts = context.facts();
    facts.head_node.as_ref().is_some_and(Instance::may_boot)
}

/// Returns the head node's instance id.
pub(in crate::deploy) fn instance(context: &Context) -> Result<String> {
    let facts = context.facts();
    let instance = facts.head_node.as_ref().map(|node| node.id.clone());
    instance.ok_or_else(|| Error::failed("the head node is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_has_the_path_of_its_instance_profile() {
        let profile =
            "arn:aws:iam::123456789012:instance-profile/parallelcluster/mine/mine-Profile-X";
        let role = "arn:aws:iam::123456789012:role/parallelcluster/mine/mine-RoleHeadNode-Y";
        assert_eq!(
            role_beside(profile, "mine-RoleHeadNode-Y").as_deref(),
            Some(role)
        );
        let plain = "arn:aws:iam::123456789012:instance-profile/x";
        let role = "arn:aws:iam::123456789012:role/y";
        assert_eq!(role_beside(plain, "y").as_deref(), Some(role));
    }
}
