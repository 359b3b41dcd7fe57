//! The way a request takes, wire by wire: when the endpoint does not answer, a wire that is
//! missing is a better answer than the end of a wait.

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

/// Returns the first security group that lets nobody in where a request must come in.
async fn closed(context: &Context, requirements: &Requirements) -> Result<Option<String>> {
    let source = &requirements.api_security_group;
    let doors = [
        (source, LISTENER_PORT, "the load balancer's listener"),
        (
            &requirements.head_node_security_group,
            HEAD_NODE_PORT,
            "slurmrestd on the head node",
        ),
    ];
    for (group, port, what) in doors {
        let Some(rules) = context.aws.network.ingress(group).await? else {
            return Ok(Some(format!("the security group `{group}` is missing")));
        };
        let open = rules.iter().any(|rule| {
            rule.source_group == *source && (rule.from_port..=rule.to_port).contains(&port)
        });
        if !open {
            return Ok(Some(format!(
                "the security group `{group}` does not let `{source}` in on port {port}, so {what} cannot be reached"
            )));
        }
    }
    Ok(None)
}
