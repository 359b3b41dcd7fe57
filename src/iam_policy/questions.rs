//! The policies as questions to IAM's simulation: may somebody do this, on that, and in which
//! circumstances?

use std::collections::BTreeSet;

use super::{Scope, Statement, Use, all_statements};

/// Actions that are needed together on any of these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What they are needed for.
    pub wanted: Use,
    /// The actions, without patterns: IAM simulates none.
    pub actions: BTreeSet<String>,
    /// The resources as ARNs or `*`.
    pub resources: Vec<String>,
    /// What the condition of their statement looks at, and what is so when they are asked for.
    pub circumstance: Option<Key>,
}

/// A key that conditions look at, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// Whether it holds a list.
    pub is_list: bool,
}

/// What stands for the actions of a pattern: those that `pcluster` calls whatever the cluster, and
/// those that hpcapi does.
const OF_PATTERNS: &[(&str, &[&str])] = &[
    (
        "ec2:Describe*",
        &[
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeKeyPairs",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVolumes",
            "ec2:DescribeVpcAttribute",
        ],
    ),
    (
        "s3:GetBucket*",
        &[
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
        ],
    ),
    (
        "s3:*",
        &[
            "s3:CreateBucket",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:GetBucketLocation",
            "s3:GetBucketVersioning",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:ListBucketVersions",
            "s3:PutBucketPolicy",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutObject",
        ],
    ),
];

/// Returns what has to be allowed for these uses; what several need is asked for the first.
pub fn questions(uses: &[Use], scope: &Scope) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let has_role = scope.service_role.is_some();
    for statement in all_statements().filter(|it| it.is_of_caller(has_role)) {
        if let Some(wanted) = uses.iter().find(|wanted| statement.serves(**wanted)) {
            ask(&mut questions, *wanted, &statement, scope);
        }
    }
    questions
}

/// Returns what has to be allowed to the service role, for those of these uses that are its own.
pub fn questions_to_role(uses: &[Use], scope: &Scope) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for statement in all_statements().filter(Statement::is_of_resources) {
        let mut used = statement.uses.iter();
        let wanted = match used.find(|used| uses.contains(used)) {
            Some(Use::Stacks) => Use::ServiceRole,
            Some(_) => Use::ServiceRoleParts,
            None => continue,
        };
        ask(&mut questions, wanted, &statement.for_role(), scope);
    }
    questions
}

/// Adds what a statement allows, as questions.
fn ask(questions: &mut Vec<Question>, wanted: Use, statement: &Statement, scope: &Scope) {
    for circumstance in circumstances(statement, scope) {
        for resources in resources(statement, scope) {
            let question = Question {
                wanted,
                actions: actions(statement),
                resources,
                circumstance: circumstance.clone(),
            };
            add(questions, question);
        }
    }
}

/// Returns the keys that the conditions of the policies look at, in lower case. Where one is missing
/// from a question, it is missing from the call.
pub fn keys(scope: &Scope) -> BTreeSet<String> {
    all_statements()
        .filter_map(|statement| statement.condition)
        .map(|(_, key, _)| scope.fill(key).to_lowercase())
        .filter(|key| *key != REGION)
        .collect()
}

const REGION: &str = "aws:requestedregion";

/// Adds a question, as one with another in the same circumstances: each is a call.
fn add(questions: &mut Vec<Question>, question: Question) {
    let alike = questions.iter_mut().find(|other| {
        other.wanted == question.wanted
            && other.resources == question.resources
            && other.circumstance == question.circumstance
    });
    match alike {
        Some(other) => other.actions.extend(question.actions),
        None => questions.push(question),
    }
}

/// Returns on which resources the actions of a statement are asked for. On any of them is enough, but for
/// roles that are made at several places: a policy may allow one of those alone.
fn resources(statement: &Statement, scope: &Scope) -> Vec<Vec<String>> {
    let each = |template: &&str| scope.roles.each(template).into_iter();
    let all = statement.resources.iter().flat_map(each);
    let all = all.map(|template| scope.fill(&template));
    let is_of_cluster = |template: &&str| template.contains("{cluster_roles}");
    match statement.resources.iter().any(is_of_cluster) {
        true => all.map(|one| vec![one]).collect(),
        false => vec![all.collect()],
    }
}

fn actions(statement: &Statement) -> BTreeSet<String> {
    let of = |action: &&'static str| -> Vec<&'static str> {
        let known = OF_PATTERNS.iter().find(|(pattern, _)| pattern == action);
        known.map_or_else(|| vec![*action], |(_, actions)| actions.to_vec())
    };
    statement
        .actions
        .iter()
        .flat_map(of)
        .map(ToOwned::to_owned)
        .collect()
}

