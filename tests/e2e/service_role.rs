//! Accounts in which CloudFormation alone makes anything, as a role that the administrators made.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_iam::Client as Iam;
use serde_json::{Value, json};

use crate::environment::TestEnv;
use crate::restricted_account::is_refused_before_it_begins;

const CLUSTER: &str = "hpc-serverless-job-mgmt";

/// Makes a role that a service may take, with what `iam-policy` prints for a service role; returns its ARN.
async fn make_role(env: &TestEnv, name: &str, service: &str) -> String {
    let iam = Iam::new(&env.aws().await);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    ]});
    let made = iam.create_role().role_name(name);
    let made = made.assume_role_policy_document(trust.to_string());
    let role = made.send().await.unwrap().role.unwrap().arn;
    for wanted in ["service-role", "service-role-parts"] {
        let document = env.json(&["iam-policy", wanted]).to_string();
        let put = iam.put_role_policy().role_name(name).policy_name(wanted);
        put.policy_document(document).send().await.unwrap();
    }
    role
}

async fn make_service_role(env: &TestEnv, name: &str) -> String {
    make_role(env, name, "cloudformation.amazonaws.com").await
}

/// Deletes such a role.
async fn delete_role(env: &TestEnv, name: &str) {
    let iam = Iam::new(&env.aws().await);
    for policy in ["service-role", "service-role-parts"] {
        let delete = iam.delete_role_policy().role_name(name);
        delete.policy_name(policy).send().await.unwrap();
    }
    iam.delete_role().role_name(name).send().await.unwrap();
}

/// Lets the user come with a session of a role that has the policies of a cluster and of stacks that are made
/// as `role`, and no right to make a network, a bucket or a function.
async fn come_to_pass(env: &mut TestEnv, role: &str) {
    let iam = Iam::new(&env.aws().await);
    let operator = env.make_role("/", None).await;
    let with_role = ["--service-role", role];
    let policies: [&[&str]; 4] = [
        &["all"],
        &["pcluster"],
        &[&["stacks"][..], &with_role].concat(),
        &[&["operations-stack"][..], &with_role].concat(),
    ];
    for (number, wanted) in policies.into_iter().enumerate() {
        let document: Value = env.json(&[&["iam-policy"][..], wanted].concat());
        let name = format!("policy-{number}");
        let made = iam.create_policy().policy_name(&name);
        let made = made.policy_document(document.to_string()).send().await;
        let arn = made.unwrap().policy.unwrap().arn.unwrap();
        let attach = iam.attach_role_policy().role_name("operator");
        attach.policy_arn(arn).send().await.unwrap();
    }
    let keys = env.session_of(&operator).await;
    env.come_as(
        keys.access_key_id(),
        keys.secret_access_key(),
        keys.session_token(),
    );
}

/// Returns the role of each stack, by the stack's name.
async fn roles(env: &TestEnv) -> BTreeMap<String, Option<String>> {
    let cloudformation = CloudFormation::new(&env.aws().await);
    let found = cloudformation.describe_stacks().send().await.unwrap();
    let of = |stack: &aws_sdk_cloudformation::types::Stack| {
        let name = stack.stack_name().unwrap().to_owned();
        (name, stack.role_arn().map(ToOwned::to_owned))
    };
    found.stacks().iter().map(of).collect()
}

/// Asserts that these stacks of hpcapi have the role, and the cluster's none.
async fn have_role(env: &TestEnv, stacks: &[&str], role: &str) {
    let roles = roles(env).await;
    for stack in stacks {
        let name = format!("{CLUSTER}-{stack}");
        assert_eq!(roles[&name].as_deref(), Some(role), "{name}");
    }
    assert_eq!(roles[CLUSTER], None);
}

#[tokio::test]
async fn who_may_only_pass_a_role_is_refused_without_it_and_works_with_it() {
    let mut env = TestEnv::new();
    let role = make_service_role(&env, "cloudformation").await;
    come_to_pass(&mut env, &role).await;
    is_refused_before_it_begins(&env, " --service-role ROLE_ARN").await;
    env.succeed(&["up", "--yes", "--service-role", &role]);
    have_role(&env, &["requirements", "api"], &role).await;
    // What comes later has it, too, and it need not be said again.
    env.succeed(&["up", "--yes", "--operations"]);
    env.succeed(&["plan"]);
    have_role(&env, &["requirements", "api", "operations"], &role).await;
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// CloudFormation calls the change of a role alone no change.
#[tokio::test]
async fn another_role_comes_to_every_stack_and_helps_where_one_is_gone() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes", "--notify", "me@example.org"]);
    let stacks = ["requirements", "api", "notifications"];
    let first = make_service_role(&env, "first").await;
    let planned = env.run(&["plan", "--service-role", &first]);
    assert_eq!(planned.status.code(), Some(3));
    let words = String::from_utf8(planned.stdout).unwrap();
    let told = format!("it has no service role, and is to have `{first}`");
    assert!(words.contains(&told), "{words}");
    env.succeed(&["up", "--yes", "--service-role", &first]);
    have_role(&env, &stacks, &first).await;
    env.succeed(&["plan", "--service-role", &first]);

    delete_role(&env, "first").await;
    let words = env.fail(1, &["up", "--yes", "--skip-preflight", "--tag", "Owner=me"]);
    assert!(
        words.contains(&format!("Role {first} is invalid or cannot be assumed")),
        "{words}"
    );
    assert!(words.contains(" --service-role ROLE_ARN"), "{words}");
    have_role(&env, &stacks, &first).await;
    let second = make_service_role(&env, "second").await;
    env.succeed(&["up", "--yes", "--service-role", &second]);
    have_role(&env, &stacks, &second).await;
    env.succeed(&["plan"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_role_that_cannot_be_used_is_told_before_anything_is_made() {
    let env = TestEnv::new();
    let account = env.account();
    let of_instances = make_role(&env, "of-instances", "ec2.amazonaws.com").await;
    let weak = make_service_role(&env, "weak").await;
    let iam = Iam::new(&env.aws().await);
    let take = iam.delete_role_policy().role_name("weak");
    take.policy_name("service-role").send().await.unwrap();
    for (role, told) in [
        (
            format!("arn:aws:iam::{account}:role/absent"),
            "there is no role",
        ),
        (of_instances, "does not trust CloudFormation"),
        (
            "arn:aws:iam::999999999999:role/r".to_owned(),
            "is not in the account",
        ),
        (weak, "of the actions of `iam-policy service-role`"),
    ] {
        let words = env.fail(2, &["up", "--yes", "--service-role", &role]);
        assert!(words.contains(told), "{role}: {words}");
        assert_eq!(roles(&env).await, BTreeMap::new());
    }
    let words = env.fail(2, &["plan", "--service-role", "cloudformation"]);
    assert!(
        words.contains("`cloudformation` is not the ARN of a role of IAM"),
        "{words}"
    );
}
