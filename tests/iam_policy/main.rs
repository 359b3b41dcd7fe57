//! `hpcapi iam-policy` without any AWS: its shape, its limits, and that it knows every call that
//! the source makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

mod handlers;

fn iam_policy(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hpcapi"))
        .arg("iam-policy")
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn policy(arguments: &[&str]) -> Value {
    let output = iam_policy(arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The verbs that the SDK's calls begin with.
const VERBS: &[&str] = &[
    "abort",
    "authorize",
    "cancel",
    "continue",
    "create",
    "delete",
    "describe",
    "detach",
    "disable",
    "execute",
    "get",
    "head",
    "import",
    "list",
    "modify",
    "put",
    "register",
    "release",
    "revoke",
    "send",
    "simulate",
    "start",
    "stop",
    "terminate",
    "update",
];

/// What looks like a call and is none, or needs no permission of its own name.
const NO_CALLS: &[&str] = &["DeleteMarkers", "DeleteOnTermination", "GetCallerIdentity"];

/// What IAM calls a call by another name.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "GetBucketNotificationConfiguration",
        "GetBucketNotification",
    ),
    (
        "PutBucketNotificationConfiguration",
        "PutBucketNotification",
    ),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
    (
        "GetBucketLifecycleConfiguration",
        "GetLifecycleConfiguration",
    ),
    (
        "PutBucketLifecycleConfiguration",
        "PutLifecycleConfiguration",
    ),
    ("GetApis", "GET"),
    ("GetAwsDefaultServiceQuota", "GetAWSDefaultServiceQuota"),
    ("GetIntegrations", "GET"),
    ("GetRoutes", "GET"),
    ("GetStages", "GET"),
    ("GetVpcLink", "GET"),
    ("GetVpcLinks", "GET"),
    ("CopyObject", "PutObject"),
    ("HeadObject", "GetObject"),
    ("ListObjectsV2", "ListBucket"),
    ("ListBuckets", "ListAllMyBuckets"),
    ("ListObjectVersions", "ListBucketVersions"),
    ("ListMultipartUploads", "ListBucketMultipartUploads"),
    ("DeleteObjects", "DeleteObjectVersion"),
];

/// A call on a path that no test walks needs its permission all the same. What puts a part of a stack right
/// needs what makes it: `up` has the policies `stacks` and `pcluster`, too.
#[test]
fn every_call_in_the_source_is_allowed() {
    let policies = [
        "all",
        "stacks",
        "pcluster",
        "operations-stack",
        "notifications-stack",
        "limits-stack",
    ]
    .map(|wanted| policy(&[wanted]));
    let allowed: BTreeSet<&str> = policies
        .iter()
        .flat_map(|policy| policy["Statement"].as_array().unwrap())
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().split_once(':').unwrap().1)
        .collect();
    let calls = calls_in_the_source();
    assert!(calls.len() > 25, "{calls:?}");
    let missing: Vec<_> = calls
        .iter()
        .map(|call| {
            OTHERWISE
                .iter()
                .find(|(name, _)| name == call)
                .map_or(call.as_str(), |(_, action)| action)
        })
        .filter(|action| !is_allowed(action, &allowed))
        .collect();
    assert!(
        missing.is_empty(),
        "src/iam_policy/calls.rs does not allow {missing:?}"
    );
}

fn is_allowed(action: &str, allowed: &BTreeSet<&str>) -> bool {
    allowed.iter().any(|pattern| {
        let start = pattern.strip_suffix('*');
        start.map_or(action == *pattern, |start| action.starts_with(start))
    })
}

fn calls_in_the_source() -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap();
        for (before, _) in product
            .match_indices("()")
            .map(|(at, _)| product.split_at(at))
        {
            let Some((_, name)) = before.rsplit_once('.') else {
                continue;
            };
            let is_name = name
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
            let verb = name.split('_').next().unwrap();
            if is_name && name.contains('_') && VERBS.contains(&verb) {
                calls.insert(pascal(name));
            }
        }
    }
    for none in NO_CALLS {
        calls.remove(*none);
    }
    calls
}

fn pascal(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

#[test]
fn a_policy_is_bound_to_its_deployment_region_and_account() {
    let place = [
        "--deployment",
        "mine",
        "--region",
        "cn-north-1",
        "--account",
        "210000000001",
    ];
    let text = policy(&[&["up"][..], &place].concat()).to_string();
    for part in [
        "arn:aws-cn:cloudformation:cn-north-1:210000000001:stack/mine-requirements/*",
        "arn:aws-cn:ec2:cn-north-1:210000000001:key-pair/mine",
        "arn:aws-cn:s3:::mine-requirements*/*",
        r#"{"ssm:resourceTag/parallelcluster:cluster-name":["mine","mine-2"]}"#,
        r#"{"aws:RequestedRegion":"cn-north-1"}"#,
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("hpc-serverless"), "{text}");
}

#[test]
fn those_that_do_not_fit_into_one_policy_say_what_else_is_needed() {
    for wanted in ["up", "teardown", "all"] {
        let output = iam_policy(&[wanted]);
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("hpcapi iam-policy stacks"), "{words}");
        assert!(words.contains("hpcapi iam-policy pcluster"), "{words}");
    }
    assert!(iam_policy(&["token"]).stderr.is_empty());
}

#[test]
fn what_names_no_place_is_refused() {
    for arguments in [
        ["--region", "us-east-1\",\"*"],
        ["--region", "US"],
        ["--account", "1234"],
        ["--account", "12345678901x"],
        ["--deployment", "*"],
    ] {
        assert_eq!(
            iam_policy(&arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}
