//! The smallest IAM policies for the uses of hpcapi. `calls` declares what hpcapi asks AWS
//! itself, `resources` what CloudFormation asks with the same credentials for our templates,
//! `pcluster` what ParallelCluster's command needs: a new call belongs into one of the three.

mod calls;
mod functions;
mod limits;
mod merging;
mod new_network;
mod notifications;
mod operations;
mod pcluster;
mod questions;
mod resources;
mod role_places;
mod service_role;

use serde_json::{Value, json};

use crate::service_role::ServiceRole;
use crate::settings::DeploymentName;

use merging::{add, join_what_allows_the_same, leave_out_what_others_allow};

pub use new_network::of_new_network;
pub use questions::{Key, Question, keys, questions, questions_to_role};
pub use role_places::RolePlaces;

/// What the holder of a policy may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// `up`, `status`, `doctor` and `config`, beside the stacks and `pcluster`.
    Up,
    /// `token`.
    Token,
    /// The commands that speak to Slurm, which mint a token for themselves.
    Jobs,
    /// `run` and `runs`, beside what `jobs` needs.
    Run,
    /// `teardown`, beside the stacks and `pcluster`.
    Teardown,
    /// What CloudFormation does for our templates, for `up` and for `teardown`.
    Stacks,
    /// What `pcluster` needs, for `up` and for `teardown`.
    Pcluster,
    /// What CloudFormation does for the templates of the operations path and of triggers, for
    /// `up --operations`, `trigger add` and `teardown`.
    OperationsStack,
    /// What CloudFormation does for the template of notifications, for `up --notify` and `teardown`.
    NotificationsStack,
    /// What CloudFormation does for the template of time limits, for `up --ttl`, `up --idle`, `extend` and
    /// `teardown`.
    LimitsStack,
    /// A service role, as which CloudFormation makes what `up` needs.
    ServiceRole,
    /// A service role, as which it makes the operations path, triggers, notifications and time limits, too.
    ServiceRoleParts,
    /// A caller of the operations path, who looks.
    OperationsList,
    /// A caller of the operations path, who looks, submits and cancels.
    Operations,
    /// `up`, `token`, `jobs`, `run` and `teardown` in one.
    All,
}

/// Which deployment, account and region a policy is for.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The deployment.
    pub name: DeploymentName,
    /// The partition, e.g. `aws`.
    pub partition: String,
    /// The account, or `*`.
    pub account: String,
    /// The region, or `*`.
    pub region: String,
    /// Where its roles are.
    pub roles: RolePlaces,
    /// The role as which CloudFormation makes the resources of our templates, if not with the caller's rights.
    pub service_role: Option<ServiceRole>,
}

/// The longest managed policy that IAM takes; it does not count white space.
const LONGEST: usize = 6144;

/// How actions begin that no one region answers for the others.
const GLOBAL: &[&str] = &[
    "ec2:DescribeRegions",
    "freetier:",
    "iam:",
    "route53:",
    "s3:ListAllMyBuckets",
];

/// Actions that are allowed together. In resources and in the condition `{partition}`,
/// `{region}`, `{account}`, `{name}`, `{bucket}`, `{service_role}` and the places of roles stand for what the
/// scope says.
struct Statement {
    sid: &'static str,
    uses: &'static [Use],
    actions: Vec<&'static str>,
    resources: &'static [&'static str],
    /// Operator, key and values.
    condition: Option<(&'static str, &'static str, &'static [&'static str])>,
}

impl Statement {
    fn serves(&self, wanted: Use) -> bool {
        let is_apart = |used: &Use| {
            matches!(
                used,
                Use::Stacks
                    | Use::Pcluster
                    | Use::OperationsStack
                    | Use::NotificationsStack
                    | Use::LimitsStack
                    | Use::ServiceRoleParts
                    | Use::OperationsList
                    | Use::Operations
            )
        };
        let is_jobs = wanted == Use::Run && self.uses.contains(&Use::Jobs);
        self.uses.contains(&wanted)
            || is_jobs
            || wanted == Use::All && !self.uses.iter().any(is_apart)
    }

