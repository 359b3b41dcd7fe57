//! API Gateway: the VPC link into the network, and the routes that lead to it.

use std::collections::BTreeMap;

use crate::aws::Stage;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::deploy::steps::api::HTTP_API;
use crate::error::{Error, Result};

use super::Layer;
use super::target::{part, vanished};

/// The paths that a client needs, as routes, and their names in the template.
const ROUTES: [(&str, &str); 4] = [
    ("ANY /slurm/{proxy+}", "SlurmRoute"),
    ("GET /slurmdb/{proxy+}", "SlurmdbRoute"),
    ("GET /openapi", "OpenapiRootRoute"),
    ("GET /openapi/{proxy+}", "OpenapiRoute"),
];

const STAGE: &str = "$default";

const VPC_LINK: &str = "VpcLink";
const INTEGRATION: &str = "Integration";

/// Returns what is wrong with how many requests a stage takes: fewer than the stack says.
fn throttled(stage: &Stage, parameters: &BTreeMap<String, String>) -> Option<String> {
    let wanted = |key: &str| {
        parameters
            .get(key)
            .and_then(|value| value.parse::<f64>().ok())
    };
    let taken = [
        (stage.rate, "RequestsPerSecond", "requests a second"),
        (stage.burst, "RequestBurst", "requests at once"),
    ];
    taken.into_iter().find_map(|(taken, key, words)| {
        let wanted = wanted(key)?;
        (taken? < wanted).then(|| {
            let taken = taken.unwrap_or_default();
            format!("the stage {STAGE} takes {taken} {words}, and not {wanted}")
        })
    })
}

/// Looks at the VPC link.
pub(super) async fn vpc_link(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "VPC link";
    let id = part(context, "AWS::ApiGatewayV2::VpcLink").await?;
    let Some(link) = context.aws.http_apis.vpc_link(&id).await? else {
        return Ok(vanished(SUBJECT, "the VPC link").repaired_by(context, Repair::anew(VPC_LINK)));
    };
    let text = format!("the VPC link `{id}` is {}", link.status);
    Ok(match link.status.as_str() {
        "AVAILABLE" => Finding::good(SUBJECT, text).into(),
        "PENDING" => Finding::waiting(SUBJECT, text).because(link.message).into(),
        // After 60 days without a request; the next request wakes it up, in minutes.
        "INACTIVE" => Finding::waiting(SUBJECT, text)
            .because(link.message)
            .then(context.settings.again.command("up"))
            .into(),
        _ => Finding::problem(SUBJECT, text)
            .because(link.message)
            .repaired_by(context, Repair::anew(VPC_LINK)),
    })
}

/// Looks at the API: stage, routes, integration.
pub(super) async fn route(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "route";
    let name = context.settings.name.api_stack();
    let stack = context.aws.stacks.describe(&name).await?;
    let stack = stack.ok_or_else(|| Error::failed(format!("the stack `{name}` is gone")))?;
    let id = part(context, "AWS::ApiGatewayV2::Api").await?;
    let link = part(context, "AWS::ApiGatewayV2::VpcLink").await?;
    let listener = part(context, "AWS::ElasticLoadBalancingV2::Listener").await?;
    let broken = |text: String, resource: &'static str| {
        Ok(Finding::problem(SUBJECT, text)
            .because("the API was changed outside of hpcapi")
            .repaired_by(context, Repair::anew(resource)))
    };
    let Some(api) = context.aws.http_apis.describe(&id).await? else {
        return Ok(vanished(SUBJECT, "the HTTP API")
            .because("it was deleted outside of hpcapi; the one that is made in its place has another URL")
            .repaired_by(context, Repair::anew(HTTP_API)));
    };
    let Some(stage) = api.stages.iter().find(|stage| stage.name == STAGE) else {
        return broken(format!("the HTTP API `{id}` has no stage {STAGE}"), "Stage");
    };
    if let Some(text) = throttled(stage, &stack.parameters) {
        return broken(text, "Stage");
    }
    for (key, name) in ROUTES {
        let Some(route) = api.routes.iter().find(|route| route.key == key) else {
            return broken(format!("API Gateway has no route `{key}` in `{id}`"), name);
        };
        if route.authorization != "NONE" {
            let text = format!("the route `{key}` wants {} of callers", route.authorization);
            return broken(text, name);
        }
        let integration = api
            .integrations
            .iter()
            .find(|one| route.target == format!("integrations/{}", one.id));
        let Some(integration) = integration else {
            return broken(
                format!("the route `{key}` leads to no integration"),
                INTEGRATION,
            );
        };
        if integration.vpc_link != link || integration.uri != listener {
            let text = format!(
                "the integration of `{key}` does not lead to the load balancer through the VPC link"
            );
            return broken(text, INTEGRATION);
        }
    }
    Ok(Finding::good(
        SUBJECT,
        format!("{} routes lead to the VPC link", ROUTES.len()),
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_takes_fewer_requests_than_the_stack_says_is_told() {
        let parameters = [("RequestsPerSecond", "300"), ("RequestBurst", "1500")];
        let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let told = |rate, burst| {
            let name = STAGE.to_owned();
            throttled(
                &Stage { name, rate, burst },
                &BTreeMap::from(parameters.clone()),
            )
        };
        assert_eq!(told(Some(300.0), Some(1500.0)), None);
        assert_eq!(told(None, None), None, "the account's own limits");
        assert_eq!(told(Some(500.0), Some(5000.0)), None);
        let expected = "the stage $default takes 0 requests at once, and not 1500";
        assert_eq!(told(Some(300.0), Some(0.0)).as_deref(), Some(expected));
    }
}
