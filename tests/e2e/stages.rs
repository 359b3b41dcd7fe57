//! Stacks that are made in two stages, so that nothing waits for what it does not need: in any
//! stage `up` goes on, and what an older hpcapi made in one go is updated in place.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Parameter, StackEvent, Tag};
use aws_sdk_elasticloadbalancingv2 as balancing;

use crate::environment::{TestEnv, text};

const NAME: &str = "hpc-serverless-job-mgmt";
const API: &str = "hpc-serverless-job-mgmt-api";
const NETWORK: &str = "hpc-serverless-job-mgmt-requirements";

const API_TEMPLATE: &str = include_str!("../../templates/api.yaml");
const NETWORK_TEMPLATE: &str = include_str!("../../templates/requirements.yaml");
const CONFIG: &str = include_str!("../../cluster-config.yaml");

/// Returns the events of a stack, oldest first.
async fn events(stacks: &Client, name: &str) -> Vec<StackEvent> {
    let answer = stacks.describe_stack_events().stack_name(name);
    let mut events: Vec<_> = answer
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .unwrap();
    events.reverse();
    events
}

/// Returns the place of the only event of a resource with this status.
fn place(events: &[StackEvent], resource: &str, status: &str) -> usize {
    let is_it = |event: &StackEvent| {
        event.logical_resource_id() == Some(resource)
            && event.resource_status().map(|it| it.as_str()) == Some(status)
    };
    let mut places = (0..events.len()).filter(|place| is_it(&events[*place]));
    let found = places.next();
    assert_eq!(places.next(), None, "{resource} {status} stands twice");
    found.unwrap_or_else(|| panic!("no {resource} {status}"))
}

/// Updates a stack with its tags, less the template's own, and waits for it.
async fn update(
    stacks: &Client,
    name: &str,
    template: &str,
    digest: Option<&str>,
    change: &Change,
) {
    let described = stacks.describe_stacks().stack_name(name).send().await;
    let before = described.unwrap().stacks()[0].clone();
    let mut tags = before.tags().to_vec();
    if let Some(digest) = digest {
        tags.retain(|tag| tag.key() != Some("hpcapi:template"));
        let made_from = Tag::builder().key("hpcapi:template").value(digest);
        tags.push(made_from.build());
    }
    let mut parameters = before.parameters().to_vec();
    parameters.retain(|one| one.parameter_key() != Some(change.0));
    if let Some(value) = change.1 {
        let changed = Parameter::builder().parameter_key(change.0);
        parameters.push(changed.parameter_value(value).build());
    }
    let update = stacks.update_stack().stack_name(name);
    let update = update.template_body(template).set_tags(Some(tags));
    update
        .set_parameters(Some(parameters))
        .send()
        .await
        .unwrap();
    crate::broken_ways::settle(stacks, name).await;
}

/// A parameter and its other value, or none.
type Change = (&'static str, Option<&'static str>);

/// Returns the earlier template out of the one of now.
fn earlier(template: &str, changes: &[(&str, &str)]) -> String {
    let back = |text: String, (before, now): &(&str, &str)| {
        assert_eq!(text.matches(now).count(), 1, "{now}");
        text.replacen(now, before, 1)
    };
    changes.iter().fold(template.to_owned(), back)
}

