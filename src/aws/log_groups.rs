//! CloudWatch Logs: which log groups there are, and who may write to them.

use aws_sdk_cloudwatchlogs::Client;

use crate::error::Result;

use super::error::service;

/// The CloudWatch Logs calls about log groups.
#[derive(Debug, Clone)]
pub struct LogGroups(Client);

/// A resource policy of the account: who may write to which log groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPolicy {
    /// The name.
    pub name: String,
    /// The statements, as JSON.
    pub document: String,
}

impl LogGroups {
    pub(super) fn new(client: Client) -> Self {
        LogGroups(client)
    }

    /// Returns whether there is a log group of this very name.
    pub async fn exists(&self, name: &str) -> Result<bool> {
        let mut pages = self
            .0
            .describe_log_groups()
            .log_group_name_prefix(name)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot list the log groups", error))?;
            let mut groups = page.log_groups().iter();
            if groups.any(|group| group.log_group_name() == Some(name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the resource policies of the account in this region.
    pub async fn policies(&self) -> Result<Vec<LogPolicy>> {
        let mut policies = Vec::new();
        let mut token = None;
        loop {
            let asked = self.0.describe_resource_policies().set_next_token(token);
            let page = asked.send().await.map_err(|error| {
                service(
                    "cannot list the resource policies of CloudWatch Logs",
                    error,
                )
            })?;
            policies.extend(page.resource_policies().iter().map(|policy| LogPolicy {
                name: policy.policy_name().unwrap_or_default().to_owned(),
                document: policy.policy_document().unwrap_or_default().to_owned(),
            }));
            token = page.next_token;
            if token.is_none() {
                return Ok(policies);
            }
        }
    }
}
