//! `hpcapi iam-policy` against a role that has its policies and no other right, and against what the
//! emulator wrote down: every call of every command is allowed by the policy of its use, and no policy
//! allows what nobody asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_iam::Client as Iam;
use serde_json::{Value, json};

use crate::environment::TestEnv;

/// The stack of the cluster.
const CLUSTER: &str = "hpc-serverless-job-mgmt";

/// What is asked for only when something went wrong, and when that is. That each is asked for
/// at all is held by `every_call_in_the_source_is_allowed`.
const RARE: &[(&str, &str)] = &[
    (
        "cloudformation:ContinueUpdateRollback",
        "the rollback of an update failed",
    ),
    (
        "cloudformation:DeleteChangeSet",
        "nothing was to be changed",
    ),
    (
        "cloudformation:DescribeEvents",
        "a template does not pass CloudFormation's validation",
    ),
    ("cloudformation:DeleteStack", "`up` replaces a failed stack"),
    ("dynamodb:GetItem", "a queue takes no jobs"),
    ("ec2:AssociateRouteTable", "a subnet lost its routes"),
    ("ec2:CreateRoute", "a route was removed by others"),
    ("ec2:DescribeSubnets", "`up --vpc`: which subnets it has"),
    ("ec2:DescribeVpcEndpoints", "`up --vpc`: what it reaches"),
    ("ec2:ReplaceRoute", "a route was removed by others"),
    (
        "ec2:ModifyVpcAttribute",
        "the names of the VPC were turned off",
    ),
    (
        "ec2:AuthorizeSecurityGroupEgress",
        "a rule was removed by others",
    ),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "a rule was removed by others",
    ),
    (
        "ec2:ModifyInstanceAttribute",
        "the head node's group was taken off",
    ),
    (
        "ec2:DescribeRegions",
        "the region takes no credentials of this account",
    ),
    ("ec2:DeleteTags", "a tag is not wanted any more"),
    ("ec2:DeleteSecurityGroup", "GuardDuty was in the network"),
    ("ec2:DeleteVpcEndpoints", "GuardDuty was in the network"),
    (
        "ec2:DescribeCapacityReservations",
        "the configuration has instances in one",
    ),
    ("ec2:DescribeVolumes", "the configuration takes up a volume"),
    (
        "ec2:GetConsoleOutput",
        "a cluster failed, and its head node is out of reach",
    ),
    ("ec2:StartInstances", "the head node was stopped"),
    (
        "elasticloadbalancing:RegisterTargets",
        "the head node was deregistered",
    ),
    (
        "cloudformation:ListStackResources",
        "the head node lost its tags",
    ),
    (
        "s3:GetBucketTagging",
        "there is a bucket that is named like ours",
    ),
    ("s3:PutBucketTagging", "the bucket outlives its deployment"),
    (
        "s3:AbortMultipartUpload",
        "there is half of an upload among runs",
    ),
    (
        "iam:GetUser",
        "the caller is a user with a permissions boundary",
    ),
    (
        "logs:DescribeLogStreams",
        "a cluster failed, and its head node is out of reach",
    ),
    (
        "logs:GetLogEvents",
        "a cluster failed, and its head node is out of reach",
    ),
    (
        "servicequotas:GetAWSDefaultServiceQuota",
        "the account has no quota of its own",
    ),
];

