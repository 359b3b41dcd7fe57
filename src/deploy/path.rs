//! The way a request takes, wire by wire: when the endpoint does not answer, a wire that is
//! missing is a better answer than the end of a wait.

use crate::aws::GroupRule;
use crate::context::{Context, Requirements};
use crate::error::{Error, Result};

/// The port of the load balancer's listener.
const LISTENER_PORT: i32 = 80;

/// The port of nginx on the head node.
const HEAD_NODE_PORT: i32 = 6830;

/// The resource types of the API stack that a request needs, in the order of its way.
const API_WIRES: [(&str, &str); 6] = [
    ("AWS::ApiGatewayV2::Stage", "the API's stage"),
    ("AWS::ApiGatewayV2::Route", "the API's route"),
    ("AWS::ApiGatewayV2::Integration", "the API's integration"),
    ("AWS::ApiGatewayV2::VpcLink", "the VPC link"),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        "the load balancer's listener",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "the load balancer's target group",
    ),
];

/// Fails at the first wire of the way that is missing.
pub(super) async fn require_whole(context: &Context) -> Result<()> {
    let again = context.settings.again.command("up");
    let missing = |what: String| {
        Err(Error::failed(format!(
            "the way from the endpoint to Slurm is broken: {what}"
        ))
        .hint(format!(
            "if it was removed outside of hpcapi: delete the stack it belongs to, then `{again}`"
        )))
    };
    let stack = context.settings.name.api_stack();
    let resources = context.aws.stacks.resources(&stack).await?;
    for (kind, what) in API_WIRES {
        if !resources.iter().any(|resource| resource.kind == kind) {
            return missing(format!("{what} ({kind}) is missing in the stack `{stack}`"));
        }
    }
    let Some(requirements) = context.requirements() else {
        return missing("the requirements stack is missing".to_owned());
    };
    match closed(context, &requirements).await? {
        Some(what) => missing(what),
        None => Ok(()),
    }
}

/// Returns the first security group that does not let a request through.
async fn closed(context: &Context, requirements: &Requirements) -> Result<Option<String>> {
    let api = &requirements.api_security_group;
    let head_node = &requirements.head_node_security_group;
    let network = &context.aws.network;
    let Some(at_api) = network.rules(api).await? else {
        return Ok(Some(format!("the security group `{api}` is missing")));
    };
    let Some(at_head_node) = network.rules(head_node).await? else {
        return Ok(Some(format!("the security group `{head_node}` is missing")));
    };
    let doors = [
        (&at_api.egress, api, api, "out to", LISTENER_PORT),
        (&at_api.ingress, api, api, "in from", LISTENER_PORT),
        (&at_api.egress, api, head_node, "out to", HEAD_NODE_PORT),
        (
            &at_head_node.ingress,
            head_node,
            api,
            "in from",
            HEAD_NODE_PORT,
        ),
    ];
    let closed = doors
        .into_iter()
        .find(|(rules, _, other, _, port)| !is_open(rules, other, *port));
    Ok(closed.map(|(_, group, other, way, port)| {
        format!("the security group `{group}` has no rule that lets port {port} {way} `{other}`")
    }))
}

fn is_open(rules: &[GroupRule], group: &str, port: i32) -> bool {
    rules
        .iter()
        .any(|rule| rule.group == group && (rule.from_port..=rule.to_port).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_open_for_its_port_and_its_group() {
        let rules = [GroupRule {
            from_port: 80,
            to_port: 90,
            group: "sg-1".to_owned(),
        }];
        assert!(is_open(&rules, "sg-1", 80));
        assert!(!is_open(&rules, "sg-1", 91));
        assert!(!is_open(&rules, "sg-2", 80));
    }
}
