//! What keeps a teardown from its end: it is named, waited for, tried again, and never forced.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, GatewayType, IpPermission, UserIdGroupPair,
};
use serde_json::{Value, json};

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

/// Files that are to stay when the cluster goes.
const STAYING: &str = "
SharedStorage:
  - Name: data
    MountDir: /data
    StorageType: Ebs
    EbsSettings:
      Size: 35
      DeletionPolicy: Retain
  - Name: files
    MountDir: /files
    StorageType: Efs
    EfsSettings:
      DeletionPolicy: Retain
";

#[tokio::test]
async fn what_blocks_is_named_waited_for_and_tried_again() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    // Its endpoint and its group go without a word.
    guard_duty(&env).await;
    let config = [include_str!("../../cluster-config.yaml"), STAYING].concat();
    let config = env.file("staying.yaml", &config);
    env.succeed(&["up", "--yes", "--config", &config]);
    a_bucket_that_denies_is_told(&env, &aws).await;
    protection_is_said_before_anything_is_deleted(&env, &aws).await;

    let ec2 = aws_sdk_ec2::Client::new(&aws);
    let ours = Filter::builder()
        .name("tag:hpcapi:deployment")
        .values("hpc-serverless-job-mgmt")
        .build();
    put_rules_back(&ec2, ours.clone()).await;
    let vpcs = ec2.describe_vpcs().filters(ours).send().await.unwrap();
    let vpc = vpcs.vpcs()[0].vpc_id().unwrap();

    // Mount targets of files that stay, and what somebody has there, are told with what removes them.
    let subnet = of_others(&ec2, vpc).await;
    let story = env.fail(1, &["teardown", "--yes"]);
    let (told, after) = story.split_once("pcluster delete-cluster").unwrap();
    assert!(told.contains(&format!("the subnet `{subnet}`")), "{told}");
    assert!(!told.contains("i-"), "{told}");
    let story = after;
    assert!(story.contains("stay without this mount target"), "{story}");
    let typed = type_what_is_told(&env, story);
    let of = |words: &str| typed.iter().filter(|line| line.contains(words)).count();
    assert_eq!(of("aws efs delete-mount-target"), 1, "{typed:#?}");
    assert_eq!(of("aws ec2 delete-security-group"), 3, "{typed:#?}");
    assert_eq!(typed.len(), 7, "{typed:#?}");

    // An interface is waited for; what comes meanwhile makes the deletion of the VPC fail.
    let in_vpc = Filter::builder().name("vpc-id").values(vpc).build();
    let subnets = ec2.describe_subnets().filters(in_vpc).send().await.unwrap();
    let interface = ec2
        .create_network_interface()
        .subnet_id(subnets.subnets()[0].subnet_id().unwrap())
        .description("of somebody")
        .send()
        .await
        .unwrap();
    let interface = interface.network_interface().unwrap();
    let interface = interface.network_interface_id().unwrap();
    let named = format!("`{interface}` (of somebody), held by nobody");
    let delete = async {
        let table = ec2.create_route_table().vpc_id(vpc);
        table.send().await.unwrap();
        let deleted = ec2.delete_network_interface();
        deleted
            .network_interface_id(interface)
            .send()
            .await
            .unwrap();
    };
    let (code, story) = tear_down(&env, &named, delete).await;
    assert_eq!(code, 1, "{story}");
    assert!(story.contains("others use its network"), "{story}");
    let typed = type_what_is_told(&env, &story);
    assert_eq!(typed.len(), 1, "{typed:#?}");

    what_nobody_looks_for_is_tried_again(&env, &ec2, vpc).await;
    files_stay_on_purpose(&env);
    env.assert_empty().await;
}

