//! Stacks in states that nobody wants: `up` finds the next move from each.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{ChangeSetType, OnFailure, Tag};

use crate::environment::TestEnv;

use super::deployed::Deployed;
use super::templates;

const NAME: &str = "hpc-serverless-job-mgmt-requirements";
const TEMPLATE: &str = include_str!("../../../templates/requirements.yaml");

/// A template whose second resource cannot be made.
const FAILING: &str = "
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Group:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Topic
    Properties:
      GroupDescription: of a VPC that does not exist
      VpcId: vpc-00000000000000000
";

#[tokio::test]
async fn a_stack_that_never_came_to_life_is_replaced() {
    let env = TestEnv::new();
    let stacks = Client::new(&env.aws().await);
    let ours = Tag::builder()
        .key("hpcapi:deployment")
        .value("hpc-serverless-job-mgmt")
        .build();
    for (on_failure, status) in [
        (OnFailure::Rollback, "ROLLBACK_COMPLETE"),
        (OnFailure::DoNothing, "CREATE_FAILED"),
    ] {
        let create = stacks
            .create_stack()
            .stack_name(NAME)
            .template_body(FAILING);
        let create = create.on_failure(on_failure).tags(ours.clone());
        create.send().await.unwrap();
        templates::settle(&stacks, NAME).await;
        assert_eq!(status_of(&stacks).await, status);
        let words = env.run(&["up", "--yes", "--config", &bad_config(&env)]);
        assert!(!words.status.success());
        assert_eq!(
            status_of(&stacks).await,
            status,
            "a bad configuration changes nothing"
        );
        env.succeed(&["up", "--yes"]);
        env.succeed(&["teardown", "--yes"]);
    }
    env.assert_empty().await;
}

/// Returns what is there of the requirements stack.
async fn resources(stacks: &Client) -> Vec<String> {
    let listed = stacks.list_stack_resources().stack_name(NAME);
    let listed = listed.send().await.unwrap();
    let there = listed.stack_resource_summaries().iter();
    there
        .filter(|one| one.resource_status().map(|it| it.as_str()) != Some("DELETE_COMPLETE"))
        .filter_map(|one| one.logical_resource_id().map(ToOwned::to_owned))
        .collect()
}

fn bad_config(env: &TestEnv) -> String {
    let config = include_str!("../../../cluster-config.yaml");
    env.file(
        "bad.yaml",
        &config.replacen("InstanceType: ", "InstanceTipe: ", 1),
    )
}

