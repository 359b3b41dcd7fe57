//! IAM: what the policies of a principal allow, simulated and not tried.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};

use crate::error::Result;

use super::error::service;

/// As many actions IAM simulates in one call.
const AT_ONCE: usize = 100;

/// Actions that are asked for together, on any of these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The actions, e.g. `ec2:CreateVpc`; no patterns.
    pub actions: Vec<String>,
    /// The resources as ARNs or `*`; one of them has to be allowed.
    pub resources: Vec<String>,
    /// What the conditions of policies look at.
    pub context: Vec<ContextKey>,
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextKey {
    /// Its name, e.g. `aws:RequestedRegion`.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether the key holds a list.
    pub is_list: bool,
}

/// The IAM calls about what a principal may do.
#[derive(Debug, Clone)]
pub struct Permissions(Client);

impl Permissions {
    pub(super) fn new(client: Client) -> Self {
        Permissions(client)
    }

    /// Returns the ARN of a role. That of its session lacks the path.
    pub async fn role(&self, name: &str) -> Result<Option<String>> {
        let answer = self.0.get_role().role_name(name).send().await;
        let answer =
            answer.map_err(|error| service(format!("cannot look at the role `{name}`"), error))?;
        Ok(answer.role().map(|role| role.arn().to_owned()))
    }

    /// Returns the actions of `wish` that the policies of `principal` do not allow.
    pub async fn denied(&self, principal: &str, wish: &Wish) -> Result<BTreeSet<String>> {
        let mut denied: BTreeSet<String> = wish.actions.iter().cloned().collect();
        for actions in wish.actions.chunks(AT_ONCE) {
            let mut pages = self
                .0
                .simulate_principal_policy()
                .policy_source_arn(principal)
                .set_action_names(Some(actions.to_vec()))
                .set_resource_arns(Some(wish.resources.clone()))
                .set_context_entries(Some(wish.context.iter().map(ContextKey::entry).collect()))
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| {
                    service(format!("cannot look what `{principal}` may do"), error)
                })?;
                for result in page.evaluation_results().iter().filter(|it| is_allowed(it)) {
                    denied.remove(result.eval_action_name());
                }
            }
        }
        Ok(denied)
    }
}

impl ContextKey {
    fn entry(&self) -> ContextEntry {
        ContextEntry::builder()
            .context_key_name(&self.name)
            .set_context_key_values(Some(self.values.clone()))
            .context_key_type(if self.is_list {
                ContextKeyTypeEnum::StringList
            } else {
                ContextKeyTypeEnum::String
            })
            .build()
    }
}

/// Returns whether an action is allowed on one of the resources at least.
fn is_allowed(result: &EvaluationResult) -> bool {
    let allowed = PolicyEvaluationDecisionType::Allowed;
    let mut one_by_one = result.resource_specific_results().iter();
    *result.eval_decision() == allowed
        || one_by_one.any(|one| *one.eval_resource_decision() == allowed)
}