    fn json(&self, scope: &Scope) -> Value {
        let mut json = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": self.actions,
            "Resource": one_or_several(scope.fill_all(self.resources)),
        });
        let mut conditions = serde_json::Map::new();
        if let Some((operator, key, values)) = self.condition {
            conditions.insert(
                operator.to_owned(),
                json!({ scope.fill(key): one_or_several(scope.fill_all(values)) }),
            );
        }
        if self.resources == ["*"] && scope.region != "*" && !self.is_global() {
            let region = json!({ "aws:RequestedRegion": scope.region });
            conditions.insert("StringEquals".to_owned(), region);
        }
        if !conditions.is_empty() {
            json["Condition"] = conditions.into();
        }
        json
    }

    /// Returns whether an action of it is answered by one region for all.
    fn is_global(&self) -> bool {
        self.actions
            .iter()
            .any(|action| GLOBAL.iter().any(|service| action.starts_with(service)))
    }
}

impl Scope {
    fn fill(&self, template: &str) -> String {
        self.roles
            .fill(template)
            .replace("{partition}", &self.partition)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account)
            .replace("{name}", self.name.as_str())
            .replace("{bucket}", &self.name.bucket_prefix())
            .replace(
                "{service_role}",
                self.service_role.as_ref().map_or("", ServiceRole::as_str),
            )
    }

    fn fill_all(&self, templates: &[&str]) -> Vec<String> {
        templates
            .iter()
            .map(|template| self.fill(template))
            .collect()
    }
}

impl Use {
    /// Returns whether the policies of the stacks and of `pcluster` are needed beside this one:
    /// together they would be longer than IAM takes.
    pub fn needs_more(self) -> bool {
        matches!(self, Use::Up | Use::Teardown | Use::All)
    }
}

/// Returns a value of a policy: a list of one would only be longer.
fn one_or_several(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => Value::String(values.remove(0)),
        _ => values.into(),
    }
}

/// Returns the policy document for a use.
pub fn document(wanted: Use, scope: &Scope) -> Value {
    let mut statements: Vec<Value> = Vec::new();
    for statement in needed(wanted, scope) {
        let mut json = statement.json(scope);
        // Merged statements have no good name.
        if matches!(wanted, Use::All | Use::ServiceRole | Use::ServiceRoleParts) {
            without_sid(&mut json);
        }
        add(&mut statements, json);
    }
    if matches!(wanted, Use::ServiceRole | Use::ServiceRoleParts) {
        statements = join_what_allows_the_same(statements);
    }
    if wanted == Use::All {
        let beside = document(Use::Pcluster, scope);
        let beside = beside["Statement"].as_array().cloned().unwrap_or_default();
        leave_out_what_others_allow(&mut statements, &beside);
        statements = join_what_allows_the_same(statements);
    }
    let policy = |statements: &[Value]| json!({ "Version": "2012-10-17", "Statement": statements });
    if policy(&statements).to_string().len() > LONGEST {
        statements.iter_mut().for_each(without_sid);
    }
    policy(&statements)
}

/// Returns the statements that a use needs.
fn needed(wanted: Use, scope: &Scope) -> Vec<Statement> {
    let all = all_statements();
    if matches!(wanted, Use::ServiceRole | Use::ServiceRoleParts) {
        let needed = all.filter(|statement| statement.serves_role(wanted));
        return needed.map(Statement::for_role).collect();
    }
    let has_role = scope.service_role.is_some();
    let needed = all.filter(|it| it.serves(wanted) && it.is_of_caller(has_role));
    needed.collect()
}

/// Takes the name of a statement out of it.
fn without_sid(statement: &mut Value) {
    if let Some(members) = statement.as_object_mut() {
        members.remove("Sid");
    }
}