#[tokio::test]
async fn a_stack_that_is_nothing_but_a_change_set_is_made() {
    let env = TestEnv::new();
    let stacks = Client::new(&env.aws().await);
    let create = stacks.create_change_set().stack_name(NAME);
    let create = create.change_set_name("somebodys").template_body(FAILING);
    let create = create.change_set_type(ChangeSetType::Create);
    create.send().await.unwrap();
    assert_eq!(status_of(&stacks).await, "REVIEW_IN_PROGRESS");
    env.succeed(&["up", "--yes"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_deletion_that_failed_is_gone_on_with_by_teardown_alone() {
    let deployed = Deployed::up().await;
    let stacks = &deployed.cloudformation;
    // Somebody deletes the network under the cluster.
    stacks.delete_stack().stack_name(NAME).send().await.unwrap();
    templates::settle(stacks, NAME).await;
    assert_eq!(status_of(stacks).await, "DELETE_FAILED");
    let before = resources(stacks).await;

    // What goes on with the deletion says so, and is not `up`.
    let refused = deployed.env.fail(3, &["up", "--yes"]);
    let doctor = deployed.env.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let doctor = [doctor.stdout, doctor.stderr].concat();
    for words in [&refused, &crate::environment::text(&doctor)] {
        for part in [
            "is half deleted (DELETE_FAILED)",
            "the cluster `hpc-serverless-job-mgmt` and the stack",
            "aws ssm start-session",
            "teardown",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
    assert_eq!(status_of(stacks).await, "DELETE_FAILED");
    assert_eq!(resources(stacks).await, before);
    deployed.env.succeed(&["teardown", "--yes"]);
    deployed.env.assert_empty().await;
}

#[tokio::test]
async fn what_an_older_hpcapi_made_is_brought_up_to_date() {
    let deployed = Deployed::up().await;
    let stacks = &deployed.cloudformation;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let before = stacks
        .describe_stacks()
        .stack_name(NAME)
        .send()
        .await
        .unwrap();
    let parameters = before.stacks()[0].parameters().to_vec();
    stacks
        .update_stack()
        .stack_name(NAME)
        .template_body(templates::without(
            TEMPLATE,
            &["FromLoadBalancerToHeadNode"],
        ))
        .set_parameters(Some(parameters))
        .tags(tag("hpcapi:deployment", "hpc-serverless-job-mgmt"))
        .tags(tag("hpcapi:template", "0123456789abcdef"))
        .send()
        .await
        .unwrap();
    templates::settle(stacks, NAME).await;
    let status = deployed.env.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    let words = crate::environment::text(&status.stdout);
    assert!(
        words.contains("it was made from another template"),
        "{words}"
    );
    deployed.env.succeed(&["up", "--yes"]);
    deployed.env.succeed(&["status"]);
    deployed.env.succeed(&["teardown", "--yes"]);
    deployed.env.assert_empty().await;
}

#[tokio::test]
async fn a_cluster_that_others_made_under_our_name_is_not_touched() {
    const CLUSTER: &str = "hpc-serverless-job-mgmt";
    let deployed = Deployed::up().await;
    deployed.delete_stack(CLUSTER).await;
    let theirs = deployed.cloudformation.create_stack().stack_name(CLUSTER);
    let theirs = theirs.template_body("Resources: {Topic: {Type: AWS::SNS::Topic}}");
    theirs.send().await.unwrap();
    templates::settle(&deployed.cloudformation, CLUSTER).await;

    let words = deployed.env.fail(2, &["up", "--yes"]);
    assert!(words.contains("that hpcapi did not make"), "{words}");
    let words = deployed.env.run(&["teardown", "--yes"]);
    let words = crate::environment::text(&words.stderr);
    assert!(words.contains("was not made by hpcapi"), "{words}");
    let stacks = deployed.cloudformation.describe_stacks().send().await;
    let names = stacks.as_ref().unwrap().stacks().iter();
    let names: Vec<_> = names.filter_map(|stack| stack.stack_name()).collect();
    assert_eq!(names, [CLUSTER]);
    deployed.delete_stack(CLUSTER).await;
    deployed.env.assert_empty().await;
}

#[tokio::test]
async fn what_is_only_on_this_machine_may_be_lost() {
    let deployed = Deployed::up().await;
    let before = deployed.head_node().await;
    std::fs::remove_dir_all(deployed.env.home().join(".parallelcluster")).unwrap();
    let key = deployed.ec2.delete_key_pair();
    key.key_name("hpc-serverless-job-mgmt")
        .send()
        .await
        .unwrap();
    deployed.env.succeed(&["up", "--yes"]);
    deployed.env.succeed(&["doctor"]);
    assert_eq!(deployed.head_node().await, before);
    deployed.env.succeed(&["teardown", "--yes"]);
    deployed.env.assert_empty().await;
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_named_with_what_makes_it_again() {
    let deployed = Deployed::up().await;
    let s3 = aws_sdk_s3::Client::new(&deployed.env.aws().await);
    let bucket = deployed.id("requirements", "Bucket").await;
    empty(&s3, &bucket).await;
    s3.delete_bucket().bucket(&bucket).send().await.unwrap();

    let doctor = deployed.env.fail(1, &["doctor"]);
    let words = deployed.env.fail(1, &["up", "--yes"]);
    for words in [&doctor, &words] {
        assert!(
            words.contains(&format!("its bucket `{bucket}` is gone")),
            "{words}"
        );
        assert!(words.contains("aws s3api create-bucket"), "{words}");
    }
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    deployed.env.succeed(&["up", "--yes"]);
    deployed.env.succeed(&["doctor"]);

    empty(&s3, &bucket).await;
    s3.delete_bucket().bucket(&bucket).send().await.unwrap();
    deployed.env.succeed(&["teardown", "--yes"]);
    deployed.env.assert_empty().await;
}

async fn empty(s3: &aws_sdk_s3::Client, bucket: &str) {
    let listed = s3
        .list_object_versions()
        .bucket(bucket)
        .send()
        .await
        .unwrap();
    let versions = listed.versions().iter().map(|v| (v.key(), v.version_id()));
    let markers = listed
        .delete_markers()
        .iter()
        .map(|m| (m.key(), m.version_id()));
    for (key, version) in versions.chain(markers) {
        let delete = s3.delete_object().bucket(bucket).key(key.unwrap());
        delete
            .set_version_id(version.map(ToOwned::to_owned))
            .send()
            .await
            .unwrap();
    }
}

async fn status_of(stacks: &Client) -> String {
    let found = stacks
        .describe_stacks()
        .stack_name(NAME)
        .send()
        .await
        .unwrap();
    found.stacks()[0]
        .stack_status()
        .unwrap()
        .as_str()
        .to_owned()
}
