//! What has ended and is forgotten by Slurm is still told: every job, with how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::environment::{TestEnv, text};

const CONFIG: &str = include_str!("../../cluster-config.yaml");

/// As many jobs as end in each way: state, exit code and signal.
const ENDS: [(&str, u64, Option<u64>, usize); 6] = [
    ("CANCELLED", 0, None, 10),
    ("COMPLETED", 0, None, 100),
    ("FAILED", 0, Some(9), 10),
    ("FAILED", 3, None, 50),
    // The tasks of an array.
    ("FAILED", 7, None, 20),
    ("TIMEOUT", 0, None, 10),
];

/// How often it is looked whether all have ended and are forgotten.
const LOOKS: usize = 300;

/// Submits all of them as a user, under names and in a folder that are no plain words.
const SUBMIT: &str = r#"#!/bin/bash
cat >/tmp/submit <<'END'
mkdir -p "/tmp/a b
c" && cd "$_" || exit 1
many() { # COUNT OPTION...
    for _ in $(seq "$1"); do sbatch --parsable -o 'out %j' "${@:2}"; done
}
many 1 --time 1 --array 0-9 --wrap 'sleep 1000'
many 100 --comment 'all well' --wrap 'echo done'
many 50 -J $'x\nJobId=1 UserId=root(0) GroupId=root(0) Name=$(id)' --wrap 'exit 3'
many 10 --wrap 'kill -9 $$'
many 1 --array 0-19 --wrap 'exit 7'
scancel $(many 10 --hold --wrap 'true')
END
runuser -u ec2-user -- bash -l /tmp/submit | wc -l"#;

fn jobs(env: &TestEnv, arguments: &[&str]) -> Vec<Value> {
    let list = [&["jobs", "list", "--output", "json"], arguments].concat();
    let mut listed = env.json(&list);
    serde_json::from_value(listed["jobs"].take()).unwrap()
}

/// Returns how many jobs ended in each way.
fn ends(jobs: &[Value]) -> BTreeMap<(String, u64, Option<u64>), usize> {
    let mut ends = BTreeMap::new();
    for job in jobs {
        let end = (
            job["state"].as_str().unwrap().to_owned(),
            job["exit_code"].as_u64().unwrap(),
            job["signal"].as_u64(),
        );
        *ends.entry(end).or_default() += 1;
    }
    ends
}

/// Returns the deployment after all of its jobs have ended and are forgotten, with all that is told
/// of them.
async fn with_forgotten_jobs(suite: &'static str) -> (TestEnv, Vec<Value>) {
    let env = TestEnv::with_suite(suite);
    let setting = "    CustomSlurmSettings:\n";
    let config = CONFIG.replacen(setting, &format!("{setting}      - MinJobAge: 60\n"), 1);
    let config = env.file("mine.yaml", &config);
    env.succeed(&["up", "--yes", "--config", &config]);
    env.on_head_node(SUBMIT).await;
    let expected: BTreeMap<_, _> = ENDS
        .iter()
        .map(|(state, code, signal, count)| (((*state).to_owned(), *code, *signal), *count))
        .collect();
    // slurmctld forgets once a minute.
    let mut all = Vec::new();
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_secs(2)).await;
        all = jobs(&env, &["--all"]);
        if all.len() == 200 && all.iter().all(|job| job["source"] != "slurm") {
            break;
        }
    }
    assert_eq!(all.len(), 200);
    assert_eq!(ends(&all), expected);
    assert_eq!(jobs(&env, &[]), Vec::<Value>::new());
    for job in &all {
        assert_eq!(job["user"], "ec2-user", "{job}");
        assert_eq!(job["directory"], "/tmp/a b\nc", "{job}");
        assert_eq!(job["partition"], "queue1", "{job}");
    }
    (env, all)
}

