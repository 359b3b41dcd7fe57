//! The policies against CloudFormation's registry: what the handlers of a resource type ask IAM for
//! with the credentials of whoever makes a stack is allowed, or stands here with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::policy;

/// The actions by type and handler, as `read_handlers.py` reads them from the registry's schemas.
const HANDLERS: &str = include_str!("../../sandbox/hpcapi_sandbox/cloudformation/handlers.json");

/// Which policy is for which template of ours.
const TEMPLATES: &[(&str, &str)] = &[
    ("requirements", "stacks"),
    ("api", "stacks"),
    ("operations", "operations-stack"),
    ("triggers", "operations-stack"),
    ("notifications", "notifications-stack"),
    ("limits", "limits-stack"),
];

/// Every type in the templates of `pcluster`, for a cluster as hpcapi makes one; a test of the policies
/// in the sandbox compares them with those that it makes.
const OF_PCLUSTER: &[&str] = &[
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::EC2::EIP",
    "AWS::EC2::EIPAssociation",
    "AWS::EC2::Instance",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NetworkInterface",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::HostedZone",
];

/// What is not allowed although a handler asks for it. Where that is so for every policy, the sandbox does
/// not ask for it either.
const NOT_ALLOWED: &str =
    include_str!("../../sandbox/hpcapi_sandbox/cloudformation/not_asked.json");

/// Actions that are not allowed: under a policy (or `*`), of a type (or `*`), and why.
#[derive(serde::Deserialize)]
struct Exception {
    policy: String,
    #[serde(rename = "type")]
    kind: String,
    actions: Vec<String>,
    why: String,
}

fn not_allowed() -> Vec<Exception> {
    serde_json::from_str(NOT_ALLOWED).unwrap()
}

type Actions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn handlers() -> Actions {
    serde_json::from_str(HANDLERS).unwrap()
}

/// Returns the types of a template of ours.
fn types_of(template: &str) -> BTreeSet<String> {
    let path = format!("templates/{template}.yaml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let types = text
        .lines()
        .filter_map(|line| line.strip_prefix("    Type: "));
    let types = types.filter(|kind| kind.starts_with("AWS::"));
    let types = types.filter(|kind| !kind.ends_with("::Id") && !kind.ends_with("::Name"));
    types.map(ToOwned::to_owned).collect()
}

/// Returns which types are made under which policy.
fn uses() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut uses: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (template, policy) in TEMPLATES {
        uses.entry(*policy).or_default().extend(types_of(template));
    }
    let of_pcluster = OF_PCLUSTER.iter().map(ToString::to_string).collect();
    uses.insert("pcluster", of_pcluster);
    uses
}

/// Returns whether a pattern with `*` means an action; IAM does not tell upper from lower case.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn what_the_handlers_of_cloudformation_ask_for_is_allowed() {
    let handlers = handlers();
    let mut wrong = Vec::new();
    let used: BTreeSet<_> = uses().into_values().flatten().collect();
    assert_eq!(handlers.keys().cloned().collect::<BTreeSet<_>>(), used);
    let exceptions = not_allowed();
    assert!(exceptions.iter().all(|one| one.why.len() > 10));
    let mut met = vec![BTreeSet::new(); exceptions.len()];
    for (name, types) in uses() {
        let policy = policy(&[name]);
        let allowed: Vec<_> = policy["Statement"].as_array().unwrap().iter().collect();
        let allowed: BTreeSet<_> = allowed
            .iter()
            .flat_map(|statement| statement["Action"].as_array().unwrap())
            .map(|action| action.as_str().unwrap())
            .collect();
        assert!(allowed.len() > 20, "{name}: {allowed:?}");
        for kind in &types {
            let asked: BTreeSet<_> = handlers[kind].values().flatten().collect();
            for action in asked {
                let mut is_excepted = false;
                for (at, one) in exceptions.iter().enumerate() {
                    let is_here = ["*", name].contains(&one.policy.as_str())
                        && ["*", kind.as_str()].contains(&one.kind.as_str());
                    let patterns = one.actions.iter().filter(|_| is_here);
                    for pattern in patterns.filter(|pattern| matches(pattern, action)) {
                        is_excepted = true;
                        met[at].insert(pattern);
                    }
                }
                if !is_excepted && !allowed.iter().any(|one| matches(one, action)) {
                    wrong.push(format!("`{name}` lacks {action} of {kind}"));
                }
            }
        }
    }
    for (one, met) in exceptions.iter().zip(met) {
        let unmet = one.actions.iter().filter(|action| !met.contains(action));
        let kind = &one.kind;
        wrong.extend(unmet.map(|action| format!("no handler of {kind} asks for {action}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn patterns_mean_what_iam_means_by_them() {
    for (pattern, action, expected) in [
        ("ec2:RunInstances", "ec2:RunInstances", true),
        ("s3:GetObject", "s3:getObject", true),
        ("s3:GetObject", "s3:GetObjectVersion", false),
        ("kms:*", "kms:Decrypt", true),
        ("ec2:*Volume", "ec2:AttachVolume", true),
        ("ec2:*Volume", "ec2:DescribeVolumes", false),
        (
            "ec2:*Profile*",
            "ec2:ReplaceIamInstanceProfileAssociation",
            true,
        ),
        ("iam:*Policy", "ec2:Policy", false),
    ] {
        assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
    }
}