/// The actions that IAM asks for, where they are not named like the call.
fn actions(service: &str, operation: &str) -> Vec<String> {
    let service = match service {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        other => other,
    };
    let names: &[&str] = match (service, operation) {
        ("apigateway", operation) if operation.starts_with("Get") => &["GET"],
        ("servicequotas", "GetAWSDefaultServiceQuota") => &["GetAWSDefaultServiceQuota"],
        // Anybody may ask who they are.
        ("sts", "GetCallerIdentity") => &[],
        // That an object is not there is said only to those who may list the bucket.
        ("s3", "HeadObject") => &["GetObject", "ListBucket"],
        ("s3", "CopyObject") => &["GetObject", "PutObject"],
        ("s3", "HeadBucket" | "ListObjects" | "ListObjectsV2") => &["ListBucket"],
        ("s3", "ListBuckets") => &["ListAllMyBuckets"],
        ("s3", "GetPublicAccessBlock") => &["GetBucketPublicAccessBlock"],
        ("s3", "PutPublicAccessBlock") => &["PutBucketPublicAccessBlock"],
        ("s3", "GetBucketLifecycleConfiguration") => &["GetLifecycleConfiguration"],
        ("s3", "PutBucketLifecycleConfiguration") => &["PutLifecycleConfiguration"],
        ("s3", "ListObjectVersions") => &["ListBucketVersions"],
        ("s3", "ListMultipartUploads") => &["ListBucketMultipartUploads"],
        ("s3", "DeleteObjects") => &["DeleteObject", "DeleteObjectVersion"],
        // A key pair is born with its tags.
        ("ec2", "ImportKeyPair") => &["ImportKeyPair", "CreateTags"],
        _ => return vec![format!("{service}:{operation}")],
    };
    names
        .iter()
        .map(|name| format!("{service}:{name}"))
        .collect()
}

fn allowed(env: &TestEnv, wanted: &str) -> BTreeSet<String> {
    let policy = env.json(&["iam-policy", wanted]);
    policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

fn is_allowed(action: &str, allowed: &BTreeSet<String>) -> bool {
    allowed
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => action == pattern,
        })
}

/// The policies that together are enough, and what they are called in IAM.
const POLICIES: &[(&str, &str)] = &[("all", "one"), ("stacks", "two"), ("pcluster", "three")];

/// An action of each, and the verdict when it is missing.
const MISSING: &[(&str, &str)] = &[
    ("ssm:SendCommand", "problem"),
    ("iam:ListRoles", "warning"),
    ("ec2:CreateNatGateway", "problem"),
    ("cloudwatch:TagResource", "problem"),
    ("s3:*", "problem"),
];

/// Returns the policy of a use for the account, without some actions.
fn policy(env: &TestEnv, wanted: &str, without: &[&str]) -> String {
    let place = ["--region", "us-east-1", "--account", env.account()];
    let mut policy = env.json(&[&["iam-policy", wanted][..], &place].concat());
    let statements = policy["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| !without.contains(&action.as_str().unwrap()));
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    policy.to_string()
}

fn arn(env: &TestEnv, name: &str) -> String {
    format!("arn:aws:iam::{}:policy/{name}", env.account())
}

/// Lets the user come with a session of a role that has the policies without some actions; returns
/// the id of its key.
pub(crate) async fn take_role(env: &mut TestEnv, without: &[&str]) -> String {
    let iam = Iam::new(&env.aws().await);
    let role = env.make_role("/", None).await;
    for (wanted, name) in POLICIES {
        let document = policy(env, wanted, without);
        let made = iam.create_policy().policy_name(*name);
        made.policy_document(document).send().await.unwrap();
        let attach = iam.attach_role_policy().role_name("operator");
        attach.policy_arn(arn(env, name)).send().await.unwrap();
    }
    let keys = env.session_of(&role).await;
    let id = keys.access_key_id();
    env.come_as(id, keys.secret_access_key(), keys.session_token());
    id.to_owned()
}

/// Gives the policies all of their actions.
pub(crate) async fn complete_policies(env: &TestEnv) {
    let iam = Iam::new(&env.aws().await);
    for (wanted, name) in POLICIES {
        iam.create_policy_version()
            .policy_arn(arn(env, name))
            .policy_document(policy(env, wanted, &[]))
            .set_as_default(true)
            .send()
            .await
            .unwrap();
    }
}

/// Returns what the doctor says of permissions.
fn permissions(env: &TestEnv) -> Vec<Value> {
    let said = env.run(&["doctor", "--output", "json"]).stdout;
    let said: Value = serde_json::from_slice(&said).unwrap();
    let findings = said["findings"].as_array().unwrap().iter();
    let of_permissions = findings.filter(|one| one["subject"] == "permissions");
    of_permissions.cloned().collect()
}

/// What is missing is told before anything is made.
fn what_is_missing_is_told(env: &TestEnv) {
    let told = permissions(env);
    for (action, verdict) in MISSING {
        // Of a pattern those are told that are called.
        let action = action.trim_end_matches('*');
        let is_it = |one: &&Value| one["text"].as_str().unwrap().contains(action);
        let found = told.iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("{action} is not in {told:#?}"));
        assert_eq!(found["verdict"], *verdict, "{found:#}");
    }
    let words = env.fail(2, &["up", "--yes"]);
    assert!(words.contains("cloudwatch:TagResource"), "{words}");
}

