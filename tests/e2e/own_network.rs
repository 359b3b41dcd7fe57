//! The network that `up` makes, in the zones and with the address range that the user says.

use aws_config::SdkConfig;
use aws_sdk_ec2::types::Filter;
use serde_json::Value;

use crate::environment::{TestEnv, text};

/// The zones of an account that take VPC links, of those two more than hpcapi chooses, by id; and one
/// that takes none.
const LINKED: [&str; 4] = ["use1-az1", "use1-az2", "use1-az4", "use1-az5"];
const UNLINKED: &str = "use1-az3";

const REQUIREMENTS: &str = "hpc-serverless-job-mgmt-requirements";

/// Returns the name of a zone in this account.
async fn zone(aws: &SdkConfig, id: &str) -> String {
    let ec2 = aws_sdk_ec2::Client::new(aws);
    let zones = ec2.describe_availability_zones().zone_ids(id).send().await;
    let zones = zones.unwrap();
    let name = zones.availability_zones()[0].zone_name();
    name.unwrap().to_owned()
}

/// Returns the answer of a `plan` in which there is something to do.
fn planned(env: &TestEnv, options: &[&str]) -> Value {
    let plan = env.run(&[&["plan", "--output", "json"], options].concat());
    assert_eq!(plan.status.code(), Some(3), "{}", text(&plan.stderr));
    serde_json::from_slice(&plan.stdout).unwrap()
}

/// Returns the subnets of the VPC with this range: range, zone, whether it is public, and id.
async fn subnets(aws: &SdkConfig, range: &str) -> Vec<(String, String, bool, String)> {
    let ec2 = aws_sdk_ec2::Client::new(aws);
    let of = |key: &str, value: &str| Filter::builder().name(key).values(value).build();
    let vpcs = ec2.describe_vpcs().filters(of("cidr", range)).send().await;
    let vpcs = vpcs.unwrap();
    let [vpc] = vpcs.vpcs() else {
        panic!("{vpcs:?}");
    };
    let vpc = of("vpc-id", vpc.vpc_id().unwrap());
    let found = ec2.describe_subnets().filters(vpc).send().await.unwrap();
    let mut subnets: Vec<_> = found
        .subnets()
        .iter()
        .map(|subnet| {
            (
                subnet.cidr_block().unwrap().to_owned(),
                subnet.availability_zone().unwrap().to_owned(),
                subnet.map_public_ip_on_launch().unwrap(),
                subnet.subnet_id().unwrap().to_owned(),
            )
        })
        .collect();
    subnets.sort();
    subnets
}

/// Returns when the requirements stack was changed last.
async fn last_change(aws: &SdkConfig) -> String {
    let stacks = aws_sdk_cloudformation::Client::new(aws);
    let found = stacks.describe_stacks().stack_name(REQUIREMENTS);
    let found = found.send().await.unwrap();
    format!("{:?}", found.stacks()[0].last_updated_time())
}

