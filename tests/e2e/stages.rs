//! Stacks that are made in two stages, so that nothing waits for what it does not need: in any
//! stage `up` goes on, and what an older hpcapi made in one go stays as it is.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Parameter, StackEvent, Tag};
use aws_sdk_elasticloadbalancingv2 as balancing;

use crate::environment::{TestEnv, text};

const NAME: &str = "hpc-serverless-job-mgmt";
const API: &str = "hpc-serverless-job-mgmt-api";

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
async fn the_api_is_made_beside_the_cluster_and_gets_its_target_later() {
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
    assert_eq!(targets(&env).await, [head_node]);

    // As a killed `up` leaves it between the two.
    let template = include_str!("../../templates/api.yaml");
    let no_target = ("HeadNodeInstanceID", Some(""));
    update(&stacks, API, template, None, &no_target).await;
    assert_eq!(targets(&env).await, Vec::<String>::new());
    let status = env.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    let words = text(&status.stdout);
    assert!(words.contains("\ntarget          missing"), "{words}");
    assert!(words.contains("\napi             ready"), "{words}");
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["endpoint"], up["endpoint"]);
    assert_eq!(again["changed"], true);
    assert_eq!(targets(&env).await, [head_node]);
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn what_an_older_hpcapi_made_in_one_go_needs_no_update() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let stacks = Client::new(&env.aws().await);
    let template = earlier(
        include_str!("../../templates/api.yaml"),
        &[
            (
                "    Type: AWS::EC2::Instance::Id\n",
                "    Type: String\n    Default: \"\"\n    AllowedPattern: ^(i-[0-9a-f]{8,17})?$\n",
            ),
            (
                "",
                "Conditions:\n  HasHeadNode: !Not [!Equals [!Ref HeadNodeInstanceID, \"\"]]\n\n",
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
    update(&stacks, API, &template, Some("dd635e2ff08d9d09"), &as_it_is).await;
    let before = events(&stacks, API).await.len();
    env.succeed(&["status"]);
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false);
    assert_eq!(again["endpoint"], up["endpoint"]);
    assert_eq!(events(&stacks, API).await.len(), before);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
