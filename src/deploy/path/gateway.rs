//! API Gateway: the VPC link into the network, and the routes that lead to it.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::error::Result;

use super::Layer;
use super::target::{part, vanished};

/// The paths that a client needs, as routes.
const ROUTES: [&str; 4] = [
    "ANY /slurm/{proxy+}",
    "GET /slurmdb/{proxy+}",
    "GET /openapi",
    "GET /openapi/{proxy+}",
];

const STAGE: &str = "$default";

/// Looks at the VPC link.
pub(super) async fn vpc_link(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "VPC link";
    let id = part(context, "AWS::ApiGatewayV2::VpcLink").await?;
    let Some(link) = context.aws.http_apis.vpc_link(&id).await? else {
        return Ok(vanished(SUBJECT, "the VPC link").repaired_by(context, Repair::Api));
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
            .repaired_by(context, Repair::Api),
    })
}

/// Looks at the API: stage, routes, integration.
pub(super) async fn route(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "route";
    let id = part(context, "AWS::ApiGatewayV2::Api").await?;
    let link = part(context, "AWS::ApiGatewayV2::VpcLink").await?;
    let listener = part(context, "AWS::ElasticLoadBalancingV2::Listener").await?;
    let broken = |text: String| {
        Ok(Finding::problem(SUBJECT, text)
            .because("the API was changed outside of hpcapi")
            .repaired_by(context, Repair::Api))
    };
    let Some(api) = context.aws.http_apis.describe(&id).await? else {
        return Ok(vanished(SUBJECT, "the HTTP API").repaired_by(context, Repair::Api));
    };
    if !api.stages.iter().any(|stage| stage == STAGE) {
        return broken(format!("the HTTP API `{id}` has no stage {STAGE}"));
    }
    for key in ROUTES {
        let Some(route) = api.routes.iter().find(|route| route.key == key) else {
            return broken(format!("API Gateway has no route `{key}` in `{id}`"));
        };
        let integration = api
            .integrations
            .iter()
            .find(|one| route.target == format!("integrations/{}", one.id));
        let Some(integration) = integration else {
            return broken(format!("the route `{key}` leads to no integration"));
        };
        if integration.vpc_link != link || integration.uri != listener {
            return broken(format!(
                "the integration of `{key}` does not lead to the load balancer through the VPC link"
            ));
        }
    }
    Ok(Finding::good(
        SUBJECT,
        format!("{} routes lead to the VPC link", ROUTES.len()),
    )
    .into())
}