/// The calls of one key, as they come.
struct Log<'a> {
    env: &'a TestEnv,
    key: String,
    read: usize,
}

impl Log<'_> {
    /// Returns the actions since the last look, of hpcapi and of `pcluster`.
    fn news(&mut self) -> (BTreeSet<String>, BTreeSet<String>) {
        let path = self.env.sandbox_folder().join("log/requests.jsonl");
        // There is none before the first call.
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (mut own, mut pcluster) = (BTreeSet::new(), BTreeSet::new());
        for line in &lines[self.read..] {
            let call: Value = serde_json::from_str(line).unwrap();
            if call["access_key_id"] != self.key.as_str() {
                continue;
            }
            let agent = call["user_agent"].as_str().unwrap();
            let made = actions(
                call["service"].as_str().unwrap(),
                call["operation"].as_str().unwrap(),
            );
            if agent.contains("aws-sdk-rust") {
                own.extend(made);
            } else {
                pcluster.extend(made);
            }
        }
        self.read = lines.len();
        (own, pcluster)
    }
}

#[tokio::test]
async fn every_policy_allows_what_is_asked_for_and_nothing_else() {
    let mut env = TestEnv::new();
    let missing_actions: Vec<_> = MISSING.iter().map(|(action, _)| *action).collect();
    let key = take_role(&mut env, &missing_actions).await;
    let env = env;
    what_is_missing_is_told(&env);
    complete_policies(&env).await;
    let told = permissions(&env);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["verdict"], "ok", "{told:#?}");

    let mut log = Log {
        env: &env,
        key,
        read: 0,
    };
    log.news();
    let mut own: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut pcluster = BTreeSet::new();
    let mut note = |wanted, (calls, others): (BTreeSet<String>, BTreeSet<String>)| {
        own.entry(wanted).or_default().extend(calls);
        pcluster.extend(others);
    };

    env.succeed(&["up", "--yes"]);
    env.succeed(&["status"]);
    env.succeed(&["doctor"]);
    env.succeed(&["config"]);
    note("up", log.news());
    assert_eq!(without_handlers(&env).await, BTreeSet::new());
    log.news();
    env.succeed(&["token"]);
    note("token", log.news());
    // As on a machine that has no token yet, which `up` leaves on its own.
    fs::remove_dir_all(env.runtime_folder()).unwrap();
    env.succeed(&["partitions"]);
    env.succeed(&["nodes"]);
    env.succeed(&["jobs", "list", "--all"]);
    env.succeed(&["ping"]);
    note("jobs", log.news());
    fs::remove_dir_all(env.runtime_folder()).unwrap();
    let script = env.file("run.sh", "#!/bin/bash\ncp run.sh out\n");
    let to = env.home().join("fetched");
    let to = to.to_str().unwrap();
    let run = ["run", &script, "--in", &script, "--out", "out", "--to", to];
    env.succeed(&run);
    env.succeed(&["jobs", "list", "--all"]);
    env.succeed(&["runs", "list"]);
    env.succeed(&["runs", "delete", "--older-than", "0s"]);
    note("run", log.news());
    begin_an_upload(&env).await;
    log.news();
    env.fail(1, &["teardown", "--check"]);
    env.succeed(&["teardown", "--yes"]);
    note("teardown", log.news());

    assert_eq!(own.len(), 5);
    assert!(
        pcluster.contains("cloudformation:CreateStack"),
        "{pcluster:?}"
    );
    let mut wrong = Vec::new();
    for (wanted, asked) in &own {
        let allowed = allowed(&env, wanted);
        wrong.extend(missing(wanted, asked, &allowed));
        let is_rare = |action: &str| RARE.iter().any(|(rare, _)| *rare == action);
        let is_asked = |pattern: &String| {
            let alone = BTreeSet::from([pattern.clone()]);
            asked.iter().any(|action| is_allowed(action, &alone))
        };
        let unused = allowed
            .iter()
            .filter(|action| !is_asked(action) && !is_rare(action));
        wrong.extend(unused.map(|action| format!("`{wanted}` does not need {action}")));
    }
    wrong.extend(missing("pcluster", &pcluster, &allowed(&env, "pcluster")));
    assert_eq!(wrong, Vec::<String>::new());
}

