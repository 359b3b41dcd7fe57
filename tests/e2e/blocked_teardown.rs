//! What keeps a teardown from its end: it is named, waited for, tried again, and never forced.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aws_sdk_ec2::types::Filter;

use crate::environment::TestEnv;

const NETWORK: &str = "hpc-serverless-job-mgmt-requirements";

/// Runs `teardown`, and calls `then` when its story says `words`; returns its exit code and the
/// rest of the story.
async fn tear_down(env: &TestEnv, words: &str, then: impl Future<Output = ()>) -> (i32, String) {
    let mut teardown = env
        .hpcapi(&["teardown", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut story = BufReader::new(teardown.stderr.take().unwrap()).lines();
    let told = story
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains(words));
    assert!(told.is_some(), "`teardown` never said {words:?}");
    then.await;
    let rest: Vec<_> = story.map_while(Result::ok).collect();
    (teardown.wait().unwrap().code().unwrap(), rest.join("\n"))
}

#[tokio::test]
async fn what_blocks_is_named_waited_for_and_tried_again() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    env.succeed(&["up", "--yes"]);
    protection_is_said_before_anything_is_deleted(&env, &aws).await;

    let ec2 = aws_sdk_ec2::Client::new(&aws);
    let ours = Filter::builder()
        .name("tag:hpcapi:deployment")
        .values("hpc-serverless-job-mgmt")
        .build();
    let vpcs = ec2.describe_vpcs().filters(ours).send().await.unwrap();
    let vpc = vpcs.vpcs()[0].vpc_id().unwrap();
    let subnet = ec2
        .create_subnet()
        .vpc_id(vpc)
        .cidr_block("10.0.250.0/24")
        .send()
        .await
        .unwrap();
    let subnet = subnet.subnet().unwrap().subnet_id().unwrap();
    let interface = ec2
        .create_network_interface()
        .subnet_id(subnet)
        .description("of somebody")
        .send()
        .await
        .unwrap();
    let interface = interface.network_interface().unwrap();
    let interface = interface.network_interface_id().unwrap();

    // An interface is waited for; the subnet of somebody makes the deletion of the VPC fail.
    let named = format!("`{interface}` (of somebody), held by nobody");
    let delete = async {
        let deleted = ec2.delete_network_interface();
        deleted
            .network_interface_id(interface)
            .send()
            .await
            .unwrap();
    };
    let (code, story) = tear_down(&env, &named, delete).await;
    assert_eq!(code, 1, "{story}");
    assert!(story.contains("asked for again in 45 s"), "{story}");
    assert!(story.contains("DELETE_FAILED 4 times"), "{story}");
    assert!(story.contains(&format!("AWS::EC2::VPC {vpc}: ")), "{story}");
    let force = format!(
        "aws cloudformation delete-stack --region us-east-1 --stack-name {NETWORK} \
         --deletion-mode FORCE_DELETE_STACK"
    );
    assert!(story.contains(&force), "{story}");
    let there = ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
    assert_eq!(there.vpcs().len(), 1, "it was forced");

    // What blocks goes away while the deletion is tried again.
    let delete = async {
        ec2.delete_subnet().subnet_id(subnet).send().await.unwrap();
    };
    let (code, story) = tear_down(&env, "asked for again in 5 s", delete).await;
    assert_eq!(code, 0, "{story}");
    env.assert_empty().await;
}

async fn protection_is_said_before_anything_is_deleted(env: &TestEnv, aws: &aws_config::SdkConfig) {
    let stacks = aws_sdk_cloudformation::Client::new(aws);
    let protect = |on: bool| {
        let asked = stacks.update_termination_protection();
        let asked = asked.stack_name(NETWORK);
        asked.enable_termination_protection(on).send()
    };
    protect(true).await.unwrap();
    let words = env.fail(1, &["teardown", "--yes"]);
    assert!(words.contains("has termination protection"), "{words}");
    assert!(
        words.contains("update-termination-protection --no-enable-termination-protection"),
        "{words}"
    );
    env.succeed(&["status"]);
    protect(false).await.unwrap();
}
