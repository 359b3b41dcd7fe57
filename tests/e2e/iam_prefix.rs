//! Accounts in which roles are made below one path alone, or with names that begin as is said.

use std::collections::BTreeMap;

use aws_sdk_iam::Client as Iam;
use serde_json::json;

use crate::environment::{TestEnv, text};
use crate::restricted_account::{come_with, is_refused_before_it_begins};

const CLUSTER: &str = "hpc-serverless-job-mgmt";

/// The option that puts everything below the path.
const BELOW: [&str; 2] = ["--iam-prefix", "/team/"];

/// Writes what it is told, so that it is known to have run.
const SCRIPT: &str = "#!/bin/bash\necho it ran\n";

/// Lets the user come with a session of a role that may make roles and instance profiles below `/team/`
/// alone, and do everything else.
async fn come_with_path(env: &mut TestEnv) {
    let made_at_a_place = ["iam:CreateRole", "iam:CreateInstanceProfile"];
    let all_else = json!({"Effect": "Allow", "NotAction": made_at_a_place, "Resource": "*"});
    let below = json!({
        "Effect": "Allow",
        "Action": made_at_a_place,
        "Resource": ["arn:aws:iam::*:role/team/*", "arn:aws:iam::*:instance-profile/team/*"],
    });
    come_with(env, [all_else, below]).await;
}

/// Returns the names of all roles that are made with the deployment, with their paths.
async fn roles(env: &TestEnv) -> BTreeMap<String, String> {
    let iam = Iam::new(&env.aws().await);
    let all = iam.list_roles().send().await.unwrap().roles;
    let made = all.into_iter().filter(|role| {
        role.role_name() != "operator" && !role.path().starts_with("/aws-service-role/")
    });
    made.map(|role| (role.role_name().to_owned(), role.path().to_owned()))
        .collect()
}

/// Returns the same of instance profiles.
async fn profiles(env: &TestEnv) -> BTreeMap<String, String> {
    let iam = Iam::new(&env.aws().await);
    let all = iam.list_instance_profiles().send().await.unwrap();
    let all = all.instance_profiles.into_iter();
    all.map(|it| (it.instance_profile_name().to_owned(), it.path().to_owned()))
        .collect()
}

/// Asserts that a deployment with operations, triggers and notifications has all of it below the path.
async fn is_all_below(env: &TestEnv, path: &str) {
    let of_nodes = format!("{path}{CLUSTER}/");
    let roles = roles(env).await;
    for (name, at) in &roles {
        assert!(at == path || *at == of_nodes, "{name}: {at}");
    }
    // Two or more of nodes; those of functions are one of the cluster at least, and three of ours.
    let count = |wanted: &str| roles.values().filter(|at| *at == wanted).count();
    assert!(count(&of_nodes) >= 2, "{roles:?}");
    assert!(count(path) >= 4, "{roles:?}");
    let profiles = profiles(env).await;
    assert!(profiles.len() >= 2, "{profiles:?}");
    for (name, at) in &profiles {
        assert_eq!(*at, of_nodes, "{name}");
    }
}

#[tokio::test]
async fn where_roles_are_made_below_a_path_alone_up_names_the_option_and_works_with_it() {
    let mut env = TestEnv::new();
    come_with_path(&mut env).await;
    is_refused_before_it_begins(&env, " --iam-prefix /PATH/").await;
    env.succeed(&[&["up", "--yes"][..], &BELOW].concat());
    let script = env.file("job.sh", SCRIPT);
    let ran = env.run(&["run", &script]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));

    // What comes later is below it, too, and it need not be said again.
    let add = ["trigger", "add", "reads", &script, "--prefix", "inbox/"];
    env.succeed(&add);
    env.succeed(&["up", "--yes", "--notify", "me@example.org"]);
    env.succeed(&["plan"]);
    is_all_below(&env, "/team/").await;

    let before = roles(&env).await;
    let words = env.fail(2, &["up", "--yes", "--iam-prefix", "/other/"]);
    assert!(words.contains("the cluster cannot move in IAM"), "{words}");
    assert!(
        words.contains("`/team/`") && words.contains("`/other/`"),
        "{words}"
    );
    assert!(words.contains("--replace-cluster"), "{words}");
    assert_eq!(roles(&env).await, before);
    env.succeed(&[&["up", "--yes"][..], &BELOW].concat());

    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
    assert_eq!(roles(&env).await, BTreeMap::new());
    assert_eq!(profiles(&env).await, BTreeMap::new());
}

#[tokio::test]
async fn names_begin_as_the_prefix_says_and_iam_policy_allows_it() {
    let env = TestEnv::new();
    let with = ["--iam-prefix", "/team/lab-"];
    let parts = ["up", "--yes", "--operations", "--notify", "me@example.org"];
    env.succeed(&[&parts[..], &with].concat());
    let script = env.file("job.sh", SCRIPT);
    env.succeed(&["trigger", "add", "reads", &script, "--prefix", "inbox/"]);
    env.succeed(&["plan"]);
    is_all_below(&env, "/team/").await;
    let roles = roles(&env).await;
    for name in roles.keys().chain(profiles(&env).await.keys()) {
        assert!(name.starts_with("lab-"), "{name}");
    }
    for function in ["operations", "triggers", "notifications"] {
        let begin = format!("lab-{function}-");
        let mut names = roles.keys();
        assert!(
            names.any(|name| name.starts_with(&begin)),
            "{begin}: {roles:?}"
        );
    }
    let policy = env.succeed(&[&["iam-policy", "pcluster"][..], &with].concat());
    assert!(policy.contains(":role/team/*lab-*"), "{policy}");
    assert!(!policy.contains("/parallelcluster/*"), "{policy}");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
    assert_eq!(self::roles(&env).await, BTreeMap::new());
}

/// Without `--yes` and before anything is there: the configuration alone is at fault.
#[test]
fn another_prefix_of_the_configuration_is_told_with_its_line() {
    let env = TestEnv::new();
    let config = include_str!("../../cluster-config.yaml");
    let file = env.file(
        "mine.yaml",
        &format!("Iam:\n  ResourcePrefix: /a/\n{config}"),
    );
    let words = env.fail(2, &[&["plan", "--config", &file][..], &BELOW].concat());
    let told = "mine.yaml:2: Iam.ResourcePrefix is `/a/` there, and `/team/` by `--iam-prefix`";
    assert!(words.contains(told), "{words}");
    let words = env.fail(2, &["plan", "--iam-prefix", "team"]);
    assert!(
        words.contains("`team` is no prefix for what is made in IAM"),
        "{words}"
    );
}

/// A cluster that was made without a prefix stays where it is.
#[tokio::test]
async fn a_cluster_that_stands_gets_no_prefix_unless_it_is_made_anew() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let before = roles(&env).await;
    for verb in [&["up", "--yes"][..], &["plan"]] {
        let words = env.fail(2, &[verb, &BELOW].concat());
        assert!(
            words.contains("its roles are at ParallelCluster's own path"),
            "{words}"
        );
        assert!(words.contains("leave out --iam-prefix"), "{words}");
    }
    assert_eq!(roles(&env).await, before);
    env.succeed(&["plan"]);
    env.succeed(&[&["up", "--yes", "--replace-cluster"][..], &BELOW].concat());
    for (name, at) in roles(&env).await {
        assert!(at.starts_with("/team/"), "{name}: {at}");
    }
    env.succeed(&["plan"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