fn all_statements() -> impl Iterator<Item = Statement> {
    calls::statements()
        .into_iter()
        .chain(resources::statements())
        .chain(pcluster::statements())
        .chain(operations::statements())
        .chain(notifications::statements())
        .chain(limits::statements())
        .chain(service_role::statements())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        scope_with(name, None)
    }

    fn scope_with(name: &str, prefix: Option<&str>) -> Scope {
        let name = name.parse().unwrap();
        let ours = prefix.map(|prefix| prefix.parse().unwrap());
        Scope {
            roles: RolePlaces::of(&name, prefix, ours.as_ref()),
            name,
            partition: "aws-us-gov".to_owned(),
            account: "123456789012".to_owned(),
            region: "ap-southeast-1".to_owned(),
            service_role: None,
        }
    }

    #[test]
    fn every_policy_fits_into_a_managed_policy() {
        for wanted in [
            Use::Up,
            Use::Token,
            Use::Jobs,
            Use::Run,
            Use::Teardown,
            Use::Stacks,
            Use::Pcluster,
            Use::OperationsStack,
            Use::NotificationsStack,
            Use::LimitsStack,
            Use::ServiceRole,
            Use::ServiceRoleParts,
            Use::OperationsList,
            Use::Operations,
            Use::All,
        ] {
            let longest = format!("/{}/{}", "p".repeat(32), "n".repeat(30));
            let path = format!("/{}/", "p".repeat(62));
            for prefix in [None, Some(longest.as_str()), Some(path.as_str())] {
                let scope = scope_with(&"n".repeat(60), prefix);
                let length = document(wanted, &scope).to_string().len();
                assert!((200..=LONGEST).contains(&length), "{wanted:?}: {length}");
            }
        }
    }

    #[test]
    fn roles_are_made_and_passed_below_the_prefix_alone() {
        for wanted in [Use::Pcluster, Use::OperationsStack, Use::NotificationsStack] {
            let text = document(wanted, &scope_with("mine", Some("/team/"))).to_string();
            assert!(text.contains(":role/team/mine"), "{text}");
            assert!(!text.contains("parallelcluster/"), "{text}");
            assert!(!text.contains(":role/mine-"), "{text}");
            let text = document(wanted, &scope("mine")).to_string();
            assert!(!text.contains("team"), "{text}");
        }
        let document = document(Use::Pcluster, &scope("mine"));
        let statements = document["Statement"].as_array().unwrap().iter();
        let of_roles = statements.filter(|it| it.to_string().contains(":role/parallelcluster/*"));
        let resources: Vec<_> = of_roles.map(|it| &it["Resource"]).collect();
        assert_eq!(resources.len(), 3);
        assert!(resources.iter().all(|it| it.is_string()), "{resources:?}");
    }

    #[test]
    fn every_sid_is_alphanumeric_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for statement in all_statements() {
            assert!(statement.sid.chars().all(|c| c.is_ascii_alphanumeric()));
            assert!(seen.insert(statement.sid), "{}", statement.sid);
        }
    }

    /// Its endpoint is in us-east-1, wherever the deployment is.
    #[test]
    fn the_account_plan_may_be_looked_at_in_every_region() {
        for wanted in [Use::Up, Use::All] {
            let document = document(wanted, &scope("mine"));
            let mut statements = document["Statement"].as_array().unwrap().iter();
            let statement = statements.find(|it| it.to_string().contains("freetier:"));
            assert_eq!(statement.unwrap()["Condition"], Value::Null);
        }
    }

    #[test]
    fn nothing_is_left_to_fill_and_nothing_changes_everything() {
        for wanted in [Use::All, Use::Stacks, Use::Pcluster] {
            let document = document(wanted, &scope("mine"));
            assert!(!document.to_string().contains("\"{"), "{document}");
            for statement in document["Statement"].as_array().unwrap() {
                assert!(
                    statement["Resource"] != "*"
                        || statement["Condition"].is_object()
                        || statement["Action"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .all(|action| {
                                let action = action.as_str().unwrap();
                                [
                                    "ec2:DescribeRegions",
                                    "freetier:",
                                    "iam:Simulate",
                                    "route53:",
                                    "s3:ListAllMyBuckets",
                                ]
                                .iter()
                                .any(|global| action.starts_with(global))
                            }),
                    "{statement}"
                );
            }
        }
    }
}