fn missing(wanted: &str, asked: &BTreeSet<String>, allowed: &BTreeSet<String>) -> Vec<String> {
    asked
        .iter()
        .filter(|action| !is_allowed(action, allowed))
        .map(|action| format!("`{wanted}` lacks {action}"))
        .collect()
}

/// Returns the types of the cluster's resources of which `tests/iam_policy` does not know what their
/// handlers ask for.
async fn without_handlers(env: &TestEnv) -> BTreeSet<String> {
    let known: BTreeMap<String, Value> = serde_json::from_str(include_str!(
        "../../sandbox/hpcapi_sandbox/cloudformation/handlers.json"
    ))
    .unwrap();
    let stacks = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let (mut names, mut types) = (vec![CLUSTER.to_owned()], BTreeSet::new());
    while let Some(name) = names.pop() {
        let listed = stacks.list_stack_resources().stack_name(name);
        let mut pages = listed.into_paginator().items().send();
        while let Some(resource) = pages.try_next().await.unwrap() {
            let kind = resource.resource_type().unwrap();
            if kind == "AWS::CloudFormation::Stack" {
                names.push(resource.physical_resource_id().unwrap().to_owned());
            }
            types.insert(kind.to_owned());
        }
    }
    assert!(types.contains("AWS::EC2::LaunchTemplate"), "{types:?}");
    // Custom resources have types of their own names.
    types.retain(|kind| !known.contains_key(kind) && !kind.starts_with("Custom::"));
    types
}

/// Leaves half of an upload in the bucket, which only a teardown that finds it can remove.
async fn begin_an_upload(env: &TestEnv) {
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let buckets = s3.list_buckets().send().await.unwrap();
    let bucket = buckets
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .find(|name| !name.starts_with("parallelcluster-"))
        .unwrap();
    s3.create_multipart_upload()
        .bucket(bucket)
        .key("half")
        .send()
        .await
        .unwrap();
}

/// The modules of the CDK as pcluster's templates call them, and their services.
const MODULES: &[(&str, &str)] = &[
    ("autoscaling", "AutoScaling"),
    ("awslambda", "Lambda"),
    ("cfn", "CloudFormation"),
    ("dynamodb", "DynamoDB"),
    ("dynamomdb", "DynamoDB"),
    ("ec2", "EC2"),
    ("efs", "EFS"),
    ("fsx", "FSx"),
    ("iam", "IAM"),
    ("logs", "Logs"),
    ("route53", "Route53"),
];

/// What a configuration may ask for beyond the cluster of these tests is known to the scan of
/// `teardown`, too: pcluster's own templates say what that can be.
#[test]
fn every_type_that_pcluster_can_make_is_looked_for() {
    let env = TestEnv::new();
    let known: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../leftover_types.json")).unwrap();
    let folder = env.pcluster_packages().join("pcluster/templates");
    let mut types = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".py") && name != "imagebuilder_stack.py" {
            types.extend(constructs(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(types.contains("AWS::FSx::FileSystem"), "{types:?}");
    types.retain(|kind| !known.contains_key(kind));
    assert_eq!(types, BTreeSet::new());
}

/// Returns the types of what a program makes with `module.CfnName`.
fn constructs(program: &str) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    for (at, dot) in program.match_indices(".Cfn") {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let module = program[..at].rsplit(|c| !is_word(c)).next().unwrap();
        let rest = &program[at + dot.len()..];
        // `CfnName.SomeProperty` is a part of the type, and no type of its own.
        let name: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphabetic())
            .collect();
        let service = MODULES.iter().find(|(known, _)| *known == module);
        let (_, service) = service.unwrap_or_else(|| panic!("{module}.Cfn{name} is of no service"));
        types.insert(format!("AWS::{service}::{name}"));
    }
    types
}
