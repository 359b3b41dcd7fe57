//! Every bad input gets one clear error and changes nothing.

use aws_sdk_cloudformation::types::Tag;
use serde_json::json;

use crate::environment::TestEnv;

/// Asserts that `hpcapi` refuses with exit code 2, says `expected`, and makes nothing.
async fn refused(env: &TestEnv, arguments: &[&str], expected: &[&str]) {
    let words = env.fail(2, arguments);
    for part in expected {
        assert!(
            words.contains(part),
            "{arguments:?} does not say {part:?}:\n{words}"
        );
    }
    env.assert_empty().await;
}

#[tokio::test]
async fn a_bad_configuration_is_refused_before_anything_is_made() {
    let env = TestEnv::new();
    let ours = include_str!("../../cluster-config.yaml");

    let unknown = env.file("unknown.yaml", &ours.replace("t3.micro", "CHANGE_ME"));
    refused(
        &env,
        &["up", "--yes", "--config", &unknown],
        &[
            "unknown.yaml:",
            "ComputeResources[0].InstanceType",
            "an instance type",
        ],
    )
    .await;

    let line = 1 + ours
        .lines()
        .position(|line| line.contains("Os: alinux2023"))
        .unwrap();
    let schema = env.file(
        "schema.yaml",
        &ours.replace("Os: alinux2023", "Os: alinux2"),
    );
    let place = format!("schema.yaml:{line}: Image.Os: Must be one of");
    refused(&env, &["up", "--yes", "--config", &schema], &[&place]).await;

    let line = 1 + ours
        .lines()
        .position(|line| line.contains("InstanceType: t3.small"))
        .unwrap();
    let kind = env.file(
        "kind.yaml",
        &ours.replace("InstanceType: t3.small", "InstanceType: t3.nonexistent"),
    );
    let place = format!("kind.yaml:{line}");
    refused(
        &env,
        &["up", "--yes", "--config", &kind],
        &[&place, "t3.nonexistent"],
    )
    .await;

    let syntax = env.file("syntax.yaml", "Image: [oops\n");
    refused(
        &env,
        &["up", "--yes", "--config", &syntax],
        &["syntax.yaml:", "not valid YAML"],
    )
    .await;
    refused(
        &env,
        &["up", "--yes", "--config", "/no/such.yaml"],
        &["/no/such.yaml"],
    )
    .await;
}

#[tokio::test]
async fn bad_arguments_are_refused_before_anything_is_made() {
    let env = TestEnv::new();
    refused(
        &env,
        &["up", "--yes", "--deployment", "1_bad"],
        &["`1_bad` cannot name a deployment"],
    )
    .await;
    let key = ["up", "--yes", "--key-name", "no-such-key"];
    refused(
        &env,
        &key,
        &["there is no key pair `no-such-key`", "leave out --key-name"],
    )
    .await;
    let pcluster = ["up", "--yes", "--pcluster", "/bin/false"];
    refused(&env, &pcluster, &["`/bin/false` is not a working pcluster"]).await;
    refused(
        &env,
        &["up", "--yes", "--profile", "x"],
        &["exclude each other"],
    )
    .await;
    refused(&env, &["up", "--nonsense"], &["--nonsense"]).await;
}

#[tokio::test]
async fn what_hpcapi_did_not_make_is_not_touched() {
    let env = TestEnv::new();
    let stacks = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let template = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#;
    for (name, expected) in [("mine-requirements", 2), ("mine", 2), ("mine-api", 2)] {
        stacks
            .create_stack()
            .stack_name(name)
            .template_body(template)
            .tags(Tag::builder().key("owner").value("somebody").build())
            .send()
            .await
            .unwrap();
        let words = env.fail(expected, &["up", "--yes", "--deployment", "mine"]);
        assert!(
            words.contains("hpcapi did not make") || words.contains("not made by hpcapi"),
            "{words}"
        );
        env.run(&["teardown", "--yes", "--deployment", "mine"]);
        let there = stacks
            .describe_stacks()
            .stack_name(name)
            .send()
            .await
            .unwrap();
        assert!(
            there.stacks()[0]
                .stack_status()
                .unwrap()
                .as_str()
                .starts_with("CREATE_")
        );
        stacks.delete_stack().stack_name(name).send().await.unwrap();
    }
}

/// Puts the account on AWS's free plan.
async fn take_free_plan(env: &TestEnv) {
    let path = format!("account-plans/{}", env.account());
    env.control(&path, &json!({"plan": "FREE"})).await;
}

#[tokio::test]
async fn what_a_free_plan_does_not_start_is_refused_before_anything_is_made() {
    let env = TestEnv::new();
    take_free_plan(&env).await;
    env.succeed(&["doctor"]);
    let ours = include_str!("../../cluster-config.yaml");
    let large = ours.replace("InstanceType: t3.micro", "InstanceType: c5.large");
    let large = env.file("large.yaml", &large);
    refused(
        &env,
        &["up", "--yes", "--config", &large],
        &[
            "free plan, which does not start `c5.large`",
            "`t3.small`",
            "upgrade-account-plan",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_region_that_may_have_no_vpc_links_is_warned_of() {
    let env = TestEnv::new();
    let doctor = env.succeed(&["doctor", "--region", "ap-northeast-3"]);
    assert!(doctor.contains("does not name this region"), "{doctor}");
}

#[tokio::test]
async fn an_arn_of_another_partition_is_refused_with_its_line() {
    let env = TestEnv::new();
    let ours = include_str!("../../cluster-config.yaml");
    let china = env.file("china.yaml", &ours.replace("arn:aws:iam", "arn:aws-cn:iam"));
    let line = 1 + ours.lines().position(|line| line.contains("arn:")).unwrap();
    let place = format!("china.yaml:{line}: `arn:aws-cn:iam");
    refused(&env, &["up", "--yes", "--config", &china], &[&place]).await;
}
