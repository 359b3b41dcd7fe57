//! A network that is there without a way to the internet: the VPC endpoints that are missing are made,
//! kept, brought back, and taken away again.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, VpcEndpoint};
use serde_json::Value;

use crate::environment::{TestEnv, text};
use crate::existing_network::{Network, STACK, costs};
use crate::least_privilege::{complete_policies, take_role};

const TEMPLATE: &str = include_str!("templates/private_network.yaml");
const CONFIG: &str = include_str!("../../cluster-config.yaml");

/// What nodes lack there: the others have made endpoints for DynamoDB and CloudWatch Logs.
const MADE: [&str; 5] = ["cloudformation", "ec2", "s3", "ssm", "ssmmessages"];

/// Returns a configuration for a network without the internet.
fn config() -> String {
    let private = CONFIG.replace("    ElasticIp: true\n", "").replace(
        "  SlurmSettings:\n",
        "  SlurmSettings:\n    Dns: {DisableManagedDns: true, UseEc2Hostnames: true}\n",
    );
    assert!(private.contains("Dns:") && !private.contains("ElasticIp"));
    private
}

/// Returns the endpoints of a VPC that a deployment has made, by their services.
async fn own_endpoints(aws: &SdkConfig, vpc: &str) -> BTreeMap<String, VpcEndpoint> {
    let ec2 = aws_sdk_ec2::Client::new(aws);
    let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
    let tagged = Filter::builder()
        .name("tag-key")
        .values("hpcapi:deployment");
    let found = ec2.describe_vpc_endpoints().filters(of_vpc);
    let found = found.filters(tagged.build()).send().await.unwrap();
    let service = |one: &VpcEndpoint| {
        let name = one.service_name().unwrap();
        name.rsplit('.').next().unwrap().to_owned()
    };
    let all = found.vpc_endpoints().iter();
    all.map(|one| (service(one), one.clone())).collect()
}

/// Returns the ids of endpoints by their services.
fn ids(endpoints: &BTreeMap<String, VpcEndpoint>) -> BTreeMap<&str, &str> {
    let ids = endpoints.iter();
    ids.map(|(service, one)| (service.as_str(), one.vpc_endpoint_id().unwrap()))
        .collect()
}

#[tokio::test]
async fn endpoints_that_are_missing_are_made_kept_brought_back_and_taken_away() {
    let mut env = TestEnv::new();
    take_role(&mut env, &["ec2:CreateVpcEndpoint", "ec2:CreateVpc"]).await;
    let env = env;
    let aws = env.aws().await;
    let network = Network::make(&aws, TEMPLATE).await;
    let before = network.described(&aws).await;
    let vpc = network.vpc.as_str();
    let config = env.file("private.yaml", &config());
    let named = ["--config", &config, "--vpc", vpc];
    let with = [&named[..], &["--vpc-endpoints"]].concat();

    // Without the option it is named, and its rights are not asked for.
    let words = env.fail(2, &[&["up", "--yes"][..], &named].concat());
    for told in [
        "cannot reach s3, cloudformation, ec2, ssm, ssmmessages",
        "cannot reach s3, ec2",
        "or have VPC endpoints made: ",
        " --vpc-endpoints",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    assert!(!words.contains("ec2:CreateVpc"), "{words}");
    // With it they are, and no others.
    let words = env.fail(2, &[&["up", "--yes"][..], &with].concat());
    assert!(words.contains("ec2:CreateVpcEndpoint"), "{words}");
    let others = words.replace("ec2:CreateVpcEndpoint", "");
    assert!(!others.contains("ec2:CreateVpc"), "{words}");
    assert_eq!(network.described(&aws).await, before);
    complete_policies(&env).await;

    let plan = env.run(&[&["plan", "--output", "json"][..], &with].concat());
    assert_eq!(plan.status.code(), Some(3), "{}", text(&plan.stderr));
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let thing = plan["steps"][0]["thing"].as_str().unwrap();
    assert!(thing.contains(&format!("({})", MADE.join(", "))), "{thing}");
    // Those of the head node in its zone; that which compute nodes call, too, in both.
    let line = "5 network interfaces of VPC endpoints";
    assert!(costs(&plan).contains(&line), "{plan}");

    env.succeed(&[&["up", "--yes", "--prove"][..], &with].concat());
    let made = own_endpoints(&aws, vpc).await;
    assert_eq!(made.keys().collect::<Vec<_>>(), MADE);
    assert_eq!(made["ec2"].subnet_ids().len(), 2);
    assert_eq!(made["ssm"].subnet_ids().join(","), network.public);

    // They stay, whether the option is typed again or not.
    for words in [
        &["--output", "json"][..],
        &["--output", "json", "--vpc-endpoints"],
    ] {
        let up = env.json(&[&["up", "--yes"][..], words].concat());
        assert_eq!(up["changed"], false, "{up}");
    }
    let kept = own_endpoints(&aws, vpc).await;
    assert_eq!(ids(&kept), ids(&made));
    env.succeed(&["doctor"]);

    // One that somebody deletes is named, and comes back.
    let ec2 = aws_sdk_ec2::Client::new(&aws);
    let lost = made["ec2"].vpc_endpoint_id().unwrap();
    let delete = ec2.delete_vpc_endpoints().vpc_endpoint_ids(lost);
    delete.send().await.unwrap();
    let doctor = env.run(&["doctor"]);
    assert!(!doctor.status.success());
    let words = text(&doctor.stdout) + &text(&doctor.stderr);
    assert!(
        words.contains("its VPC endpoint for ec2 is gone"),
        "{words}"
    );
    env.succeed(&["up", "--yes"]);
    let back = own_endpoints(&aws, vpc).await;
    let (mut now, mut then) = (ids(&back), ids(&made));
    assert_ne!(now.remove("ec2"), then.remove("ec2"));
    assert_eq!(now, then);
    assert_eq!(back["ec2"].subnet_ids(), made["ec2"].subnet_ids());
    env.succeed(&["doctor"]);

    env.succeed(&["teardown", "--yes"]);
    let after = network.described(&aws).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    let stacks = aws_sdk_cloudformation::Client::new(&aws);
    let gone = stacks.delete_stack().stack_name(STACK);
    gone.send().await.unwrap();
}

#[test]
fn in_a_network_that_up_makes_endpoints_are_refused() {
    let env = TestEnv::new();
    for verb in [&["up", "--yes"][..], &["plan"]] {
        let words = env.fail(2, &[verb, &["--vpc-endpoints"]].concat());
        assert!(
            words.contains("--vpc-endpoints is for a network of yours"),
            "{words}"
        );
        assert!(words.contains("NAT gateway"), "{words}");
    }
}