/// Types the commands of an error in the order in which it tells them; `--check` tells them, too.
fn type_what_is_told(env: &TestEnv, story: &str) -> Vec<String> {
    let (_, error) = story.rsplit_once("error: ").unwrap();
    let commands = error.lines().filter_map(|line| {
        let at = line.find(": aws ")?;
        Some(line[at + 2..].to_owned())
    });
    let typed: Vec<_> = commands.collect();
    let check = env.run(&["teardown", "--check", "--output", "json"]);
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let left = check["left"].as_array().unwrap().iter();
    let removes: Vec<_> = left.filter_map(|thing| thing["remove"].as_str()).collect();
    for command in &typed {
        assert!(removes.contains(&command.as_str()), "{command}\n{check:#}");
        let output = env.type_command(command);
        assert!(output.status.success(), "{command}\n{output:?}");
    }
    typed
}

async fn what_nobody_looks_for_is_tried_again(env: &TestEnv, ec2: &aws_sdk_ec2::Client, vpc: &str) {
    let gateway = ec2.create_vpn_gateway().r#type(GatewayType::Ipsec1);
    let gateway = gateway.send().await.unwrap().vpn_gateway.unwrap();
    let gateway = gateway.vpn_gateway_id().unwrap();
    let attach = ec2.attach_vpn_gateway().vpc_id(vpc);
    attach.vpn_gateway_id(gateway).send().await.unwrap();
    let story = env.fail(1, &["teardown", "--yes"]);
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
    let detach = async {
        let asked = ec2.detach_vpn_gateway().vpc_id(vpc);
        asked.vpn_gateway_id(gateway).send().await.unwrap();
    };
    let (code, story) = tear_down(env, "asked for again in 5 s", detach).await;
    assert_eq!(code, 0, "{story}");
}

/// What the configuration keeps is told as kept, and removed by what is told with it.
fn files_stay_on_purpose(env: &TestEnv) {
    let found = env.json(&["teardown", "--check", "--output", "json"]);
    assert_eq!(found["clean"], true, "{found:#}");
    let kept = found["kept"].as_array().unwrap().iter();
    let kept: Vec<_> = kept
        .filter(|thing| thing["why"].as_str().unwrap().contains("Retain"))
        .collect();
    let kinds: Vec<_> = kept.iter().map(|thing| &thing["kind"]).collect();
    assert_eq!(kinds, ["volume", "file system"], "{found:#}");
    for thing in kept {
        let command = thing["remove"].as_str().unwrap();
        let output = env.type_command(command);
        assert!(output.status.success(), "{command}\n{output:?}");
    }
}

async fn guard_duty(env: &TestEnv) {
    let path = format!("guard-duty/{}", env.account());
    env.control(&path, &json!({"on": true})).await;
}

