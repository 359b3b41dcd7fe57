//! Load balancers: their listeners, and what they think of their targets.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;

use crate::error::Result;

use super::error::{is_code, service};

/// A target, as the load balancer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The instance id.
    pub instance: String,
    /// The port on it.
    pub port: i32,
    /// Its health state, e.g. `unhealthy`.
    pub state: String,
    /// The load balancer's code for why, e.g. `Target.Timeout`; empty when it is healthy.
    pub reason: String,
    /// The load balancer's words for why.
    pub description: String,
}

/// How a load balancer finds out whether a target is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether it does at all.
    pub is_on: bool,
    /// The path that it asks for.
    pub path: String,
    /// The port that it asks at; `traffic-port` is the target's own.
    pub port: String,
    /// The HTTP status codes of a healthy target, e.g. `200,204`.
    pub codes: String,
}

/// A listener of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// The port it listens on.
    pub port: i32,
    /// The target groups that its default action forwards to, by ARN.
    pub target_groups: Vec<String>,
}

/// The Elastic Load Balancing calls about the way of a request.
#[derive(Debug, Clone)]
pub struct LoadBalancing(Client);

/// How the service says that there is no such target group.
const NO_GROUP: [&str; 2] = ["TargetGroupNotFound", "TargetGroupNotFoundException"];

impl LoadBalancing {
    pub(super) fn new(client: Client) -> Self {
        LoadBalancing(client)
    }

    /// Returns the targets of a target group; `None` when there is no such group.
    pub async fn target_health(&self, group: &str) -> Result<Option<Vec<TargetHealth>>> {
        let answer = self.0.describe_target_health().target_group_arn(group);
        let answer = match answer.send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &NO_GROUP) => return Ok(None),
            Err(error) => return Err(service("cannot look at the targets' health", error)),
        };
        let targets = answer.target_health_descriptions().iter().map(|one| {
            let health = one.target_health();
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            TargetHealth {
                instance: text(one.target().and_then(|target| target.id())),
                port: one
                    .target()
                    .and_then(|target| target.port())
                    .unwrap_or_default(),
                state: text(health.and_then(|health| health.state()).map(|s| s.as_str())),
                reason: text(
                    health
                        .and_then(|health| health.reason())
                        .map(|r| r.as_str()),
                ),
                description: text(health.and_then(|health| health.description())),
            }
        });
        Ok(Some(targets.collect()))
    }

    /// Returns the health check of a target group; `None` when there is no such group.
    pub async fn health_check(&self, group: &str) -> Result<Option<HealthCheck>> {
        let asked = self.0.describe_target_groups().target_group_arns(group);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &NO_GROUP) => return Ok(None),
            Err(error) => return Err(service("cannot look at the target group", error)),
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(answer.target_groups().first().map(|group| HealthCheck {
            is_on: group.health_check_enabled() != Some(false),
            path: text(group.health_check_path()),
            port: text(group.health_check_port()),
            codes: text(group.matcher().and_then(|matcher| matcher.http_code())),
        }))
    }

    /// Returns the state code of a load balancer, e.g. `active`; `None` when there is no such.
    pub async fn state(&self, load_balancer: &str) -> Result<Option<String>> {
        let answer = self
            .0
            .describe_load_balancers()
            .load_balancer_arns(load_balancer);
        match answer.send().await {
            Ok(answer) => {
                let state = answer.load_balancers().first().and_then(|one| one.state());
                let code = state.and_then(|state| state.code());
                Ok(code.map(|code| code.as_str().to_owned()))
            }
            Err(error)
                if is_code(
                    &error,
                    &["LoadBalancerNotFound", "LoadBalancerNotFoundException"],
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(service("cannot look at the load balancer", error)),
        }
    }

    /// Returns the listeners of a load balancer that is there.
    pub async fn listeners(&self, load_balancer: &str) -> Result<Vec<Listener>> {
        let mut pages = self
            .0
            .describe_listeners()
            .load_balancer_arn(load_balancer)
            .into_paginator()
            .send();
        let mut listeners = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot look at the listeners", error))?;
            listeners.extend(page.listeners().iter().map(|listener| {
                let actions = listener.default_actions().iter();
                Listener {
                    arn: listener.listener_arn().unwrap_or_default().to_owned(),
                    port: listener.port().unwrap_or_default(),
                    target_groups: actions
                        .filter_map(|action| action.target_group_arn().map(ToOwned::to_owned))
                        .collect(),
                }
            }));
        }
        Ok(listeners)
    }

    /// Registers an instance with a target group; one that is registered stays so.
    pub async fn register(&self, group: &str, instance: &str, port: i32) -> Result<()> {
        let target = TargetDescription::builder().id(instance).port(port).build();
        self.0
            .register_targets()
            .target_group_arn(group)
            .targets(target)
            .send()
            .await
            .map_err(|error| service(format!("cannot register the target `{instance}`"), error))?;
        Ok(())
    }
}
