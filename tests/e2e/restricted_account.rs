//! Accounts in which nothing can be made without certain tags, and no role without a permissions boundary.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_iam::Client as Iam;
use aws_sdk_resourcegroupstagging::Client as Tagging;
use serde_json::{Value, json};

use crate::environment::{TestEnv, text};

const CLUSTER: &str = "hpc-serverless-job-mgmt";

/// The stacks of hpcapi that are made.
const STACKS: [&str; 4] = ["requirements", "api", "operations", "notifications"];

const PARTS: [&str; 5] = ["up", "--yes", "--operations", "--notify", "me@example.org"];

/// Returns the tags of a stack.
async fn tags_of(env: &TestEnv, stack: &str) -> BTreeMap<String, String> {
    let cloudformation = CloudFormation::new(&env.aws().await);
    let found = cloudformation.describe_stacks().stack_name(stack);
    let found = found.send().await.unwrap();
    let tags = found.stacks()[0].tags().iter();
    let pair = |tag: &aws_sdk_cloudformation::types::Tag| {
        Some((tag.key()?.to_owned(), tag.value()?.to_owned()))
    };
    tags.filter_map(pair).collect()
}

/// Returns the tags of each of hpcapi's own stacks.
async fn tags_of_stacks(env: &TestEnv) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for stack in STACKS {
        all.push(tags_of(env, &format!("{CLUSTER}-{stack}")).await);
    }
    all
}

/// Returns everything in the account that has a tag, by its ARN, with the value of one tag.
async fn tagged(env: &TestEnv, key: &str) -> BTreeMap<String, Option<String>> {
    let tagging = Tagging::new(&env.aws().await);
    let pages = tagging.get_resources().into_paginator().items().send();
    let all: Vec<_> = pages.try_collect().await.unwrap();
    let value = |one: &aws_sdk_resourcegroupstagging::types::ResourceTagMapping| {
        let tag = one.tags().iter().find(|tag| tag.key() == key)?;
        Some(tag.value().to_owned())
    };
    all.iter()
        .map(|one| (one.resource_arn().unwrap().to_owned(), value(one)))
        .collect()
}

/// Returns the names of the roles that are made with the deployment.
async fn roles(env: &TestEnv) -> Vec<String> {
    let iam = Iam::new(&env.aws().await);
    let all = iam.list_roles().send().await.unwrap().roles;
    let is_made = |role: &aws_sdk_iam::types::Role| {
        role.role_name() != "operator" && !role.path().starts_with("/aws-service-role/")
    };
    let made = all.into_iter().filter(is_made);
    made.map(|role| role.role_name().to_owned()).collect()
}

/// Returns the key pair's id and its value of a tag.
async fn key_pair(env: &TestEnv, key: &str) -> (String, Option<String>) {
    let ec2 = Ec2::new(&env.aws().await);
    let found = ec2.describe_key_pairs().key_names(CLUSTER).send().await;
    let found = found.unwrap().key_pairs.unwrap().remove(0);
    let tag = found.tags().iter().find(|tag| tag.key() == Some(key));
    let value = tag.and_then(|tag| tag.value()).map(ToOwned::to_owned);
    (found.key_pair_id.unwrap(), value)
}

