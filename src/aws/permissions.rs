//! IAM: what the policies of a principal allow, simulated and not tried.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType, Role,
    Statement,
};

use crate::error::Result;

use super::error::{is_code, service};

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
    /// What it holds.
    pub value: ContextValue,
}

/// What a key holds, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextValue {
    /// One text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
}

/// A user or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its ARN, with the path.
    pub arn: String,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// The policy of a role that says who may take it, as IAM writes it: encoded as in a URL. A user has none.
    pub trust: String,
}

impl Principal {
    /// Returns whether a service may take the role, as far as its policy names services without patterns.
    pub fn may_be_taken_by(&self, service: &str) -> bool {
        let is_named = |words: &str| self.trust.contains(words);
        is_named(service) || is_named("*") || is_named("%2A")
    }
}

/// What a simulation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulated {
    /// The actions that are not allowed, and why.
    pub refused: BTreeMap<String, Refused>,
    /// The names of the policies that allow anything of the others.
    pub allowing: BTreeSet<String>,
}

/// An action that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub by: RefusedBy,
    /// Keys that the principal's policies look at and the wish does not answer. IAM names those of
    /// all statements, of this action or not (boto3 issue 3111).
    pub unanswered: BTreeSet<String>,
}

/// What refuses an action. The later is the stronger: it outweighs those before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedBy {
    /// No policy allows it.
    NoAllow,
    /// The permissions boundary of the principal.
    Boundary,
    /// Statements that deny it, of these policies as IAM names them: a managed policy by its name, an
    /// inline one as in `role_operator_own`.
    Deny(BTreeSet<String>),
    /// A service control policy of the organization.
    Organization,
}

/// The IAM calls about what a principal may do.
#[derive(Debug, Clone)]
pub struct Permissions(Client);

impl Permissions {
    pub(super) fn new(client: Client) -> Self {
        Permissions(client)
    }

    /// Looks at a role by its name: the ARN of its session lacks the path.
    pub async fn role(&self, name: &str) -> Result<Option<Principal>> {
        let answer = match self.0.get_role().role_name(name).send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &["NoSuchEntity", "NoSuchEntityException"]) => {
                return Ok(None);
            }
            Err(error) => {
                return Err(service(format!("cannot look at the role `{name}`"), error));
            }
        };
        let trust = |role: &Role| role.assume_role_policy_document().map(ToOwned::to_owned);
        Ok(answer.role().map(|role| Principal {
            arn: role.arn().to_owned(),
            boundary: boundary(role.permissions_boundary()),
            trust: trust(role).unwrap_or_default(),
        }))
    }

    /// Looks at a user by its name.
    pub async fn user(&self, name: &str) -> Result<Option<Principal>> {
        let answer = self.0.get_user().user_name(name).send().await;
        let answer =
            answer.map_err(|error| service(format!("cannot look at the user `{name}`"), error))?;
        Ok(answer.user().map(|user| Principal {
            arn: user.arn().to_owned(),
            boundary: boundary(user.permissions_boundary()),
            trust: String::new(),
        }))
    }

    /// Returns which actions of `wish` the policies of `principal` do not allow, and why.
    pub async fn simulate(&self, principal: &str, wish: &Wish) -> Result<Simulated> {
        let mut simulated = Simulated::default();
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
                for result in page.evaluation_results() {
                    simulated.add(result);
                }
            }
        }
        Ok(simulated)
    }
}

fn boundary(attached: Option<&aws_sdk_iam::types::AttachedPermissionsBoundary>) -> Option<String> {
    attached?.permissions_boundary_arn().map(ToOwned::to_owned)
}

impl Simulated {
    fn add(&mut self, result: &EvaluationResult) {
        match refused(result) {
            Some(refused) => {
                let action = result.eval_action_name().to_owned();
                self.refused.insert(action, refused);
            }
            None => self.allowing.extend(names(result.matched_statements())),
        }
    }
}

impl ContextKey {
    fn entry(&self) -> ContextEntry {
        let (kind, values) = match &self.value {
            ContextValue::Text(text) => (ContextKeyTypeEnum::String, vec![text.clone()]),
            ContextValue::List(list) => (ContextKeyTypeEnum::StringList, list.clone()),
            ContextValue::Flag(flag) => (ContextKeyTypeEnum::Boolean, vec![flag.to_string()]),
        };
        ContextEntry::builder()
            .context_key_name(&self.name)
            .set_context_key_values(Some(values))
            .context_key_type(kind)
            .build()
    }
}

/// What the simulation says of an action, on all resources or on one of them.
struct Decision<'a> {
    decision: &'a PolicyEvaluationDecisionType,
    statements: &'a [Statement],
    allowed_by_boundary: Option<bool>,
}

