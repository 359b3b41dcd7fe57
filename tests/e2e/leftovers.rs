//! The scan of `teardown`: what is left is named with its price and the command that removes
//! it, and what is only named alike stays.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::environment::{TestEnv, text};
use crate::things::{KINDS, Make, TAGGED};

const OURS: Make<'_> = Make {
    deployment: "mine",
    key_pair: "mine-old",
    stack: "mine-requirements",
    suffix: "ours",
    table: "",
    log_group: "/aws/vendedlogs/apigateway/mine-api",
    tag: ("hpcapi:deployment", "mine"),
};

const ALIKE: Make<'_> = Make {
    deployment: "mine",
    key_pair: "mine",
    stack: "mine-api",
    suffix: "alike",
    table: "slurm-",
    log_group: "/aws/parallelcluster/mine-202611231200",
    tag: ("owner", "somebody"),
};

fn check(env: &TestEnv) -> Value {
    let output = env.run(&[
        "teardown",
        "--check",
        "--deployment",
        "mine",
        "--output",
        "json",
    ]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn kinds(things: &Value) -> BTreeSet<&str> {
    let things = things.as_array().unwrap().iter();
    things
        .map(|thing| thing["kind"].as_str().unwrap())
        .collect()
}

fn ids(things: &Value) -> BTreeSet<&str> {
    let things = things.as_array().unwrap().iter();
    things.map(|thing| thing["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_kind_that_is_left_is_named_and_the_commands_remove_it_all() {
    let env = TestEnv::new();
    assert_eq!(check(&env)["clean"], true);
    OURS.one_of_each(&env).await;
    let found = check(&env);
    assert_eq!(kinds(&found["left"]), BTreeSet::from(KINDS), "{found:#}");
    assert_eq!(found["look_alikes"], Value::Array(vec![]));
    assert!(found.get("removed").is_none());
    for thing in found["left"].as_array().unwrap() {
        assert!(thing["cost"].as_str().is_some_and(|cost| !cost.is_empty()));
        assert!(thing["why"].as_str().is_some_and(|why| !why.is_empty()));
    }
    let volume = &found["left"].as_array().unwrap().iter();
    let volume = volume.clone().find(|thing| thing["kind"] == "volume");
    assert_eq!(volume.unwrap()["usd_per_month"], 8.0);
    assert!(found["usd_per_month"].as_f64().unwrap() > 8.0 + 32.85 + 16.43);
    let words = env.fail(1, &["teardown", "--check", "--deployment", "mine"]);
    assert!(words.contains("are left"), "{words}");

    type_them_all(&env, &found["left"]);
    let after = check(&env);
    assert_eq!(after["left"], Value::Array(vec![]), "{after:#}");
    env.succeed(&["teardown", "--check", "--deployment", "mine"]);
}

/// Types every command that was printed, in the order in which it was; hpcapi's own last.
fn type_them_all(env: &TestEnv, left: &Value) {
    let commands = left.as_array().unwrap().iter();
    let commands = commands.filter_map(|thing| thing["remove"].as_str());
    let (own, others): (Vec<_>, Vec<_>) =
        commands.partition(|command| command.contains("hpcapi teardown"));
    let own = own[0].replace(" teardown", " teardown --yes");
    for command in others.into_iter().chain([own.as_str()]) {
        let output = env.type_command(command);
        assert!(
            output.status.success(),
            "{command}\n{}",
            text(&output.stderr)
        );
    }
}

#[tokio::test]
async fn what_is_only_named_alike_is_named_and_not_touched() {
    let env = TestEnv::new();
    ALIKE.one_of_each(&env).await;
    let before = check(&env);
    assert_eq!(before["clean"], true, "{before:#}");
    let mut listed = BTreeSet::from(KINDS);
    listed.retain(|kind| !TAGGED.contains(kind));
    assert_eq!(kinds(&before["look_alikes"]), listed, "{before:#}");
    for thing in before["look_alikes"].as_array().unwrap() {
        assert_eq!(thing["remove"], Value::Null);
    }
    let torn = env.json(&[
        "teardown",
        "--yes",
        "--deployment",
        "mine",
        "--output",
        "json",
    ]);
    assert_eq!(torn["clean"], true);
    let after = check(&env);
    assert_eq!(ids(&after["look_alikes"]), ids(&before["look_alikes"]));

    // Beside the deployment's own.
    OURS.one_of_each(&env).await;
    env.run(&["teardown", "--yes", "--deployment", "mine"]);
    let beside = check(&env);
    assert_eq!(ids(&beside["look_alikes"]), ids(&before["look_alikes"]));
    assert!(ids(&beside["left"]).is_disjoint(&ids(&beside["look_alikes"])));
}
