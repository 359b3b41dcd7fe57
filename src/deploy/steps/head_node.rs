//! The head node's instance, found by ParallelCluster's tags as soon as it exists.

use std::time::Duration;

use crate::aws::Instance;
use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::step::Step;
use crate::wait::Pace;

/// The instance stands within minutes after the cluster is begun.
const LIMIT: Duration = Duration::from_secs(1800);

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let found = find(context).await?;
    context.facts().head_node.clone_from(&found);
    Ok(match found {
        None if is_lost(context) => State::incomplete("its instance was terminated"),
        None => State::Missing,
        Some(instance) if instance.is_running() => State::Ready,
        Some(instance) if instance.state == "pending" => {
            State::waiting(format!("the instance {} to run", instance.id))
        }
        Some(instance) => State::incomplete(format!(
            "the instance {} is {}",
            instance.id, instance.state
        )),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let mut pace = Pace::minutes(LIMIT);
    loop {
        match find(context).await? {
            Some(instance) if instance.is_running() => return Ok(()),
            Some(instance) if instance.state == "stopped" => {
                let text = format!("starting {}", instance.id);
                context.events.doing(Step::HeadNode, text);
                context.aws.instances.start(&instance.id).await?;
            }
            Some(instance) => {
                let text = format!("{} is {}", instance.id, instance.state);
                context.events.doing(Step::HeadNode, text);
            }
            None if is_lost(context) => {
                return Err(Error::failed("the cluster has no head node any more")
                    .because("its instance was terminated")
                    .hint(format!(
                        "make a new cluster in place of it: {}",
                        context.settings.again.replacing_cluster()
                    )));
            }
            None => context
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

/// Returns whether a cluster that was complete stands without a head node.
fn is_lost(context: &Context) -> bool {
    let facts = context.facts();
    let cluster = facts.cluster.as_ref();
    cluster.is_some_and(|stack| stack.is_complete() || stack.status == "UPDATE_ROLLBACK_COMPLETE")
}

/// Returns the head node of the cluster in our VPC.
async fn find(context: &Context) -> Result<Option<Instance>> {
    let tags = [
        (
            "parallelcluster:cluster-name",
            context.settings.name.as_str(),
        ),
        ("parallelcluster:node-type", "HeadNode"),
    ];
    let vpc = context.requirements().map(|requirements| requirements.vpc);
    let found = context.aws.instances.with_tags(&tags).await?;
    // A user's configuration may name a VPC of its own: then the cluster's name decides.
    let own_network = !context.config.wants_network();
    Ok(found
        .into_iter()
        .find(|instance| own_network || (vpc.is_some() && instance.vpc == vpc)))
}