/// Returns why an action is not allowed on any of the resources; None where it is on one.
fn refused(result: &EvaluationResult) -> Option<Refused> {
    let whole = Decision {
        decision: result.eval_decision(),
        statements: result.matched_statements(),
        allowed_by_boundary: result
            .permissions_boundary_decision_detail()
            .map(|detail| detail.allowed_by_permissions_boundary()),
    };
    let each = result
        .resource_specific_results()
        .iter()
        .map(|one| Decision {
            decision: one.eval_resource_decision(),
            statements: one.matched_statements(),
            allowed_by_boundary: one
                .permissions_boundary_decision_detail()
                .map(|detail| detail.allowed_by_permissions_boundary()),
        });
    let mut strongest = RefusedBy::NoAllow;
    for decision in std::iter::once(whole).chain(each) {
        strongest = strongest.max(decision.refused_by()?);
    }
    let organization = result.organizations_decision_detail();
    if organization.is_some_and(|detail| !detail.allowed_by_organizations()) {
        strongest = RefusedBy::Organization;
    }
    let of_each = result.resource_specific_results().iter();
    let unanswered = of_each.flat_map(|one| one.missing_context_values());
    let unanswered = unanswered.chain(result.missing_context_values());
    Some(Refused {
        by: strongest,
        unanswered: unanswered.cloned().collect(),
    })
}

impl Decision<'_> {
    fn refused_by(&self) -> Option<RefusedBy> {
        let deny = names(self.statements);
        match self.decision {
            PolicyEvaluationDecisionType::Allowed => None,
            PolicyEvaluationDecisionType::ExplicitDeny if !deny.is_empty() => {
                Some(RefusedBy::Deny(deny))
            }
            _ if self.allowed_by_boundary == Some(false) => Some(RefusedBy::Boundary),
            PolicyEvaluationDecisionType::ExplicitDeny => Some(RefusedBy::Deny(deny)),
            _ => Some(RefusedBy::NoAllow),
        }
    }
}

fn names(statements: &[Statement]) -> BTreeSet<String> {
    let names = statements.iter().filter_map(Statement::source_policy_id);
    names.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::{
        OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, ResourceSpecificResult,
    };

    use super::*;

    fn statement(policy: &str) -> Statement {
        Statement::builder().source_policy_id(policy).build()
    }

    fn result(
        decision: PolicyEvaluationDecisionType,
    ) -> aws_sdk_iam::types::builders::EvaluationResultBuilder {
        EvaluationResult::builder()
            .eval_action_name("ec2:CreateVpc")
            .eval_decision(decision)
    }

    fn on(resource: &str, decision: PolicyEvaluationDecisionType) -> ResourceSpecificResult {
        ResourceSpecificResult::builder()
            .eval_resource_name(resource)
            .eval_resource_decision(decision)
            .missing_context_values("aws:SourceIp")
            .build()
            .unwrap()
    }

    #[test]
    fn a_refusal_says_what_refuses() {
        use PolicyEvaluationDecisionType::{ExplicitDeny, ImplicitDeny};
        let within = |is_within| {
            PermissionsBoundaryDecisionDetail::builder()
                .allowed_by_permissions_boundary(is_within)
                .build()
        };
        let organization = OrganizationsDecisionDetail::builder().build();
        let deny = RefusedBy::Deny(BTreeSet::from(["NoNetworks".to_owned()]));
        for (result, by) in [
            (result(ImplicitDeny), RefusedBy::NoAllow),
            (
                result(ImplicitDeny).permissions_boundary_decision_detail(within(true)),
                RefusedBy::NoAllow,
            ),
            (
                result(ImplicitDeny).permissions_boundary_decision_detail(within(false)),
                RefusedBy::Boundary,
            ),
            (
                result(ExplicitDeny)
                    .matched_statements(statement("NoNetworks"))
                    .permissions_boundary_decision_detail(within(false)),
                deny,
            ),
            (
                result(ExplicitDeny).organizations_decision_detail(organization),
                RefusedBy::Organization,
            ),
        ] {
            let refused = refused(&result.build().unwrap()).unwrap();
            assert_eq!(refused.by, by);
        }
    }

    #[test]
    fn one_resource_that_is_allowed_is_enough() {
        use PolicyEvaluationDecisionType::{Allowed, ImplicitDeny};
        let both = |second| {
            result(ImplicitDeny)
                .resource_specific_results(on("one", ImplicitDeny))
                .resource_specific_results(on("two", second))
                .build()
                .unwrap()
        };
        assert_eq!(refused(&both(Allowed)), None);
        let refused = refused(&both(ImplicitDeny)).unwrap();
        assert_eq!(refused.by, RefusedBy::NoAllow);
        let unanswered: Vec<_> = refused.unanswered.into_iter().collect();
        assert_eq!(unanswered, ["aws:SourceIp"]);
    }
}