/// Returns in which circumstances the actions of a statement are asked for: each of the values that
/// its key has to equal comes to pass; of those that it is like one is enough.
fn circumstances(statement: &Statement, scope: &Scope) -> Vec<Option<Key>> {
    let Some((operator, key, values)) = statement.condition else {
        return vec![None];
    };
    if key.to_lowercase() == REGION {
        return vec![None];
    }
    let is_here = |value: &&&str| scope.partition == "aws-cn" || !value.ends_with(".cn");
    let is_each = operator.starts_with("StringEquals");
    let concrete = values.iter().filter(|value| !value.contains('*'));
    concrete
        .filter(is_here)
        .take(if is_each { values.len() } else { 1 })
        .map(|value| {
            Some(Key {
                name: scope.fill(key),
                value: scope.fill(value),
                is_list: operator.starts_with("ForAnyValue:"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{RolePlaces, document};
    use super::*;

    fn scope() -> Scope {
        let name = "mine".parse().unwrap();
        Scope {
            roles: RolePlaces::of(&name, None, None),
            name,
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            service_role: None,
        }
    }

    #[test]
    fn a_question_has_no_patterns_of_actions_and_nothing_to_fill() {
        for wanted in [Use::Up, Use::Stacks, Use::Pcluster] {
            let questions = questions(&[wanted], &scope());
            let text = format!("{questions:?}");
            assert!(!questions.is_empty(), "{wanted:?}");
            assert!(!text.contains("\"{") && !text.contains("s3:*"), "{text}");
            let actions = questions.iter().flat_map(|question| &question.actions);
            let patterns: Vec<_> = actions.filter(|action| action.contains('*')).collect();
            assert_eq!(patterns, Vec::<&String>::new());
        }
    }

    #[test]
    fn roles_are_asked_for_at_each_of_their_places() {
        let mut scope = scope();
        let places = |scope: &Scope| -> Vec<Vec<String>> {
            let all = questions(&[Use::Pcluster], scope).into_iter();
            let of_roles = all.filter(|one| one.actions.contains("iam:CreateRole"));
            of_roles.map(|one| one.resources).collect()
        };
        let at = |place: &str| vec![format!("arn:aws:iam::123456789012:role/{place}*")];
        assert_eq!(places(&scope), [at("parallelcluster/")]);
        scope.roles = RolePlaces::of(&scope.name, Some("/team/lab-"), None);
        assert_eq!(places(&scope), [at("team/mine/lab-"), at("team/lab-")]);
    }

    /// A policy that lacks one of its own actions is always noticed.
    #[test]
    fn every_action_of_every_policy_is_asked_for() {
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
        ] {
            let asked: BTreeSet<String> = questions(&[wanted], &scope())
                .into_iter()
                .flat_map(|question| question.actions)
                .collect();
            let document = document(wanted, &scope());
            let statements = document["Statement"].as_array().unwrap().iter();
            for action in statements.flat_map(|one| one["Action"].as_array().unwrap()) {
                let action = action.as_str().unwrap();
                let start = action.trim_end_matches('*');
                let is_asked = match action.ends_with('*') {
                    true => asked.iter().any(|asked| asked.starts_with(start)),
                    false => asked.contains(action),
                };
                assert!(is_asked, "{wanted:?} does not ask for {action}");
            }
        }
    }

    #[test]
    fn each_service_that_a_role_is_passed_to_is_asked_for_but_those_of_china() {
        let questions = questions(&[Use::Pcluster], &scope());
        let key = |question: &Question| question.circumstance.clone();
        let keys: Vec<_> = questions.iter().filter_map(key).collect();
        let passed = keys.iter().filter(|key| key.name == "iam:PassedToService");
        let passed: Vec<_> = passed.map(|key| key.value.as_str()).collect();
        assert_eq!(passed, ["lambda.amazonaws.com", "ec2.amazonaws.com"]);
    }

    #[test]
    fn with_a_service_role_the_caller_is_asked_for_its_passing_and_the_role_for_the_rest() {
        let role = "arn:aws:iam::123456789012:role/cloudformation";
        let mut scope = scope();
        scope.service_role = Some(role.parse().unwrap());
        let uses = [Use::Up, Use::Stacks, Use::LimitsStack];
        let asks = |questions: &[Question], action: &str| {
            let mut all = questions.iter();
            all.any(|one| one.wanted != Use::Up && one.actions.contains(action))
        };
        let own = questions(&uses, &scope);
        let passed = own.iter().find(|one| one.resources == [role]).unwrap();
        assert_eq!(
            passed.circumstance.as_ref().unwrap().value,
            "cloudformation.amazonaws.com"
        );
        assert!(asks(&own, "cloudformation:CreateChangeSet"));
        assert!(!asks(&own, "ec2:CreateVpc") && !asks(&own, "lambda:CreateFunction"));
        let of_role = questions_to_role(&uses, &scope);
        assert!(asks(&of_role, "ec2:CreateVpc") && asks(&of_role, "lambda:CreateFunction"));
        assert!(
            !asks(&of_role, "sns:CreateTopic"),
            "nobody asked for notifications"
        );
        let called_via = |one: &Question| {
            let key = one.circumstance.as_ref();
            key.is_some_and(|key| key.name == "aws:CalledVia")
        };
        assert!(!of_role.iter().any(called_via));
    }

    #[test]
    fn what_two_uses_need_is_asked_for_the_first_alone() {
        let both = questions(&[Use::Up, Use::Teardown], &scope());
        let is_asked = |one: &Question, action: &str| one.actions.contains(action);
        let of = |action| both.iter().filter(move |one| is_asked(one, action));
        assert!(of("cloudformation:DescribeStackEvents").all(|one| one.wanted != Use::Teardown));
        assert!(of("ec2:DeleteKeyPair").all(|one| one.wanted == Use::Teardown));
        assert_eq!(of("ec2:DeleteKeyPair").count(), 1);
    }
}
