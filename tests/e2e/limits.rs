//! A deployment with a limit: when its time is over, or no job has run for so long, AWS puts it to rest, while
//! nothing of hpcapi runs.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::environment::TestEnv;
use crate::resting::{AT_REST, AT_WORK, paid, run_job};

/// How long AWS has for it: the minute until the time is over, and what the rest takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long AWS has for it when no job has run for a minute: the head node may be two minutes late to tell of
/// one.
const PATIENCE_WITHOUT_JOB: Duration = Duration::from_secs(480);

const STACK: &str = "hpc-serverless-job-mgmt-limits";

fn status(env: &TestEnv) -> Value {
    let output = env.run(&["status", "--output", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns when the time is over, as `status` says it.
fn until(env: &TestEnv) -> Timestamp {
    let status = status(env);
    status["until"].as_str().unwrap().parse().unwrap()
}

fn step<'s>(status: &'s Value, name: &str) -> &'s str {
    let mut steps = status["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["step"] == name).unwrap();
    step["state"].as_str().unwrap()
}

#[tokio::test]
async fn aws_puts_to_rest_what_has_had_its_time_and_resume_brings_it_back() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--ttl", "1h", "--output", "json"]);
    assert_eq!(up["until"], until(&env).to_string());
    assert_eq!(up["idle_seconds"], Value::Null);
    let old = run_job(&env).await;
    assert_eq!(paid(&env).await, AT_WORK);

    env.succeed(&["up", "--yes", "--ttl", "1m"]);
    rests_within(&env, PATIENCE).await;

    let endpoint = up["endpoint"].as_str().unwrap();
    let answer = reqwest::get(format!("{endpoint}/openapi")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    let words = env.fail(3, &["status"]);
    assert!(words.contains("hpcapi resume"), "{words}");
    let seen = status(&env);
    assert_eq!(seen["resting"], true);
    assert_eq!(step(&seen, "limits"), "resting");
    let words = env.fail(3, &["extend", "1h"]);
    assert!(words.contains("nothing to extend"), "{words}");
    assert!(words.contains("hpcapi resume"), "{words}");

    let resumed = env.json(&["resume", "--output", "json"]);
    assert_eq!(resumed["endpoint"], up["endpoint"]);
    assert_eq!(resumed["head_node"], up["head_node"]);
    assert_eq!(resumed["changed"], true);
    // The same time has begun anew: a minute, which is over soon.
    assert!(until(&env).as_second() > Timestamp::now().as_second() - 120);
    env.succeed(&["up", "--yes", "--ttl", "1h"]);
    assert_eq!(paid(&env).await, AT_WORK);
    // The compute fleet runs, too.
    let new = run_job(&env).await;
    for id in [&old, &new] {
        let shown = env.succeed(&["jobs", "show", id]);
        assert!(shown.contains("COMPLETED"), "{shown}");
    }
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Waits until the deployment rests, while nothing of hpcapi runs.
async fn rests_within(env: &TestEnv, patience: Duration) {
    let begun = Instant::now();
    while paid(env).await != AT_REST {
        assert!(begun.elapsed() < patience, "{:?}", paid(env).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    settled(env).await;
}

/// Waits until CloudFormation has ended what the function has begun.
async fn settled(env: &TestEnv) {
    let client = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let begun = Instant::now();
    loop {
        let stacks = client.describe_stacks().send().await.unwrap();
        let statuses = stacks.stacks().iter().filter_map(|it| it.stack_status());
        let statuses: Vec<_> = statuses.map(|it| it.as_str().to_owned()).collect();
        if statuses.iter().all(|it| it.ends_with("_COMPLETE")) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{statuses:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_end_moves_by_what_is_typed_and_the_limit_goes() {
    let env = TestEnv::new();
    for bad in ["30s", "8", "soon", "400days"] {
        let words = env.fail(2, &["up", "--yes", "--ttl", bad]);
        assert!(words.contains(bad), "{words}");
    }
    env.assert_empty().await;
    env.fail(3, &["extend", "4h"]);

    env.succeed(&["up", "--yes"]);
    let seen = status(&env);
    assert_eq!(
        (seen["until"].clone(), step(&seen, "limits")),
        (Value::Null, "off")
    );
    let words = env.fail(3, &["extend", "4h"]);
    assert!(words.contains("without a time limit"), "{words}");
    assert!(words.contains("up --ttl 8h"), "{words}");

    let begun = Timestamp::now().as_second();
    env.succeed(&["up", "--yes", "--ttl", "8h"]);
    let first = until(&env);
    let hours = 8 * 3600;
    assert!((begun + hours..begun + hours + 600).contains(&first.as_second()));
    let shown = env.succeed(&["status"]);
    assert!(shown.contains("from now; then it rests"), "{shown}");
    assert!(shown.contains(&first.to_string()), "{shown}");

    let answer = env.json(&["extend", "4h", "--output", "json"]);
    let second = until(&env);
    assert_eq!(answer["until"], second.to_string());
    assert_eq!(second.as_second() - first.as_second(), 4 * 3600);
    let words = env.fail(2, &["extend", "366days"]);
    assert!(words.contains("too far away"), "{words}");
    // One that names no time leaves the end where it is.
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false);
    assert_eq!(until(&env), second);

    env.succeed(&["up", "--yes", "--ttl", "off"]);
    let seen = status(&env);
    assert_eq!(
        (seen["until"].clone(), step(&seen, "limits")),
        (Value::Null, "off")
    );
    let client = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let gone = client.describe_stacks().stack_name(STACK).send().await;
    assert!(gone.is_err());

    env.succeed(&["up", "--yes", "--ttl", "8h"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn aws_puts_to_rest_what_has_had_no_job_for_so_long_and_resume_brings_it_back() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--idle", "1m", "--output", "json"]);
    assert_eq!(
        (&up["until"], &up["idle_seconds"]),
        (&Value::Null, &60.into())
    );
    let shown = env.succeed(&["status"]);
    let told = "idle:     it rests when no job has run or waited for 1 min";
    assert!(shown.contains(told), "{shown}");

    // Longer than the limit and what the head node may be late: a job keeps it awake.
    let script = env.file("long.sh", "#!/bin/bash\nsleep 210\n");
    let job = env.json(&["jobs", "submit", &script, "--output", "json"]);
    let old = job["jobs"][0]["id"].to_string();
    // One that is held does not.
    let held = env.json(&["jobs", "submit", "--hold", &script, "--output", "json"]);
    let held = held["jobs"][0]["id"].to_string();
    env.succeed(&["jobs", "wait", &old]);
    assert_eq!(paid(&env).await, AT_WORK);
    rests_within(&env, PATIENCE_WITHOUT_JOB).await;

    let words = env.fail(3, &["status"]);
    assert!(words.contains("hpcapi resume"), "{words}");
    let seen = status(&env);
    assert_eq!(seen["resting"], true);
    assert_eq!(seen["idle_seconds"], 60);
    assert_eq!(step(&seen, "limits"), "ready");
    let resumed = env.json(&["resume", "--output", "json"]);
    assert_eq!(resumed["endpoint"], up["endpoint"]);
    assert_eq!(resumed["idle_seconds"], 60);
    env.succeed(&["up", "--yes", "--idle", "2h"]);
    assert_eq!(paid(&env).await, AT_WORK);
    for (id, state) in [(&old, "COMPLETED"), (&held, "PENDING")] {
        let shown = env.succeed(&["jobs", "show", id]);
        assert!(shown.contains(state), "{shown}");
    }
    env.succeed(&["jobs", "cancel", &held]);
    run_job(&env).await;
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn each_limit_comes_and_goes_without_the_other() {
    let env = TestEnv::new();
    for bad in ["30s", "2", "never"] {
        let words = env.fail(2, &["up", "--yes", "--idle", bad]);
        assert!(words.contains(bad), "{words}");
    }
    env.assert_empty().await;

    env.succeed(&["up", "--yes", "--idle", "2h"]);
    let words = env.fail(3, &["extend", "4h"]);
    assert!(words.contains("without a time limit"), "{words}");
    let limits = |env: &TestEnv| {
        let seen = status(env);
        let limits = step(&seen, "limits").to_owned();
        (
            seen["until"].is_string(),
            seen["idle_seconds"].clone(),
            limits,
        )
    };
    let ready = || "ready".to_owned();
    assert_eq!(limits(&env), (false, 7200.into(), ready()));

    env.succeed(&["up", "--yes", "--ttl", "8h"]);
    assert_eq!(limits(&env), (true, 7200.into(), ready()));
    let first = until(&env);
    env.succeed(&["extend", "1h"]);
    assert_eq!(until(&env).as_second() - first.as_second(), 3600);
    env.succeed(&["up", "--yes", "--idle", "1day"]);
    assert_eq!(until(&env).as_second() - first.as_second(), 3600);
    assert_eq!(limits(&env), (true, 86_400.into(), ready()));
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false);

    env.succeed(&["up", "--yes", "--ttl", "off"]);
    assert_eq!(limits(&env), (false, 86_400.into(), ready()));
    env.succeed(&["up", "--yes", "--idle", "off"]);
    assert_eq!(limits(&env), (false, Value::Null, "off".to_owned()));
    let client = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let gone = client.describe_stacks().stack_name(STACK).send().await;
    assert!(gone.is_err());
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
