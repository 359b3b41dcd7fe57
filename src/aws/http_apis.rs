//! HTTP APIs of API Gateway: their routes, stages and integrations, and VPC links.

use aws_sdk_apigatewayv2::Client;

use crate::error::Result;

use super::error::{is_code, service};

/// A VPC link and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcLink {
    /// Its status, e.g. `AVAILABLE`.
    pub status: String,
    /// API Gateway's words for why.
    pub message: String,
}

/// A route of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What it is for, e.g. `ANY /slurm/{proxy+}`.
    pub key: String,
    /// What it leads to, e.g. `integrations/abc`.
    pub target: String,
    /// What it wants of callers before it lets them through, e.g. `NONE`, `AWS_IAM`.
    pub authorization: String,
}

/// A stage of an HTTP API.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How many requests a second it takes in the long run, where that is limited.
    pub rate: Option<f64>,
    /// How many requests it takes at once, where that is limited.
    pub burst: Option<f64>,
}

/// An integration of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its id.
    pub id: String,
    /// The VPC link it uses.
    pub vpc_link: String,
    /// Where it leads: the ARN of a listener.
    pub uri: String,
}

/// What an HTTP API is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its integrations.
    pub integrations: Vec<Integration>,
    /// Its stages.
    pub stages: Vec<Stage>,
}

/// The API Gateway calls.
#[derive(Debug, Clone)]
pub struct HttpApis(Client);

impl HttpApis {
    pub(super) fn new(client: Client) -> Self {
        HttpApis(client)
    }

    /// Returns a VPC link; `None` when there is no such.
    pub async fn vpc_link(&self, id: &str) -> Result<Option<VpcLink>> {
        match self.0.get_vpc_link().vpc_link_id(id).send().await {
            Ok(link) => Ok(Some(VpcLink {
                status: link
                    .vpc_link_status()
                    .map_or_else(String::new, |status| status.as_str().to_owned()),
                message: link
                    .vpc_link_status_message()
                    .unwrap_or_default()
                    .to_owned(),
            })),
            Err(error) if is_code(&error, &["NotFoundException"]) => Ok(None),
            Err(error) => Err(service("cannot look at the VPC link", error)),
        }
    }

    /// Returns an HTTP API; `None` when there is no such. An API of more than a page (25) of
    /// routes is not one that hpcapi made.
    pub async fn describe(&self, id: &str) -> Result<Option<HttpApi>> {
        let failed = "cannot look at the HTTP API";
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let routes = match self.0.get_routes().api_id(id).send().await {
            Ok(routes) => routes,
            Err(error) if is_code(&error, &["NotFoundException"]) => return Ok(None),
            Err(error) => return Err(service(failed, error)),
        };
        let (integrations, stages) = tokio::try_join!(
            async {
                let asked = self.0.get_integrations().api_id(id).send().await;
                asked.map_err(|error| service(failed, error))
            },
            async {
                let asked = self.0.get_stages().api_id(id).send().await;
                asked.map_err(|error| service(failed, error))
            },
        )?;
        Ok(Some(HttpApi {
            routes: routes
                .items()
                .iter()
                .map(|route| Route {
                    key: text(route.route_key()),
                    target: text(route.target()),
                    authorization: route
                        .authorization_type()
                        .map_or("NONE", |kind| kind.as_str())
                        .to_owned(),
                })
                .collect(),
            integrations: integrations
                .items()
                .iter()
                .map(|integration| Integration {
                    id: text(integration.integration_id()),
                    vpc_link: text(integration.connection_id()),
                    uri: text(integration.integration_uri()),
                })
                .collect(),
            stages: stages
                .items()
                .iter()
                .map(|stage| {
                    let settings = stage.default_route_settings();
                    let burst = settings.and_then(|it| it.throttling_burst_limit());
                    Stage {
                        name: text(stage.stage_name()),
                        rate: settings.and_then(|it| it.throttling_rate_limit()),
                        burst: burst.map(f64::from),
                    }
                })
                .collect(),
        }))
    }
}