#[tokio::test]
async fn a_network_is_made_where_it_is_asked_for_and_stays_there() {
    let env = TestEnv::new();
    let aws = env.aws().await;

    // In zones and with a range that nobody would have chosen.
    let usual = planned(&env, &[]);
    assert_eq!(usual["network"]["cidr"], "10.0.0.0/16", "{usual}");
    let chosen = usual["network"]["zones"].as_array().unwrap();
    let mut others = Vec::new();
    for id in LINKED {
        let name = zone(&aws, id).await;
        if !chosen.iter().any(|it| *it == name.as_str()) {
            others.push((id, name));
        }
    }
    let [(first_id, first), (second_id, second), ..] = others.as_slice() else {
        panic!("{others:?} beside {chosen:?}");
    };
    let zones = format!("{first_id},{second}");
    let options = ["--zones", &zones, "--vpc-cidr", "10.20.0.0/20"];
    let plan = planned(&env, &options);
    assert_eq!(plan["network"]["cidr"], "10.20.0.0/20", "{plan}");
    let of_plan = plan["network"]["zones"].as_array().unwrap();
    assert_eq!(of_plan, &[first.as_str(), second.as_str()], "{plan}");
    let detail = format!("10.20.0.0/20 in {first} and {second}");
    assert_eq!(plan["steps"][0]["detail"], detail.as_str(), "{plan}");

    env.succeed(&[&["up", "--yes"], &options[..]].concat());
    let made = subnets(&aws, "10.20.0.0/20").await;
    let told: Vec<_> = made
        .iter()
        .map(|(range, zone, is_public, _)| (range.as_str(), zone, *is_public))
        .collect();
    assert_eq!(
        told,
        [
            ("10.20.0.0/28", first, true),
            ("10.20.1.0/24", first, false),
            ("10.20.2.0/24", second, false),
        ]
    );

    // Nothing has to be said again, and the same may be, by name or id.
    let before = last_change(&aws).await;
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false, "{again}");
    let same = format!("{first},{second_id}");
    env.succeed(&["plan", "--zones", &same, "--vpc-cidr", "10.20.0.0/20"]);
    let plan = env.json(&["plan", "--output", "json"]);
    assert_eq!(plan["network"]["cidr"], "10.20.0.0/20", "{plan}");

    // It cannot move.
    let swapped = format!("{second},{first}");
    for (options, told) in [
        (
            &["--vpc-cidr", "10.0.0.0/16"][..],
            "its network is 10.20.0.0/20, and not 10.0.0.0/16".to_owned(),
        ),
        (
            &["--zones", &swapped],
            format!("in {first} and {second}, and not in {second} and {first}"),
        ),
        (
            &["--zones", &swapped, "--vpc-cidr", "10.0.0.0/16"],
            format!("in {first} and {second} with 10.20.0.0/20, and not"),
        ),
    ] {
        for verb in [&["up", "--yes"][..], &["plan"]] {
            let words = env.fail(2, &[verb, options].concat());
            assert_eq!(words.matches("error: ").count(), 1, "{words}");
            assert!(words.contains("a deployment cannot move"), "{words}");
            // The terminal's lines are folded.
            let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(line.contains(&told), "{told}: {line}");
            assert!(line.contains("hpcapi teardown"), "{line}");
        }
    }
    assert_eq!(last_change(&aws).await, before);

    // An update of its stack leaves the network where it is, though it says nothing of it.
    env.succeed(&["up", "--yes", "--tag", "Owner=me"]);
    assert_ne!(last_change(&aws).await, before);
    assert_eq!(subnets(&aws, "10.20.0.0/20").await, made);

    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn zones_and_ranges_that_cannot_be_are_refused_before_anything_is_made() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    let unlinked = zone(&aws, UNLINKED).await;
    let linked = zone(&aws, LINKED[0]).await;
    let both = format!("us-east-1z,{unlinked}");
    let twice = format!("{linked},{}", LINKED[0]);
    let there = format!("{linked} ({})", LINKED[0]);
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--zones", "us-east-1a"], &["is not two zones"]),
        (
            &["--zones", "use1-az1,use1-az1"],
            &["`use1-az1` stands there twice"],
        ),
        (
            &["--zones", &both],
            &[
                "us-east-1 has no zone `us-east-1z` that is available",
                "VPC links for HTTP APIs do not go to",
                "two of these would do",
                &there,
            ],
        ),
        (&["--zones", &twice], &["are the same zone"]),
        (
            &["--vpc-cidr", "10.20.1.0/16"],
            &[
                "`10.20.1.0/16` cannot be the range of a network",
                "10.20.0.0/16",
            ],
        ),
        (&["--vpc-cidr", "10.0.0.0/24"], &["from /16 to /22"]),
        (
            &["--vpc-cidr", "8.8.0.0/16"],
            &["it is not in one of 10.0.0.0/8"],
        ),
        (
            &["--vpc-cidr", "everything"],
            &["is no range of IPv4 addresses"],
        ),
        (
            &[
                "--vpc",
                "vpc-0123456789abcdef0",
                "--vpc-cidr",
                "10.0.0.0/16",
            ],
            &[
                "--vpc uses a network that is there",
                "leave out --vpc, or --vpc-cidr",
            ],
        ),
    ];
    for (options, told) in cases {
        for verb in [&["up", "--yes"][..], &["plan"]] {
            let words = env.fail(2, &[verb, options].concat());
            assert_eq!(words.matches("error: ").count(), 1, "{options:?}: {words}");
            let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in told {
                assert!(line.contains(part), "{options:?}: {part}: {line}");
            }
        }
    }

    // The nodes that are there always have to have addresses.
    let ours = include_str!("../../cluster-config.yaml");
    let many = ours.replace("MinCount: 0", "MinCount: 52");
    let many = env.file("many.yaml", &many.replace("MaxCount: 10", "MaxCount: 52"));
    let options = [
        "up",
        "--yes",
        "--config",
        &many,
        "--vpc-cidr",
        "10.20.0.0/22",
    ];
    let words = env.fail(2, &options);
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "a network with 10.20.0.0/22 has 51 addresses for compute nodes, in 10.20.0.64/26";
    assert!(line.contains(told), "{line}");
    env.assert_empty().await;
}
