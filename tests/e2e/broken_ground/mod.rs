//! Ground that no deployment can be made on: `doctor` names what is wrong and what to do about
//! it, `up` refuses with the same words and makes nothing, and what they say to do mends it.

mod breaks;
mod cases;
mod ground;

use serde_json::{Value, json};

use breaks::Break;
use cases::{Case, Mend};
use ground::Ground;

use crate::environment::text;

#[tokio::test]
async fn names_that_are_taken_or_missing_are_told() {
    every_case_is_told_and_mended(cases::NAMES).await;
}

#[tokio::test]
async fn an_account_without_room_is_told_what_to_ask_for() {
    every_case_is_told_and_mended(cases::ROOM).await;
}

#[tokio::test]
async fn a_machine_that_lacks_something_is_told_what() {
    every_case_is_told_and_mended(cases::MACHINE).await;
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_told_why() {
    every_case_is_told_and_mended(cases::CONFIGURATION).await;
}

#[tokio::test]
async fn who_is_not_let_in_or_may_not_is_told_so() {
    every_case_is_told_and_mended(cases::ACCOUNT).await;
}

/// Whoever mends one thing after the other waits for each of them.
#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let mut ground = Ground::new();
    for broken in [
        Break::VpcsFull,
        Break::KeyPairMissing,
        Break::NoNode,
        Break::HeadNodeTooSmall,
    ] {
        broken.make(&mut ground).await;
    }
    let diagnosis = doctor(&ground);
    let words = text(&ground.hpcapi(&["up", "--yes"]).stderr);
    for subject in ["quotas", "key pair", "Node.js", "head node memory"] {
        let is_told = |one: &&Value| one["subject"] == subject && one["verdict"] == "problem";
        let found = findings(&diagnosis).find(is_told);
        let found = found.unwrap_or_else(|| panic!("no {subject} in {diagnosis}"));
        let said = found["text"].as_str().unwrap();
        assert!(words.contains(said), "{said} is not in\n{words}");
    }
    assert!(words.contains("4 things keep `up` from it"), "{words}");
}

/// A policy that allows all else does not make a failure of it.
#[tokio::test]
async fn who_may_not_simulate_is_not_kept_from_it() {
    let mut ground = Ground::new();
    Break::MayNotSimulate.make(&mut ground).await;
    let diagnosis = doctor(&ground);
    let is_it = |one: &&Value| one["subject"] == "permissions";
    let found = findings(&diagnosis).find(is_it).unwrap();
    assert_eq!(found["verdict"], "unknown", "{diagnosis}");
    assert!(found["cause"].as_str().unwrap().contains("AccessDenied"));
    assert_eq!(diagnosis["well"], true, "{diagnosis}");
}

/// What decides about other circumstances than those of `up` refuses nothing.
#[tokio::test]
async fn a_deny_of_other_regions_and_of_other_addresses_refuses_nothing() {
    let everything = json!({"Effect": "Allow", "Resource": "*", "Action": "*"});
    let elsewhere = json!({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}});
    let unless_here = json!({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}});
    for (condition, verdict, cause) in [
        (elsewhere, "ok", ""),
        (unless_here, "unknown", "policies look at aws:SourceIp"),
    ] {
        let mut ground = Ground::new();
        let deny = json!(
            {"Effect": "Deny", "Resource": "*", "NotAction": "iam:*", "Condition": condition}
        );
        ground.take_role(json!([everything, deny])).await;
        let diagnosis = doctor(&ground);
        let is_it = |one: &&Value| one["subject"] == "permissions";
        let found = findings(&diagnosis).find(is_it).unwrap();
        assert_eq!(found["verdict"], verdict, "{diagnosis}");
        let told = found["cause"].as_str().unwrap_or_default();
        assert!(told.contains(cause), "{diagnosis}");
        assert_eq!(diagnosis["well"], true, "{diagnosis}");
    }
}

async fn every_case_is_told_and_mended(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(what) = is_told_and_mended(case).await {
            wrong.push(format!("{:?}: {what}", case.broken));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn is_told_and_mended(case: &Case) -> Result<(), String> {
    let mut ground = Ground::new();
    case.broken.make(&mut ground).await;
    let diagnosis = doctor(&ground);
    let is_it = |one: &&Value| {
        one["subject"] == case.subject
            && one["verdict"] == "problem"
            && one["text"].as_str().unwrap().contains(case.words)
    };
    let found = findings(&diagnosis).find(is_it);
    let found = found.ok_or_else(|| format!("not told: {diagnosis}"))?;
    let next: Vec<&str> = found["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|next| next.as_str().unwrap())
        .collect();

    let before = ground.inventory().await;
    let refused = ground.hpcapi(&["up", "--yes"]);
    let words = text(&refused.stderr);
    if refused.status.code() != Some(case.code) || !words.contains(case.words) {
        return Err(format!("`up` ended with {}:\n{words}", refused.status));
    }
    let said = next.iter().find(|next| !words.contains(**next));
    if let Some(next) = said {
        return Err(format!("`up` does not say `{next}`:\n{words}"));
    }
    let after = ground.inventory().await;
    if before != after {
        return Err(format!("`up` changed {before:?} to {after:?}"));
    }

    match case.mend {
        Mend::Typed(count) => {
            for next in next.iter().take(count) {
                let typed = ground.shell(next);
                if !typed.status.success() {
                    return Err(format!("`{next}` failed: {}", text(&typed.stderr)));
                }
            }
        }
        Mend::Done(advice, how) => {
            if !next.iter().any(|next| next.contains(advice)) {
                return Err(format!("no `{advice}` in {next:?}"));
            }
            how(&mut ground);
        }
    }
    let diagnosis = doctor(&ground);
    if diagnosis["well"] != true {
        return Err(format!("still not well: {diagnosis}"));
    }
    Ok(())
}

fn findings(diagnosis: &Value) -> impl Iterator<Item = &Value> {
    diagnosis["findings"].as_array().unwrap().iter()
}

fn doctor(ground: &Ground) -> Value {
    let output = ground.hpcapi(&["doctor", "--output", "json"]);
    let diagnosis: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    assert_eq!(output.status.success(), diagnosis["well"] == true);
    assert_eq!(diagnosis["looked_at"], "preflight");
    diagnosis
}