async fn every_ended_job_is_told(suite: &'static str) {
    let (env, all) = with_forgotten_jobs(suite).await;
    they_are_found_and_chosen(&env, &all);
    what_they_used_is_reported(&env, &all);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// The bucket with the job memory stays when the deployment goes, and a new one takes it up.
async fn they_outlive_the_deployment(env: &TestEnv, all: &[Value]) {
    env.succeed(&["teardown", "--yes", "--keep-bucket"]);
    let check = env.json(&["teardown", "--check", "--output", "json"]);
    let kept = check["kept"].as_array().unwrap().iter();
    let kept: Vec<_> = kept
        .filter(|one| one["why"].to_string().contains("--bucket"))
        .collect();
    assert_eq!(kept.len(), 1, "{check}");
    let bucket = kept[0]["name"].as_str().unwrap();
    for (bad, why) in [
        ("No_Bucket", "is no name of a bucket"),
        ("hpc-serverless-nobodys", "there is none of this name"),
    ] {
        let words = env.fail(2, &["up", "--yes", "--bucket", bad]);
        assert!(words.contains(why), "{words}");
    }
    env.succeed(&["teardown", "--yes"]);
    env.succeed(&["up", "--yes", "--bucket", bucket]);
    let words = env.fail(2, &["up", "--yes", "--bucket", "another-one"]);
    assert!(words.contains("has a bucket already"), "{words}");
    env.succeed(&["up", "--yes"]);
    assert_eq!(ends(&jobs(env, &["--all"])), ends(all));
    env.json(&[
        "jobs",
        "show",
        &all[0]["id"].to_string(),
        "--output",
        "json",
    ]);
}

/// Every command that takes a job takes a forgotten one.
fn they_are_found_and_chosen(env: &TestEnv, all: &[Value]) {
    let failed = jobs(env, &["--all", "--state", "FAILED", "--limit", "30"]);
    assert_eq!(failed.len(), 30);
    assert_eq!(jobs(env, &["--all", "--until", "1h"]), Vec::<Value>::new());
    assert_eq!(jobs(env, &["--all", "--since", "1h"]).len(), 200);
    let table = env.succeed(&["jobs", "list", "--all"]);
    assert_eq!(table.lines().count(), 201, "{table}");
    let csv = env.succeed(&["jobs", "list", "--all", "--output", "csv", "--limit", "9"]);
    assert!(csv.starts_with("id,array_job_id,"), "{csv}");

    // Slurm knew where their output goes when they were noted.
    let of = |state: &str, code: u64| {
        let is_it = |job: &&Value| job["state"] == state && job["exit_code"] == code;
        let mut found = all.iter().filter(is_it);
        found.find(|job| !job["stdout"].is_null()).unwrap()
    };
    let id = |job: &Value| job["id"].to_string();
    let well = of("COMPLETED", 0);
    let shown = env.json(&["jobs", "show", &id(well), "--output", "json"]);
    assert_eq!(shown["jobs"][0], *well);
    assert_eq!(well["comment"], "all well");
    assert_eq!(env.succeed(&["jobs", "logs", &id(well)]), "done\n");
    env.succeed(&["jobs", "wait", &id(well)]);
    let bad = of("FAILED", 3);
    let name = bad["name"].as_str().unwrap();
    assert_eq!(name, "x\nJobId=1 UserId=root(0) GroupId=root(0) Name=$(id)");
    assert_eq!(env.run(&["jobs", "wait", &id(bad)]).status.code(), Some(3));
    let task = of("FAILED", 7);
    let array = task["array_job_id"].to_string();
    let waited = env.run(&["jobs", "wait", &array, "--output", "json"]);
    assert_eq!(waited.status.code(), Some(7), "{}", text(&waited.stderr));
    let waited: Value = serde_json::from_slice(&waited.stdout).unwrap();
    assert_eq!(waited["jobs"].as_array().unwrap().len(), 20);
    let words = env.fail(1, &["jobs", "show", "4000000"]);
    assert!(words.contains("Slurm knows no job 4000000"), "{words}");
}

/// The report counts what the jobs say of themselves.
fn what_they_used_is_reported(env: &TestEnv, all: &[Value]) {
    let moment = |value: &Value| {
        let time = humantime::parse_rfc3339(value.as_str()?).ok()?;
        Some(
            time.duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
    };
    let core_seconds: Vec<u64> = all
        .iter()
        .filter_map(|job| {
            let ran = moment(&job["end_time"])? - moment(&job["start_time"])?;
            Some(ran * job["cpus"].as_u64().unwrap())
        })
        .collect();
    let priced = ["--price", "queue1=3600", "--output", "json"];
    let told = env.json(&[&["jobs", "usage"], &priced[..]].concat());
    let line = &told["usage"][0];
    assert_eq!(
        (&line["user"], &line["partition"]),
        (&"ec2-user".into(), &"queue1".into())
    );
    assert_eq!(line["jobs"], core_seconds.len());
    let sum: f64 = core_seconds.iter().map(|seconds| *seconds as f64).sum();
    let close = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 0.001;
    assert!(close(&line["core_hours"], sum / 3600.0), "{told} {sum}");
    assert!(close(&told["total"]["cost_usd"], sum), "{told} {sum}");
    let none = env.json(&["jobs", "usage", "--until", "1h", "--output", "json"]);
    assert_eq!(none["total"]["jobs"], 0);
    let unpriced = env.run(&["jobs", "usage", "--by", "day,qos"]);
    assert!(
        text(&unpriced.stderr).contains("not known of queue1"),
        "{unpriced:?}"
    );
    assert!(text(&unpriced.stdout).starts_with("QOS"), "{unpriced:?}");
}

#[tokio::test]
async fn every_ended_job_is_told_of_slurm_22_05() {
    every_ended_job_is_told("bookworm").await;
}

#[tokio::test]
async fn every_ended_job_is_told_of_slurm_24_11_and_outlives_its_deployment() {
    let (env, all) = with_forgotten_jobs("trixie").await;
    they_are_found_and_chosen(&env, &all);
    what_they_used_is_reported(&env, &all);
    they_outlive_the_deployment(&env, &all).await;
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn every_ended_job_is_told_of_slurm_26_05() {
    every_ended_job_is_told("forky").await;
}
