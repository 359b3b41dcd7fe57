//! A way that is broken for real: `doctor` names the layer, the cause and a next command, and
//! that command, typed as it is, repairs it.

mod breaks;
mod deployed;
mod stack_states;
mod templates;

pub(super) use templates::settle;

use serde_json::Value;

use breaks::Case;
use deployed::Deployed;

use crate::spread::spread;

/// As many of each table are tried each time.
const DRAWN: usize = 3;

#[tokio::test]
async fn a_controller_that_does_not_work_is_named_and_brought_back() {
    are_named_and_repaired(&spread(breaks::CONTROLLER, DRAWN)).await;
}

#[tokio::test]
async fn a_rest_daemon_that_does_not_work_is_named_and_brought_back() {
    are_named_and_repaired(&spread(breaks::REST_DAEMON, DRAWN)).await;
}

#[tokio::test]
async fn what_would_fail_at_the_next_start_is_named_and_put_back() {
    are_named_and_repaired(&spread(breaks::DRIFT, DRAWN)).await;
}

#[tokio::test]
async fn a_network_that_lets_nobody_through_is_named_and_opened() {
    are_named_and_repaired(&spread(breaks::NETWORK, DRAWN)).await;
}

#[tokio::test]
async fn parts_of_the_api_that_are_gone_are_named_and_made_again() {
    are_named_and_repaired(&spread(breaks::API_STACK, DRAWN)).await;
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_named_and_made_again() {
    are_named_and_repaired(&spread(breaks::CLUSTER, DRAWN)).await;
}

#[tokio::test]
#[ignore = "takes minutes; some rows are tried each time"]
async fn every_break_of_the_daemons() {
    let rows = breaks::CONTROLLER.iter().chain(breaks::REST_DAEMON);
    let rows = rows.chain(breaks::DRIFT);
    are_named_and_repaired(&rows.collect::<Vec<_>>()).await;
}

#[tokio::test]
#[ignore = "takes minutes; some rows are tried each time"]
async fn every_break_of_the_network_and_the_api() {
    let rows = breaks::NETWORK.iter().chain(breaks::API_STACK);
    are_named_and_repaired(&rows.collect::<Vec<_>>()).await;
}

async fn are_named_and_repaired(cases: &[&Case]) {
    let deployed = Deployed::up().await;
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(what) = is_named_and_repaired(&deployed, case).await {
            wrong.push(format!("{:?}: {what}", case.0));
            // What stands is not known any more: begin the next from a whole deployment.
            deployed.env.run(&["up", "--yes"]);
        }
    }
    deployed.env.succeed(&["teardown", "--yes"]);
    deployed.env.assert_empty().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn is_named_and_repaired(
    deployed: &Deployed,
    (broken, layer, words): &Case,
) -> Result<(), String> {
    let url = endpoint(deployed);
    broken.make(deployed).await;
    let diagnosis = doctor(deployed);
    let findings = diagnosis["findings"].as_array().unwrap();
    let is_bad = |finding: &&Value| finding["verdict"] != "ok" && finding["verdict"] != "warning";
    let bad: Vec<&Value> = findings.iter().filter(is_bad).collect();
    let [bad] = bad.as_slice() else {
        return Err(format!("not one finding: {diagnosis}"));
    };
    if bad["subject"] != *layer || !bad["text"].as_str().unwrap().contains(words) {
        return Err(format!("another finding: {bad}"));
    }
    for next in bad["next"].as_array().unwrap() {
        let next = next.as_str().unwrap();
        let typed = deployed.env.at_terminal(next, "y\n");
        if !typed.status.success() {
            let words = String::from_utf8_lossy(&typed.stdout).into_owned();
            return Err(format!("`{next}` failed: {words}"));
        }
    }
    let diagnosis = doctor(deployed);
    if diagnosis["well"] != true {
        return Err(format!("still broken: {diagnosis}"));
    }
    if endpoint(deployed) != url && !broken.costs_the_url() {
        return Err("the URL is another one".to_owned());
    }
    Ok(())
}

fn endpoint(deployed: &Deployed) -> Value {
    let output = deployed.env.run(&["status", "--output", "json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    status["endpoint"].clone()
}

fn doctor(deployed: &Deployed) -> Value {
    let output = deployed.env.run(&["doctor", "--output", "json"]);
    let diagnosis: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.success(), diagnosis["well"] == true);
    diagnosis
}