#[tokio::test]
async fn everything_that_is_made_has_the_tags() {
    let env = TestEnv::new();
    let tags = ["--tag", "Owner=my team", "--tag", "Environment=test"];
    env.succeed(&[&PARTS[..], &tags].concat());
    let made = tagged(&env, "Owner").await;
    for service in ["dynamodb", "events", "lambda", "s3", "sns", "ssm"] {
        let is_of = |arn: &&String| arn.starts_with(&format!("arn:aws:{service}:"));
        assert!(made.keys().any(|arn| is_of(&arn)), "{service}: {made:?}");
    }
    let without: Vec<_> = made
        .iter()
        .filter(|(_, value)| value.as_deref() != Some("my team"))
        .collect();
    assert!(without.is_empty(), "{without:?}");
    let iam = Iam::new(&env.aws().await);
    for role in roles(&env).await {
        let found = iam.list_role_tags().role_name(&role).send().await;
        let found = found.unwrap();
        let mut tags = found.tags().iter();
        let has = tags.any(|tag| tag.key() == "Owner" && tag.value() == "my team");
        assert!(has, "{role}: {found:?}");
    }
    let (key, owner) = key_pair(&env, "Owner").await;
    assert_eq!(owner.as_deref(), Some("my team"));

    // They are the deployment's from now on, and nothing has to be said again.
    env.succeed(&["plan"]);
    env.succeed(&["status"]);
    for tags in tags_of_stacks(&env).await {
        assert_eq!(tags["Environment"], "test");
    }

    let others = ["--tag", "Owner=you"];
    let planned = env.run(&[&["plan"][..], &others].concat());
    assert_eq!(planned.status.code(), Some(3), "{}", text(&planned.stderr));
    let words = text(&planned.stdout);
    assert!(
        words.contains("its tag `Owner` is `my team` instead of `you`"),
        "{words}"
    );
    assert!(
        words.contains("Tags[Owner].Value: my team -> you"),
        "{words}"
    );
    let line = text(&planned.stderr);
    assert!(line.contains(" --tag Owner=you"), "{line}");
    env.succeed(&[&["up", "--yes"][..], &others].concat());
    for tags in tags_of_stacks(&env).await {
        assert_eq!(tags["Owner"], "you");
        assert!(!tags.contains_key("Environment"), "{tags:?}");
    }
    let cluster = tags_of(&env, CLUSTER).await;
    assert_eq!(cluster["Owner"], "you");
    assert_eq!(cluster["Environment"], "HpcServerlessJobManagement");
    assert_eq!(
        key_pair(&env, "Owner").await,
        (key.clone(), Some("you".to_owned()))
    );
    assert_eq!(key_pair(&env, "Environment").await, (key, None));
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[test]
fn a_tag_that_the_configuration_gives_another_value_is_told_with_its_line() {
    let env = TestEnv::new();
    let config = include_str!("../../cluster-config.yaml");
    let file = env.file("mine.yaml", config);
    let line = config.lines().position(|line| line == "Tags:").unwrap() + 1;
    let words = env.fail(2, &["plan", "--config", &file, "--tag", "Environment=test"]);
    let told =
        format!("mine.yaml:{line}: the tag `Environment` is `HpcServerlessJobManagement` there");
    assert!(words.contains(&told), "{words}");
    assert!(words.contains("`Environment=test`"), "{words}");
}

/// Lets the user come with a session of a role that may do everything but what is denied.
async fn come_with_denied(env: &mut TestEnv, denied: Value) {
    let everything = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    come_with(env, [everything, denied]).await;
}

/// Lets the user come with a session of a role that has a policy of these statements.
pub(crate) async fn come_with(env: &mut TestEnv, statements: [Value; 2]) {
    let iam = Iam::new(&env.aws().await);
    let role = env.make_role("/", None).await;
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let put = iam
        .put_role_policy()
        .role_name("operator")
        .policy_name("own");
    let put = put.policy_document(document.to_string());
    put.send().await.unwrap();
    let keys = env.session_of(&role).await;
    env.come_as(
        keys.access_key_id(),
        keys.secret_access_key(),
        keys.session_token(),
    );
}

/// Fails unless `up` says this to type, and has made nothing.
pub(crate) async fn is_refused_before_it_begins(env: &TestEnv, option: &str) {
    let output = env.run(&["up", "--yes"]);
    let words = text(&output.stderr);
    assert!(!output.status.success(), "{words}");
    assert!(words.contains(option), "{words}");
    let cloudformation = CloudFormation::new(&env.aws().await);
    let stacks = cloudformation.describe_stacks().send().await.unwrap();
    assert!(stacks.stacks().is_empty(), "{stacks:?}");
}

#[tokio::test]
async fn where_nothing_is_made_without_a_tag_up_is_refused_before_it_begins_and_works_with_it() {
    let mut env = TestEnv::new();
    let without = json!({
        "Effect": "Deny",
        "Action": ["ec2:CreateVpc", "ec2:CreateSubnet", "ec2:ImportKeyPair", "iam:CreateRole"],
        "Resource": "*",
        "Condition": {"Null": {"aws:RequestTag/Owner": "true"}},
    });
    come_with_denied(&mut env, without).await;
    is_refused_before_it_begins(&env, " --tag Owner=VALUE").await;
    env.succeed(&["up", "--yes", "--tag", "Owner=me"]);
    env.succeed(&["teardown", "--yes"]);
}

#[tokio::test]
async fn where_no_role_is_made_without_a_boundary_up_names_the_option_and_works_with_it() {
    let mut env = TestEnv::new();
    let iam = Iam::new(&env.aws().await);
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]});
    let made = iam.create_policy().policy_name("boundary");
    let made = made.policy_document(everything.to_string()).send().await;
    let boundary = made.unwrap().policy.unwrap().arn.unwrap();
    let without = json!({
        "Effect": "Deny",
        "Action": "iam:CreateRole",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
    });
    come_with_denied(&mut env, without).await;
    is_refused_before_it_begins(&env, " --permissions-boundary ARN").await;
    let with = ["--permissions-boundary", &boundary];
    env.succeed(&[&["up", "--yes", "--operations"][..], &with].concat());
    // What comes later has it, too, and it need not be said again.
    env.succeed(&["up", "--yes", "--notify", "me@example.org", "--ttl", "8h"]);
    env.succeed(&["plan"]);
    let made = roles(&env).await;
    let functions = made.iter().filter(|name| {
        let begins = |stack: &str| name.starts_with(&format!("{CLUSTER}-{stack}-"));
        begins("operations") || begins("notifications") || begins("limits")
    });
    // A schedule has a role of its own.
    assert_eq!(functions.count(), 4, "{made:?}");
    assert!(made.len() > 3, "{made:?}");
    for name in &made {
        let role = iam.get_role().role_name(name).send().await.unwrap();
        let role = role.role.unwrap();
        let attached = role.permissions_boundary();
        let arn = attached.and_then(|it| it.permissions_boundary_arn());
        assert_eq!(arn, Some(boundary.as_str()), "{name}");
    }
    env.succeed(&["teardown", "--yes"]);
}
