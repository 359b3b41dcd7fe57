//! The stack `<name>-api`: load balancer, VPC link, HTTP API.

use crate::aws::Applied;
use crate::context::{Context, Requirements};
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::step::Step;

use super::deletion::Attempts;
use super::stack;

const TEMPLATE: &str = include_str!("../../../templates/api.yaml");

/// The output that holds the public URL.
const ENDPOINT: &str = "APIGWEndpoint";

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.api_stack();
    let Some(there) = context.aws.stacks.describe(&name).await? else {
        context.facts().endpoint = None;
        return Ok(State::Missing);
    };
    stack::require_ours(context, &there)?;
    context.facts().endpoint = there.outputs.get(ENDPOINT).cloned();
    Ok(match known_parameters(context) {
        Some(parameters) => stack::state(&there, TEMPLATE, &parameters),
        None => State::waiting("the head node"),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    apply(context).await?;
    Ok(())
}

/// Makes the stack what its template says, although something in it was changed from outside.
/// When CloudFormation does not know of that, the stack is replaced, and has a new URL.
pub(in crate::deploy) async fn restore(context: &Context) -> Result<()> {
    if apply(context).await? == Applied::Unchanged {
        undo(context).await?;
        apply(context).await?;
        context
            .events
            .warn("the API was made anew: its URL is another one now");
    }
    check(context).await?;
    Ok(())
}

async fn apply(context: &Context) -> Result<Applied> {
    let parameters = known_parameters(context)
        .ok_or_else(|| Error::failed("the API stack needs a network and a head node"))?;
    let name = context.settings.name.api_stack();
    let spec = stack::spec(context, Step::Api, name, TEMPLATE, parameters);
    let progress = stack::progress(&context.events, Step::Api);
    context.aws.stacks.apply(&spec, &progress).await
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.api_stack();
    if stack::doomed(context, &name).await?.is_none() {
        return Ok(Outcome::Absent);
    }
    let progress = stack::progress(&context.events, Step::Api);
    let mut attempts = Attempts::new(context, &name);
    while let Err(error) = stack::delete(context, &name, &progress).await {
        if attempts.after(error).await?.is_none() {
            break;
        }
    }
    Ok(Outcome::Removed)
}

/// Returns the stack's parameters, once network and head node are known.
fn known_parameters(context: &Context) -> Option<Vec<(&'static str, String)>> {
    let facts = context.facts();
    let head_node = facts.head_node.as_ref()?;
    Some(parameters(facts.requirements.as_ref()?, &head_node.id))
}

fn parameters(requirements: &Requirements, head_node: &str) -> Vec<(&'static str, String)> {
    vec![
        ("VpcId", requirements.vpc.clone()),
        ("PrivateSubnetIds", requirements.compute_subnets.join(",")),
        ("HeadNodeInstanceID", head_node.to_owned()),
        ("LoadBalancerSG", requirements.api_security_group.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;

    #[test]
    fn template_and_code_agree_on_parameters_and_outputs() {
        let declared = Declared::of(TEMPLATE);
        let requirements = Requirements {
            vpc: String::new(),
            head_node_subnet: String::new(),
            compute_subnets: [String::new(), String::new()],
            api_security_group: String::new(),
            head_node_security_group: String::new(),
            bucket: String::new(),
        };
        declared.takes(&parameters(&requirements, "i-1"));
        assert!(declared.stack().outputs.contains_key(ENDPOINT));
    }
}