async fn targets(env: &TestEnv) -> Vec<String> {
    let aws = env.aws().await;
    let found = Client::new(&aws)
        .describe_stack_resource()
        .stack_name(API)
        .logical_resource_id("TargetGroup")
        .send()
        .await
        .unwrap();
    let group = found.stack_resource_detail().unwrap().clone();
    let health = balancing::Client::new(&aws)
        .describe_target_health()
        .target_group_arn(group.physical_resource_id().unwrap())
        .send()
        .await
        .unwrap();
    let targets = health.target_health_descriptions().iter();
    targets
        .map(|one| one.target().unwrap().id().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn nat_gateway_and_target_are_made_when_they_are_needed() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let head_node = up["head_node"].as_str().unwrap();
    let stacks = Client::new(&env.aws().await);
    let api = events(&stacks, API).await;
    let made = place(&api, API, "CREATE_COMPLETE");
    assert!(made < place(&api, "TargetGroup", "UPDATE_IN_PROGRESS"));
    assert!(made < place(&api, API, "UPDATE_COMPLETE"));
    let cluster = events(&stacks, NAME).await;
    let begun = &api[place(&api, "LoadBalancer", "CREATE_COMPLETE")];
    let ended = &cluster[place(&cluster, NAME, "CREATE_COMPLETE")];
    assert!(begun.timestamp() < ended.timestamp());
    let network = events(&stacks, NETWORK).await;
    let made = place(&network, NETWORK, "CREATE_COMPLETE");
    let nat = place(&network, "NatGateway", "CREATE_COMPLETE");
    assert!(made < nat && nat < place(&network, NETWORK, "UPDATE_COMPLETE"));
    assert!(network[nat].timestamp() < ended.timestamp());
    assert_eq!(targets(&env).await, [head_node]);

    // As a killed `up` leaves them between the two stages.
    let no_target = ("HeadNodeInstanceID", Some(""));
    update(&stacks, API, API_TEMPLATE, None, &no_target).await;
    let no_nat = ("Nat", Some("false"));
    update(&stacks, NETWORK, NETWORK_TEMPLATE, None, &no_nat).await;
    assert_eq!(targets(&env).await, Vec::<String>::new());
    let status = env.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    let words = text(&status.stdout);
    for line in [
        "requirements    ready",
        "nat-gateway     missing",
        "api             ready",
        "target          missing",
    ] {
        assert!(words.contains(&format!("\n{line}")), "{words}");
    }
    let doctor = env.fail(1, &["doctor"]);
    assert!(doctor.contains("has no NAT gateway yet"), "{doctor}");
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["endpoint"], up["endpoint"]);
    assert_eq!(again["changed"], true);
    assert_eq!(targets(&env).await, [head_node]);
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn what_an_older_hpcapi_made_in_one_go_is_updated_in_place() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let stacks = Client::new(&env.aws().await);
    let template = earlier(
        API_TEMPLATE,
        &[
            ("    Default: 100\n", "    Default: 300\n"),
            ("    Default: 200\n", "    Default: 1500\n"),
            (
                "    Type: AWS::EC2::Instance::Id\n",
                "    Type: String\n    Default: \"\"\n    AllowedPattern: ^(i-[0-9a-f]{8,17})?$\n",
            ),
            (
                "Conditions:\n",
                "Conditions:\n  HasHeadNode: !Not [!Equals [!Ref HeadNodeInstanceID, \"\"]]\n",
            ),
            (
                "    - !Condition HasName\n    - !Condition HasName\n",
                "    - !Condition HasName\n    - !Condition HasHeadNode\n",
            ),
            (
                "        - Id: !Ref HeadNodeInstanceID\n          Port: 6830\n",
                "        - - Id: !Ref HeadNodeInstanceID\n            Port: 6830\n        \
                 - !Ref AWS::NoValue\n",
            ),
            (
                "      Targets:\n",
                "      Targets: !If\n        - HasHeadNode\n",
            ),
        ],
    );
    let as_it_is = ("", None);
    update(&stacks, API, &template, Some("0123456789abcdef"), &as_it_is).await;
    let network = events(&stacks, NETWORK).await.len();
    let before = events(&stacks, API).await.len();
    env.fail(3, &["status"]);
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], true);
    assert_eq!(again["endpoint"], up["endpoint"]);
    let head_node = up["head_node"].as_str().unwrap();
    assert_eq!(targets(&env).await, [head_node]);
    // The target is not taken away meanwhile: nothing that exists is made anew or deleted.
    let changes = events(&stacks, API).await.split_off(before);
    let statuses = changes.iter().filter_map(|one| one.resource_status());
    let statuses: Vec<_> = statuses.map(|status| status.as_str()).collect();
    assert!(statuses.contains(&"UPDATE_COMPLETE"), "{changes:?}");
    assert!(
        statuses.iter().all(|status| status.starts_with("UPDATE_")),
        "{changes:?}"
    );
    assert_eq!(events(&stacks, NETWORK).await.len(), network);
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_nat_gateway_that_cannot_be_made_is_told_and_tried_again() {
    // The preflight would say so before anything is made, and can be skipped.
    let env = TestEnv::new();
    let config = CONFIG.replace("ElasticIp: true", "ElasticIp: false");
    let config = env.file("without-address.yaml", &config);
    let ec2 = aws_sdk_ec2::Client::new(&env.aws().await);
    let mut taken = Vec::new();
    for _ in 0..5 {
        let address = ec2.allocate_address().send().await.unwrap();
        taken.push(address.allocation_id().unwrap().to_owned());
    }
    let refused = env.fail(2, &["up", "--yes", "--config", &config]);
    assert!(refused.contains("elastic IPs: 5 in use"), "{refused}");
    let up = ["up", "--yes", "--skip-preflight", "--config", &config];
    let words = env.fail(1, &up);
    for part in [
        "the stack `hpc-serverless-job-mgmt-requirements` ended in UPDATE_ROLLBACK_COMPLETE",
        "`NatAddress` (AWS::EC2::EIP) CREATE_FAILED",
        "The maximum number of addresses has been reached",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let status = env.run(&["status", "--config", &config]);
    let words = text(&status.stdout);
    for line in ["requirements    ready", "nat-gateway     missing"] {
        assert!(words.contains(&format!("\n{line}")), "{words}");
    }
    for id in taken {
        let release = ec2.release_address().allocation_id(id);
        release.send().await.unwrap();
    }
    env.succeed(&up);
    env.succeed(&["doctor", "--config", &config]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn static_nodes_have_their_nat_gateway_before_the_cluster_is_made() {
    let env = TestEnv::new();
    let config = CONFIG.replace("MinCount: 0", "MinCount: 1");
    let config = env.file("static.yaml", &config);
    env.succeed(&["up", "--yes", "--config", &config]);
    let stacks = Client::new(&env.aws().await);
    let network = events(&stacks, NETWORK).await;
    let nat = place(&network, "NatGateway", "CREATE_COMPLETE");
    assert!(nat < place(&network, NETWORK, "CREATE_COMPLETE"));
    let cluster = events(&stacks, NAME).await;
    assert!(network[nat].timestamp() <= cluster[0].timestamp());

    // An `up` with a configuration without static nodes was killed before this one.
    let no_nat = ("Nat", Some("false"));
    update(&stacks, NETWORK, NETWORK_TEMPLATE, None, &no_nat).await;
    let status = env.run(&["status", "--config", &config]);
    let words = text(&status.stdout);
    assert!(words.contains("\nrequirements    incomplete"), "{words}");
    env.succeed(&["up", "--yes", "--config", &config]);
    env.succeed(&["status", "--config", &config]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
