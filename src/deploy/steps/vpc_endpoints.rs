//! The VPC endpoints that the requirements stack makes in a network that was there, for nodes that do not
//! reach AWS's services otherwise. What the stack has made it keeps, whatever else leads to them later.

use crate::aws::{Stack, StackSpec, Subnet};
use crate::context::Context;
use crate::deploy::ways::Ways;
use crate::error::{Error, Result};
use crate::settings::EndpointFate;
use crate::step::Step;

use super::existing_network::{self, COMPUTE_SUBNETS, EXISTING_VPC, HEAD_NODE_SUBNET, given};
use super::stack;
use super::wanted_endpoints::{Wanted, is_in, none, of};

/// The nodes' subnets.
struct NodeSubnets {
    vpc: String,
    head_node: Subnet,
    compute: Vec<Subnet>,
}

/// Looks which endpoints there are to be; returns what the stack lacks of them, if anything.
pub(in crate::deploy) async fn look(context: &Context) -> Result<Option<String>> {
    let asked = context.settings.vpc_endpoints == EndpointFate::Made;
    if !asked && context.facts().vpc_endpoints.is_none() {
        return Ok(None);
    }
    let name = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let wanted = wanted(context, there.as_ref()).await?;
    let lack = wanted
        .as_ref()
        .zip(there.as_ref())
        .and_then(|(wanted, there)| wanted.lack(there));
    context.facts().vpc_endpoints = wanted.map(|wanted| wanted.endpoints);
    Ok(lack)
}

/// Returns the endpoints that a stack is to make, which may be there; `None` when that is none of its
/// business.
pub(in crate::deploy) async fn wanted(
    context: &Context,
    stack: Option<&Stack>,
) -> Result<Option<Wanted>> {
    let lives = |stack: &&Stack| !stack.must_be_replaced() && !stack.is_in_review();
    let stack = stack.filter(lives);
    let had = stack.and_then(of);
    if had.is_none() && context.settings.vpc_endpoints == EndpointFate::AsItIs {
        return Ok(None);
    }
    if stack.is_some_and(|stack| !existing_network::is_used_by(stack)) {
        return Err(of_own_network());
    }
    let had = had.unwrap_or_default();
    let Some(nodes) = NodeSubnets::of(context, stack).await? else {
        return Ok(None);
    };
    let network = &context.aws.network;
    let ways = Ways::of(network, &nodes.vpc).await?;
    let region = &context.aws.region;
    let lacking = ways.lacking(&context.config, &nodes.head_node, &nodes.compute, region);
    let mut lacking: Vec<_> = lacking.into_iter().flat_map(|it| it.endpoints).collect();
    // While the stack is at work its endpoints are on their way.
    if stack.is_some_and(|stack| !stack.is_settled()) {
        lacking.retain(|it| !is_in(&had, it));
    }
    let ranges = network.ranges(&nodes.vpc).await?;
    Ok(Some(Wanted::of(nodes.vpc, had, lacking, ranges)))
}

/// Fails when endpoints are asked for in a network that `up` makes.
pub(in crate::deploy) fn require_network_of_user(context: &Context) -> Result<()> {
    match context.settings.vpc_endpoints {
        EndpointFate::Made if !context.is_in_network_of_user() => Err(of_own_network()),
        EndpointFate::Made | EndpointFate::AsItIs => Ok(()),
    }
}

fn of_own_network() -> Error {
    let error = Error::usage(
        "--vpc-endpoints is for a network of yours, and the network is one that `up` makes",
    );
    error.hint(
        "leave it out: there nodes reach AWS's services by a NAT gateway; or name yours: --vpc ID",
    )
}

/// Makes the stack what `spec` says, with these endpoints. CloudFormation does not look whether what it
/// made is still there: those that are gone are taken out first.
pub(super) async fn apply(
    context: &Context,
    step: Step,
    mut spec: StackSpec,
    wanted: Option<&Wanted>,
) -> Result<()> {
    let progress = stack::progress(&context.events, step);
    let Some(wanted) = wanted else {
        spec.first.extend(none());
        context.aws.stacks.apply(&spec, &progress).await?;
        return Ok(());
    };
    let others = spec.parameters.len();
    if !wanted.gone.is_empty() {
        spec.parameters.extend(wanted.parameters(&wanted.gone));
        context.aws.stacks.apply(&spec, &progress).await?;
        spec.parameters.truncate(others);
    }
    spec.parameters.extend(wanted.parameters(&[]));
    context.aws.stacks.apply(&spec, &progress).await?;
    Ok(())
}

impl NodeSubnets {
    /// Returns those of a stack, else those that the user means; `None` where one is gone.
    async fn of(context: &Context, stack: Option<&Stack>) -> Result<Option<NodeSubnets>> {
        let Some(stack) = stack else {
            require_network_of_user(context)?;
            let Some(choice) = &context.settings.network else {
                return Ok(None);
            };
            let found = existing_network::find(context, choice).await?;
            return Ok(Some(NodeSubnets {
                compute: found.compute_subnets().to_vec(),
                vpc: found.vpc,
                head_node: found.head_node,
            }));
        };
        let vpc = given(stack, EXISTING_VPC).unwrap_or_default().to_owned();
        let all = context.aws.network.subnets(&vpc).await?;
        let subnet = |key: &&str| {
            let id = given(stack, key)?;
            all.iter().find(|subnet| subnet.id == id).cloned()
        };
        let mut compute: Vec<_> = COMPUTE_SUBNETS.iter().filter_map(subnet).collect();
        compute.dedup();
        let head_node = subnet(&HEAD_NODE_SUBNET);
        Ok(head_node.map(|head_node| NodeSubnets {
            vpc,
            head_node,
            compute,
        }))
    }
}
