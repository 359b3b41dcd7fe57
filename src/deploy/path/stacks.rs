//! The stacks around the cluster: there, ours, settled and whole.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::half_deleted;
use crate::deploy::repair::Repair;
use crate::deploy::steps::{api, cluster, head_node, requirements};
use crate::error::Result;

use super::{Layer, cluster as cluster_layer};

const SUBJECT: &str = "stacks";

/// The resource types of the API stack that a request needs.
const WIRES: [(&str, &str); 8] = [
    ("AWS::ApiGatewayV2::Api", "the HTTP API"),
    ("AWS::ApiGatewayV2::Stage", "the API's stage"),
    ("AWS::ApiGatewayV2::Route", "the API's route"),
    ("AWS::ApiGatewayV2::Integration", "the API's integration"),
    ("AWS::ApiGatewayV2::VpcLink", "the VPC link"),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "the load balancer",
    ),
    ("AWS::ElasticLoadBalancingV2::Listener", "the listener"),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "the target group",
    ),
];

pub(super) async fn look(context: &Context) -> Result<Layer> {
    // The looks of the steps note what the layers after this one need to know.
    let state = requirements::check(context).await?;
    let api_state = api::check(context).await?;
    cluster::check(context).await?;
    head_node::look(context).await?;
    let up = context.settings.again.command("up");
    let name = &context.settings.name;
    let requirements_stack = name.requirements_stack();
    let mut there = Vec::new();
    for name in [requirements_stack.clone(), name.api_stack()] {
        let found = context.aws.stacks.describe(&name).await?;
        // The API stack waits for a head node: what the cluster lacks is why it is not there.
        if name != requirements_stack && !found.as_ref().is_some_and(Stack::is_usable) {
            let cluster = cluster_layer::look(context).await?;
            if !cluster.finding.is_fine() {
                return Ok(cluster);
            }
        }
        let Some(found) = found else {
            let text = format!("the stack `{name}` is missing");
            return Ok(Finding::problem(SUBJECT, text).then(up).into());
        };
        if name == requirements_stack
            && let Some(finding) = half_deleted::network_finding(context, &found).await?
        {
            return Ok(finding.into());
        }
        if let Some(finding) = unfinished(context, &found) {
            return Ok(finding.into());
        }
        if name == requirements_stack && requirements::lacks_nat(&found) {
            let text = "the network has no NAT gateway yet: compute nodes cannot boot";
            return Ok(Finding::problem(SUBJECT, text).then(up).into());
        }
        there.push(found);
    }
    if let (State::Incomplete { reason }, Some(made)) = (&state, context.requirements())
        && !context.aws.buckets.exists(&made.bucket).await?
    {
        let command = requirements::make_bucket(context, &made.bucket);
        return Ok(Finding::problem(SUBJECT, reason.clone())
            .then(command)
            .then(up)
            .into());
    }
    let stack = name.api_stack();
    let resources = context.aws.stacks.resources(&stack).await?;
    for (kind, what) in WIRES {
        if !resources.iter().any(|resource| resource.kind == kind) {
            let text = format!("{what} ({kind}) is missing in the stack `{stack}`");
            let finding =
                Finding::problem(SUBJECT, text).because("the stack was changed outside of hpcapi");
            return Ok(finding.repaired_by(context, Repair::Api(Vec::new())));
        }
    }
    for (found, state) in there.iter().zip([state, api_state]) {
        if let Some(finding) = rolled_back(found, &state) {
            return Ok(finding.then(up).into());
        }
    }
    let text = format!("`{requirements_stack}` and `{stack}` are complete");
    Ok(Finding::good(SUBJECT, text).into())
}

/// Tells of a stack whose last update was rolled back, and that is still not what `up` makes of it: it
/// works as before.
fn rolled_back(stack: &Stack, state: &State) -> Option<Finding> {
    let State::Incomplete { reason } = state else {
        return None;
    };
    let text = format!(
        "the last update of the stack `{}` was rolled back ({}): {reason}",
        stack.name, stack.status
    );
    (stack.status == "UPDATE_ROLLBACK_COMPLETE").then(|| Finding::warning(SUBJECT, text))
}

/// Returns what keeps a stack from being complete.
pub(super) fn unfinished(context: &Context, found: &Stack) -> Option<Finding> {
    let up = context.settings.again.command("up");
    let text = format!("the stack `{}` is in {}", found.name, found.status);
    if !found.is_settled() && !found.is_in_review() {
        return Some(Finding::waiting(SUBJECT, text).then(up));
    }
    (!found.is_usable()).then(|| Finding::problem(SUBJECT, text).then(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolled_back_update_is_told_while_something_is_to_be_made() {
        let stack = |status: &str| Stack {
            id: "arn".to_owned(),
            name: "mine-api".to_owned(),
            status: status.to_owned(),
            outputs: Default::default(),
            parameters: Default::default(),
            tags: Default::default(),
            role: None,
            is_protected: false,
            created: None,
        };
        let rolled = stack("UPDATE_ROLLBACK_COMPLETE");
        let older = State::incomplete("it was made from another template");
        assert!(rolled_back(&rolled, &older).is_some());
        assert!(rolled_back(&rolled, &State::Ready).is_none());
        assert!(rolled_back(&stack("UPDATE_COMPLETE"), &older).is_none());
    }
}