/// Takes each rule by which the deployment's groups name one another away, and puts it back: AWS gives
/// it another id, which no stack knows.
async fn put_rules_back(ec2: &aws_sdk_ec2::Client, ours: Filter) {
    let asked = ec2.describe_security_groups().filters(ours);
    let groups = asked.send().await.unwrap().security_groups.unwrap();
    let mut count = 0;
    for group in &groups {
        let id = group.group_id().unwrap();
        let on_groups = |rule: &&IpPermission| !rule.user_id_group_pairs().is_empty();
        for rule in group.ip_permissions().iter().filter(on_groups) {
            let revoked = ec2.revoke_security_group_ingress().group_id(id);
            let revoked = revoked.ip_permissions(rule.clone());
            revoked.send().await.unwrap();
            let put = ec2.authorize_security_group_ingress().group_id(id);
            put.ip_permissions(rule.clone()).send().await.unwrap();
            count += 1;
        }
        for rule in group.ip_permissions_egress().iter().filter(on_groups) {
            let revoked = ec2.revoke_security_group_egress().group_id(id);
            let revoked = revoked.ip_permissions(rule.clone());
            revoked.send().await.unwrap();
            let put = ec2.authorize_security_group_egress().group_id(id);
            put.ip_permissions(rule.clone()).send().await.unwrap();
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

/// Puts into a VPC what somebody may have there: an endpoint, two groups that name one another, a route
/// table and a subnet, whose id comes back.
async fn of_others(ec2: &aws_sdk_ec2::Client, vpc: &str) -> String {
    let subnet = ec2.create_subnet().vpc_id(vpc).cidr_block("10.0.250.0/24");
    let subnet = subnet.send().await.unwrap().subnet.unwrap();
    let table = ec2.create_route_table().vpc_id(vpc);
    table.send().await.unwrap();
    let endpoint = ec2.create_vpc_endpoint().vpc_id(vpc);
    let service = "com.amazonaws.us-east-1.dynamodb";
    endpoint.service_name(service).send().await.unwrap();
    let mut groups = Vec::new();
    for name in ["one of somebody", "another of somebody"] {
        let group = ec2.create_security_group().vpc_id(vpc).group_name(name);
        let group = group.description("of somebody").send().await.unwrap();
        groups.push(group.group_id.unwrap());
    }
    for (group, peer) in [(0, 1), (1, 0)] {
        let pair = UserIdGroupPair::builder().group_id(&groups[peer]).build();
        let rule = IpPermission::builder().ip_protocol("-1");
        let rule = rule.user_id_group_pairs(pair).build();
        let put = ec2.authorize_security_group_ingress();
        let put = put.group_id(&groups[group]).ip_permissions(rule);
        put.send().await.unwrap();
    }
    subnet.subnet_id.unwrap()
}

/// What cannot be looked at is told, and the rest is looked at; whose denial it is, is told, too.
async fn a_bucket_that_denies_is_told(env: &TestEnv, aws: &aws_config::SdkConfig) {
    let s3 = aws_sdk_s3::Client::new(aws);
    let bucket = env.json(&["up", "--yes", "--output", "json"])["bucket"].clone();
    let bucket = bucket.as_str().unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket*", "Resource": format!("arn:aws:s3:::{bucket}"),
    }});
    let put = s3.put_bucket_policy().bucket(bucket);
    put.policy(policy.to_string()).send().await.unwrap();
    let check = env.run(&["teardown", "--check"]);
    let told = crate::environment::text(&check.stdout);
    assert!(told.contains("NAT gateway"), "{told}\n{check:?}");
    let doctor = env.run(&["doctor"]);
    let told = crate::environment::text(&doctor.stderr);
    assert!(
        told.contains("a policy of that resource denies it"),
        "{told}"
    );
    let delete = s3.delete_bucket_policy().bucket(bucket);
    delete.send().await.unwrap();
    env.succeed(&["up", "--yes"]);
    let found = s3.get_bucket_policy().bucket(bucket).send().await.unwrap();
    assert!(found.policy().unwrap().contains("OnlyOverTLS"), "{found:?}");
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

    // All that is protected is said at once, and what is said ends it.
    let ec2 = aws_sdk_ec2::Client::new(aws);
    let head_node = env.json(&["up", "--yes", "--output", "json"])["head_node"].clone();
    let head_node = head_node.as_str().unwrap();
    let asked = ec2.modify_instance_attribute().instance_id(head_node);
    let on = AttributeBooleanValue::builder().value(true).build();
    asked.disable_api_termination(on).send().await.unwrap();
    for command in [
        &["teardown", "--yes"][..],
        &["up", "--replace-cluster", "--yes"],
    ] {
        let words = env.fail(1, command);
        assert!(
            words.contains(&format!("the head node `{head_node}` is protected")),
            "{words}"
        );
    }
    let words = env.fail(1, &["teardown", "--yes"]);
    assert!(words.contains("2 things are protected"), "{words}");
    env.succeed(&["status"]);
    let (_, line) = words.split_once("go on: ").unwrap();
    for command in line.lines().next().unwrap().split(" && ").take(2) {
        let typed = env.type_command(command);
        assert!(typed.status.success(), "{command}\n{typed:?}");
    }
}
