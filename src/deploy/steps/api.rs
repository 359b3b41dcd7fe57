//! The stack `<name>-api`: load balancer, VPC link, HTTP API.

use serde_yaml::Value;

use crate::aws::{Applied, HealthCheck, Stack, StackSpec};
use crate::context::{Context, Requirements};
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::settings::DeploymentName;
use crate::step::Step;

use super::stack::{self, Template};

const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/api.yaml"),
};

/// The parameter that names the target of the load balancer.
const HEAD_NODE: &str = "HeadNodeInstanceID";

/// The parameter that says whether the deployment rests: the one place where that is known.
pub(in crate::deploy) const RESTING: &str = "Resting";

/// The output that holds the public URL.
pub(in crate::deploy) const ENDPOINT: &str = "APIGWEndpoint";

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.api_stack();
    let Some(there) = context.aws.stacks.describe(&name).await? else {
        let mut facts = context.facts();
        facts.target = None;
        facts.endpoint = None;
        facts.resting = false;
        return Ok(State::Missing);
    };
    stack::require_ours(context, &there)?;
    let rests = is_resting(&there);
    {
        let mut facts = context.facts();
        facts.target = target(&there);
        facts.endpoint = there.outputs.get(ENDPOINT).cloned();
        facts.resting = rests;
    }
    if rests && there.is_settled() && there.is_usable() {
        return Ok(State::Resting);
    }
    Ok(match context.requirements() {
        Some(requirements) => {
            let parameters = parameters(&context.settings.name, &requirements);
            stack::state(context, &there, TEMPLATE, &parameters)
        }
        None => State::waiting("the network"),
    })
}

/// Returns the instance that is the target of the load balancer of this API stack.
pub(in crate::deploy) fn target(stack: &Stack) -> Option<String> {
    let named = stack.parameters.get(HEAD_NODE);
    named.filter(|named| !named.is_empty()).cloned()
}

/// Returns whether the deployment with this API stack rests.
pub(in crate::deploy) fn is_resting(stack: &Stack) -> bool {
    stack.parameters.get(RESTING).map(String::as_str) == Some("true")
}

/// Returns whether the deployment rests, for looks that know nothing of its API yet.
pub(in crate::deploy) async fn rests(context: &Context) -> Result<bool> {
    let name = context.settings.name.api_stack();
    let there = context.aws.stacks.describe(&name).await?;
    Ok(there.is_some_and(|stack| is_resting(&stack)))
}

/// Takes away what costs, and leaves the URL.
pub(in crate::deploy) async fn rest(context: &Context) -> Result<Applied> {
    let mut spec = spec(context)?;
    for (key, value) in &mut spec.parameters {
        if *key == RESTING {
            "true".clone_into(value);
        }
    }
    spec.first.push((HEAD_NODE, String::new()));
    let progress = stack::progress(&context.events, Step::Api);
    context.aws.stacks.apply(&spec, &progress).await
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    // Who the target is, a later step says: until then it is who it was.
    let spec = StackSpec {
        first: vec![(HEAD_NODE, String::new())],
        ..spec(context)?
    };
    let progress = stack::progress(&context.events, Step::Api);
    context.aws.stacks.apply(&spec, &progress).await?;
    Ok(())
}

/// Makes the stack what it should be, with the head node as the target of its load balancer.
pub(super) async fn apply_with_target(context: &Context, step: Step) -> Result<Applied> {
    let progress = stack::progress(&context.events, step);
    let spec = with_target(context)?;
    context.aws.stacks.apply(&spec, &progress).await
}

fn with_target(context: &Context) -> Result<StackSpec> {
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    let head_node = head_node.ok_or_else(|| Error::failed("the head node is not known"))?;
    let mut spec = spec(context)?;
    spec.parameters.push((HEAD_NODE, head_node));
    Ok(spec)
}

/// The resource that the URL comes with.
pub(in crate::deploy) const HTTP_API: &str = "HttpApi";

/// Makes the stack what its template says, although these of its resources were changed or deleted
/// from outside, which CloudFormation does not know of: they are taken out of the stack and made anew.
/// Without its HTTP API the stack is replaced, and has a new URL.
pub(in crate::deploy) async fn restore(context: &Context, broken: &[&'static str]) -> Result<()> {
    if !broken.is_empty() && !broken.contains(&HTTP_API) {
        let mut without = with_target(context)?;
        stack::cut(&mut without, broken);
        let progress = stack::progress(&context.events, Step::Endpoint);
        context.aws.stacks.apply(&without, &progress).await?;
    }
    if apply_with_target(context, Step::Endpoint).await? == Applied::Unchanged {
        undo(context).await?;
        apply_with_target(context, Step::Endpoint).await?;
        context
            .events
            .warn("the API was made anew: its URL is another one now");
    }
    check(context).await?;
    Ok(())
}

/// Returns the health check that the template asks for.
pub(in crate::deploy) fn health_check() -> HealthCheck {
    let template: Value = serde_yaml::from_str(TEMPLATE.body).expect("the template is YAML");
    let group = &template["Resources"]["TargetGroup"]["Properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    HealthCheck {
        is_on: true,
        path: text(&group["HealthCheckPath"]),
        port: "traffic-port".to_owned(),
        codes: text(&group["Matcher"]["HttpCode"]),
    }
}

fn spec(context: &Context) -> Result<StackSpec> {
    let requirements = context
        .requirements()
        .ok_or_else(|| Error::failed("the API stack needs a network"))?;
    let name = context.settings.name.api_stack();
    let parameters = parameters(&context.settings.name, &requirements);
    Ok(stack::spec(context, Step::Api, name, TEMPLATE, parameters))
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    stack::undo(context, Step::Api, &context.settings.name.api_stack()).await
}

fn parameters(name: &DeploymentName, requirements: &Requirements) -> Vec<(&'static str, String)> {
    vec![
        (stack::NAME, name.to_string()),
        ("VpcId", requirements.vpc.clone()),
        ("PrivateSubnetIds", requirements.api_subnets.join(",")),
        ("LoadBalancerSG", requirements.api_security_group.clone()),
        (RESTING, "false".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;
    use crate::context::NetworkOwner;

    #[test]
    fn the_health_check_is_read_from_the_template() {
        let check = health_check();
        assert_eq!(
            (check.path.as_str(), check.codes.as_str()),
            ("/healthz", "200,204,401")
        );
    }

    #[test]
    fn template_and_code_agree_on_parameters_and_outputs() {
        let declared = Declared::of(TEMPLATE);
        let requirements = Requirements {
            network: NetworkOwner::Deployment,
            vpc: String::new(),
            head_node_subnet: String::new(),
            compute_subnets: [String::new(), String::new()],
            api_subnets: Vec::new(),
            api_security_group: String::new(),
            head_node_security_group: String::new(),
            bucket: String::new(),
        };
        let mut given = parameters(&"mine".parse().unwrap(), &requirements);
        declared.takes(&given);
        given.push((HEAD_NODE, String::new()));
        declared.takes(&given);
        assert!(declared.stack().outputs.contains_key(ENDPOINT));
    }
}
