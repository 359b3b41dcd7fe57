//! A configuration is judged as it will be, before anything is made: with the real `pcluster`, where
//! its answer decides. What the file itself tells is in tests/judgement.rs.

use aws_sdk_ec2 as ec2;
use aws_sdk_ec2::types::CapacityReservationInstancePlatform as Platform;
use serde_json::Value;

use crate::environment::{TestEnv, text};

const GOOD: &str = include_str!("../deploy_cases/good.yaml");

/// Returns the good configuration with one change.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

/// Returns the line of what stands in a text once.
fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|line| line.contains(part)).unwrap()
}

fn doctor(env: &TestEnv, config: &str) -> Value {
    let file = env.file("mine.yaml", config);
    let output = env.run(&["doctor", "--output", "json", "--config", &file]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// Returns whether the diagnosis has such a finding with these words, cause and commands among them.
fn has(diagnosis: &Value, subject: &str, verdict: &str, words: &str) -> bool {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().any(|one| {
        one["subject"] == subject && one["verdict"] == verdict && one.to_string().contains(words)
    })
}

fn queue_setting() -> String {
    let networking = "      Networking:\n        SubnetIds:";
    with(
        networking,
        &format!("      CustomSlurmSettings:\n        OverSubscribe: FORCE\n{networking}"),
    )
}

/// As in accounts whose default VPC was deleted, where a stranger's network is all there is.
async fn leave_only_a_strangers_network(env: &TestEnv) {
    let ec2 = ec2::Client::new(&env.aws().await);
    let subnets = ec2.describe_subnets().send().await.unwrap();
    for subnet in subnets.subnets() {
        let id = subnet.subnet_id().unwrap();
        ec2.delete_subnet().subnet_id(id).send().await.unwrap();
    }
    let vpcs = ec2.describe_vpcs().send().await.unwrap();
    let gateways = ec2.describe_internet_gateways().send().await.unwrap();
    for gateway in gateways.internet_gateways() {
        let id = gateway.internet_gateway_id().unwrap();
        for attached in gateway.attachments() {
            let detached = ec2.detach_internet_gateway().internet_gateway_id(id);
            let detached = detached.vpc_id(attached.vpc_id().unwrap());
            detached.send().await.unwrap();
        }
        let deleted = ec2.delete_internet_gateway().internet_gateway_id(id);
        deleted.send().await.unwrap();
    }
    for vpc in vpcs.vpcs() {
        let id = vpc.vpc_id().unwrap();
        ec2.delete_vpc().vpc_id(id).send().await.unwrap();
    }
    let made = ec2.create_vpc().cidr_block("10.77.0.0/16").send().await;
    let vpc = made.unwrap().vpc.unwrap().vpc_id.unwrap();
    let subnet = ec2.create_subnet().vpc_id(vpc).cidr_block("10.77.0.0/28");
    subnet.send().await.unwrap();
}

#[tokio::test]
async fn an_account_without_a_default_vpc_is_refused_the_same_and_nothing_is_made() {
    let env = TestEnv::new();
    leave_only_a_strangers_network(&env).await;
    let config = queue_setting();
    let place = format!("mine.yaml:{}: ", line_of(&config, "OverSubscribe"));
    let diagnosis = doctor(&env, &config);
    assert!(
        has(&diagnosis, "configuration", "problem", &place),
        "{diagnosis}"
    );
    let words = env.fail(
        2,
        &["up", "--yes", "--config", &env.file("mine.yaml", &config)],
    );
    assert!(
        words.contains(&place) && words.contains("OverSubscribe"),
        "{words}"
    );
    assert!(words.contains("nothing was changed"), "{words}");
    env.assert_empty().await;
    assert_eq!(doctor(&env, GOOD)["well"], true);
}

#[tokio::test]
async fn login_nodes_are_made_beside_a_strangers_network() {
    let env = TestEnv::new();
    leave_only_a_strangers_network(&env).await;
    let pool = "LoginNodes:\n  Pools:\n    - Name: login\n      Count: 1\n      InstanceType: \
                t3.small\n      Networking:\n        SubnetIds:\n          - CHANGE_ME\n";
    let file = env.file("mine.yaml", &format!("{GOOD}{pool}"));
    env.succeed(&["up", "--yes", "--config", &file]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Exit code 2 means that nothing was changed: this is none.
#[tokio::test]
async fn a_refusal_that_comes_late_says_what_was_made_and_what_it_costs() {
    let env = TestEnv::new();
    let config = queue_setting();
    let file = env.file("mine.yaml", &config);
    let words = env.fail(1, &["up", "--yes", "--skip-preflight", "--config", &file]);
    let place = format!("mine.yaml:{}: ", line_of(&config, "OverSubscribe"));
    for part in [
        place.as_str(),
        "already made: ",
        "hpc-serverless-job-mgmt-requirements",
        " a month",
        "go on, once that is changed: ",
        "or remove all of it: ",
    ] {
        assert!(words.contains(part), "no {part:?} in\n{words}");
    }
    assert!(!words.contains("nothing was"), "{words}");
    let diagnosis = doctor(&env, &config);
    assert!(
        has(&diagnosis, "configuration", "problem", &place),
        "{diagnosis}"
    );
    let words = env.fail(2, &["up", "--yes", "--config", &file]);
    assert!(words.contains(&place), "{words}");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn each_way_to_buy_instances_is_held_against_its_own_quota() {
    let env = TestEnv::new();
    let spot = include_str!("../deploy_cases/spot-from-the-start.yaml");
    let diagnosis = doctor(&env, spot);
    let asked = "request-service-quota-increase --region us-east-1 --service-code ec2 --quota-code \
                 L-34B43A08";
    assert!(has(&diagnosis, "quotas", "problem", asked), "{diagnosis}");
    assert!(
        !has(&diagnosis, "quotas", "problem", "L-1216C47A"),
        "{diagnosis}"
    );
    let block = include_str!("../deploy_cases/capacity-block.yaml");
    let diagnosis = doctor(&env, block);
    assert!(!has(&diagnosis, "quotas", "problem", ""), "{diagnosis}");
    // The head node alone counts.
    let counted = "2 more wanted at once and 2 at most";
    assert!(has(&diagnosis, "quotas", "ok", counted), "{diagnosis}");
}

/// What is in a zone decides where the head node will be.
#[tokio::test]
async fn volumes_and_reservations_decide_the_zone() {
    let env = TestEnv::new();
    let ec2 = ec2::Client::new(&env.aws().await);
    let zones = ec2.describe_availability_zones().send().await.unwrap();
    let zone = |id: &str| {
        let mut zones = zones.availability_zones().iter();
        let found = zones.find(|zone| zone.zone_id() == Some(id)).unwrap();
        found.zone_name().unwrap().to_owned()
    };
    for id in ["use1-az2", "use1-az6"] {
        let volume = ec2.create_volume().availability_zone(zone(id)).size(1);
        let volume = volume.send().await.unwrap().volume_id.unwrap();
        let storage = format!(
            "SharedStorage: [{{Name: d, MountDir: /d, StorageType: Ebs, EbsSettings: {{VolumeId: \
             {volume}}}}}]\n"
        );
        let diagnosis = doctor(&env, &format!("{GOOD}{storage}"));
        let first = format!("{} ({id}) and ", zone(id));
        assert!(has(&diagnosis, "zones", "ok", &first), "{diagnosis}");
        assert_eq!(diagnosis["well"], true, "{diagnosis}");
    }
    let reserved = ec2
        .create_capacity_reservation()
        .instance_type("t3.micro")
        .instance_platform(Platform::LinuxUnix)
        .availability_zone(zone("use1-az4"))
        .instance_count(4);
    let reserved = reserved.send().await.unwrap().capacity_reservation.unwrap();
    let reservation = reserved.capacity_reservation_id().unwrap();
    let target = format!(
        "          CapacityReservationTarget: {{CapacityReservationId: {reservation}}}\n          \
         MinCount"
    );
    let diagnosis = doctor(&env, &with("          MinCount", &target));
    let first = format!("{} (use1-az4) and ", zone("use1-az4"));
    assert!(has(&diagnosis, "zones", "ok", &first), "{diagnosis}");
    assert_eq!(diagnosis["well"], true, "{diagnosis}");
}

#[tokio::test]
async fn what_is_missing_is_a_warning_with_its_line_and_what_the_sandbox_lacks_a_problem() {
    let env = TestEnv::new();
    let script = "    OnNodeConfigured:\n      Script: CHANGE_ME";
    let sequence = "    OnNodeConfigured:\n      Sequence:\n        - Script: CHANGE_ME\n        - \
                    Script: s3://assets-of-mine/scripts/setup.sh";
    let access = "      - BucketName: CHANGE_ME\n";
    let config = with(script, sequence).replacen(
        access,
        &format!("{access}      - BucketName: assets-of-mine\n"),
        1,
    );
    let place = format!("mine.yaml:{}: ", line_of(&config, "setup.sh"));
    let diagnosis = doctor(&env, &config);
    assert!(
        has(&diagnosis, "configuration", "warning", &place),
        "{diagnosis}"
    );
    assert_eq!(diagnosis["well"], true, "{diagnosis}");

    let storage = "SharedStorage:\n  - {Name: f, MountDir: /f, StorageType: FsxLustre, \
                   FsxLustreSettings: {StorageCapacity: 1200, DeploymentType: SCRATCH_2}}\n";
    let diagnosis = doctor(&env, &format!("{GOOD}{storage}"));
    let words = "the sandbox has no FSx for Lustre";
    assert!(has(&diagnosis, "sandbox", "problem", words), "{diagnosis}");
}
