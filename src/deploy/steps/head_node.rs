//! The head node's instance, found by ParallelCluster's tags as soon as it exists; what carries none
//! of them is known by the cluster's stack.

use std::time::Duration;

use crate::aws::{Instance, StackResource, TAG_CLUSTER};
use crate::context::Context;
use crate::deploy::{State, clusters};
use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint};
use crate::step::Step;
use crate::wait::Pace;

/// The instance stands within minutes after the cluster is begun.
const LIMIT: Duration = Duration::from_secs(1800);

/// A machine that does not shut down is cut off by EC2 after some minutes.
const STOPS: Duration = Duration::from_secs(900);

/// The tag that tells a cluster's nodes apart, and its value for the head node.
const TAG_NODE_TYPE: (&str, &str) = ("parallelcluster:node-type", "HeadNode");

/// What is known of the head node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) enum HeadNode {
    /// It is there, in whatever state.
    There(Instance),
    /// The instance with this id is proven to be gone.
    Terminated(String),
    /// Neither tags nor the cluster's stack name one.
    Unseen,
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let found = look(context).await?;
    Ok(match found {
        HeadNode::There(instance) if instance.is_running() => State::Ready,
        HeadNode::There(instance) if instance.state == "pending" => {
            State::waiting(format!("the instance {} to run", instance.id))
        }
        HeadNode::There(instance) => State::incomplete(format!(
            "the instance {} is {}",
            instance.id, instance.state
        )),
        _ if !has_lived(context) => State::Missing,
        HeadNode::Terminated(id) => State::incomplete(terminated(&id)),
        HeadNode::Unseen => State::incomplete(UNSEEN),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let mut pace = Pace::minutes(LIMIT);
    loop {
        match look_while_made(context).await? {
            HeadNode::There(instance) if instance.is_running() => return Ok(()),
            HeadNode::There(instance) if instance.state == "stopped" => {
                let text = format!("starting {}", instance.id);
                context.events.doing(Step::HeadNode, text);
                context.aws.instances.start(&instance.id).await?;
            }
            HeadNode::There(instance) => {
                let text = format!("{} is {}", instance.id, instance.state);
                context.events.doing(Step::HeadNode, text);
            }
            HeadNode::Terminated(id) if has_lived(context) => {
                return Err(Error::failed("the cluster has no head node any more")
                    .because(terminated(&id))
                    .hint(format!(
                        "make a new cluster in place of it: {}",
                        context.settings.again.replacing_cluster()
                    )));
            }
            HeadNode::Unseen if has_lived(context) => {
                return Err(Error::failed("the head node is not found")
                    .because(UNSEEN)
                    .hint(see_resources(context)));
            }
            HeadNode::Terminated(_) | HeadNode::Unseen => context
                .events
                .doing(Step::HeadNode, "waiting for the instance"),
        }
        if !pace.next().await {
            return Err(Error::failed(
                "the cluster has no head node after half an hour",
            ));
        }
    }
}

/// Stops the instance, and waits until it is stopped; its volumes stay.
pub(in crate::deploy) async fn stop(context: &Context) -> Result<()> {
    let mut pace = Pace::seconds(STOPS);
    let mut asked = false;
    loop {
        let HeadNode::There(instance) = look(context).await? else {
            return Err(Error::failed("the cluster has no head node to stop")
                .hint(context.settings.again.command("doctor")));
        };
        if instance.state == "stopped" {
            return Ok(());
        }
        let text = format!("{} is {}", instance.id, instance.state);
        context.events.doing(Step::HeadNode, text);
        if instance.is_running() && !asked {
            context.aws.instances.stop(&instance.id).await?;
            asked = true;
        }
        if !pace.next().await {
            let id = instance.id;
            return Err(Error::failed(format!("the instance `{id}` did not stop"))
                .because(format!("it is {} still", instance.state))
                .hint(context.settings.again.command("pause")));
        }
    }
}

/// What is said when nothing names the instance: it may run all the same.
pub(in crate::deploy) const UNSEEN: &str =
    "neither ParallelCluster's tags nor the cluster's stack name its instance";

/// Returns what is said of an instance that is gone.
pub(in crate::deploy) fn terminated(id: &str) -> String {
    format!("its instance `{id}` was terminated")
}

/// Returns the command that shows what the cluster's stack made.
pub(in crate::deploy) fn see_resources(context: &Context) -> Hint {
    let operation = "cloudformation describe-stack-resources";
    let call = AwsCall::in_region(&context.aws.region, operation);
    Hint::run(call.with(format!("--stack-name {}", context.cluster_name())))
}

/// Returns the tags that make an instance the head node of this cluster.
pub(in crate::deploy) fn tags(cluster: &str) -> [(&str, &str); 2] {
    [(TAG_CLUSTER, cluster), TAG_NODE_TYPE]
}

/// Returns the instances with the tags of the head node of any of these clusters.
pub(in crate::deploy) async fn of_clusters(
    context: &Context,
    clusters: &[&str],
) -> Result<Vec<Instance>> {
    let (key, value) = TAG_NODE_TYPE;
    let tags = [(TAG_CLUSTER, clusters), (key, &[value][..])];
    context.aws.instances.with_tags(&tags).await
}

/// Looks for the head node of the cluster that serves, and notes it and which cluster that is: the one
/// whose head node is the target of the API stack, which was looked at before.
pub(in crate::deploy) async fn locate(context: &Context) -> Result<()> {
    let names = context.settings.name.cluster_names();
    let clusters: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut found = of_clusters(context, &clusters).await?;
    found.retain(|instance| is_in_our_network(context, instance));
    let target = context.facts().target.clone();
    let is_target = |instance: &Instance| Some(&instance.id) == target.as_ref();
    let is_first = |instance: &Instance| instance.tags.get(TAG_CLUSTER) == names.first();
    let mut of_target = found.iter();
    let of_target = of_target.find(|it| is_target(it));
    let Some(instance) = of_target.or_else(|| found.iter().find(|it| is_first(it))) else {
        clusters::identify(context).await?;
        look(context).await?;
        return Ok(());
    };
    let cluster = instance.tags.get(TAG_CLUSTER).cloned();
    context.facts().cluster_name = cluster;
    noted(context, HeadNode::There(instance.clone()));
    Ok(())
}

/// Looks for the head node of the cluster, and notes it.
pub(in crate::deploy) async fn look(context: &Context) -> Result<HeadNode> {
    let found = match by_tags(context).await? {
        Some(instance) => HeadNode::There(instance),
        None => by_stack(context).await?,
    };
    Ok(noted(context, found))
}

/// Looks for the head node of a cluster that is perhaps being made: then tags name it as soon as it
/// is launched, so its stack, which may be asked less often, is not.
async fn look_while_made(context: &Context) -> Result<HeadNode> {
    if has_lived(context) {
        return look(context).await;
    }
    let found = by_tags(context).await?;
    Ok(noted(
        context,
        found.map_or(HeadNode::Unseen, HeadNode::There),
    ))
}

fn noted(context: &Context, found: HeadNode) -> HeadNode {
    context.facts().head_node = match &found {
        HeadNode::There(instance) => Some(instance.clone()),
        HeadNode::Terminated(_) | HeadNode::Unseen => None,
    };
    found
}

/// Returns whether the cluster was complete once, and so had a head node.
fn has_lived(context: &Context) -> bool {
    let facts = context.facts();
    let cluster = facts.cluster.as_ref();
    cluster.is_some_and(|stack| stack.is_complete() || stack.status == "UPDATE_ROLLBACK_COMPLETE")
}

/// Returns the instance in our network with the head node's tags.
async fn by_tags(context: &Context) -> Result<Option<Instance>> {
    of_cluster(context, &context.cluster_name()).await
}

/// Returns the instance in our network with the tags of this cluster's head node.
pub(in crate::deploy) async fn of_cluster(
    context: &Context,
    cluster: &str,
) -> Result<Option<Instance>> {
    let found = of_clusters(context, &[cluster]).await?;
    let mut found = found.into_iter();
    Ok(found.find(|instance| is_in_our_network(context, instance)))
}

/// Asks the cluster's stack, which has one instance of its own, for what lost its tags.
async fn by_stack(context: &Context) -> Result<HeadNode> {
    let known = context.facts().cluster.clone();
    let cluster = match known {
        Some(cluster) => Some(cluster),
        None => {
            let name = context.cluster_name();
            context.aws.stacks.describe(&name).await?
        }
    };
    let Some(cluster) = cluster else {
        return Ok(HeadNode::Unseen);
    };
    let resources = context.aws.stacks.resources(&cluster.id).await?;
    let is_it = |resource: &&StackResource| {
        resource.kind == "AWS::EC2::Instance" && !resource.physical_id.is_empty()
    };
    let Some(resource) = resources.iter().find(is_it) else {
        return Ok(HeadNode::Unseen);
    };
    let id = &resource.physical_id;
    Ok(match context.aws.instances.describe(id).await? {
        None => HeadNode::Terminated(id.clone()),
        Some(instance) if instance.is_terminated() => HeadNode::Terminated(id.clone()),
        Some(instance) if is_in_our_network(context, &instance) => HeadNode::There(instance),
        Some(_) => HeadNode::Unseen,
    })
}

/// A user's configuration may name a VPC of its own: then the cluster's name decides.
fn is_in_our_network(context: &Context, instance: &Instance) -> bool {
    let vpc = context.requirements().map(|requirements| requirements.vpc);
    !context.config.wants_network() || (vpc.is_some() && instance.vpc == vpc)
}
