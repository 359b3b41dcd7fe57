//! Objects that come into the bucket become jobs: each one, once, whatever is down meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_s3::Client as S3;
use serde_json::Value;

use crate::environment::{TestEnv, text};

/// Copies its input, and says what it was told of it.
const SCRIPT: &str = r#"#!/bin/bash
#SBATCH --job-name=taken
mkdir results
cp "$HPCAPI_EVENT_FILE" results/copy
printf '%s\n' "$HPCAPI_TRIGGER" "$HPCAPI_EVENT_KEY" "$1"
"#;

/// Keys that are no plain words, below inbox/.
const KEYS: [&str; 8] = [
    "plain.csv",
    "a b/c'd\"e.csv",
    "$(touch /tmp/owned).csv",
    "; touch /tmp/owned;.csv",
    "line\nbreak.csv",
    "{{ssm:parameter}}.csv",
    "%2e%2e/+.csv",
    "ä/日本.csv",
];

/// How many objects come while something is down.
const OBJECTS: usize = 12;

/// How often it is looked whether all has come, a second apart: what fails is tried again six minutes
/// later (`VisibilityTimeout` of the queue), and may fail once more.
const LOOKS: usize = 1500;

/// The deployment's.
pub(crate) struct Bucket {
    pub(crate) s3: S3,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) async fn of(env: &TestEnv, made: &Value) -> Bucket {
        let config = aws_sdk_s3::config::Builder::from(&env.aws().await);
        Bucket {
            s3: S3::from_conf(config.force_path_style(true).build()),
            name: made["bucket"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) async fn put(&self, key: &str, body: &str) {
        let put = self.s3.put_object().bucket(&self.name).key(key);
        let body = body.as_bytes().to_vec();
        put.body(body.into()).send().await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let got = self.s3.get_object().bucket(&self.name).key(key).send();
        let body = got.await.ok()?.body.collect().await.unwrap();
        Some(text(&body.into_bytes()))
    }

    pub(crate) async fn keys(&self, prefix: &str) -> BTreeSet<String> {
        let list = self.s3.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            keys.extend(page.contents().iter().filter_map(|it| it.key.clone()));
        }
        keys
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("this never came: {what}");
}

pub(crate) fn events(env: &TestEnv, trigger: &str) -> Vec<Value> {
    let mut told = env.json(&["trigger", "logs", trigger, "--output", "json"]);
    serde_json::from_value(told["events"].take()).unwrap()
}

pub(crate) fn marked(env: &TestEnv) -> BTreeMap<String, usize> {
    let jobs = env.json(&["jobs", "list", "--all", "--output", "json"]);
    let mut count = BTreeMap::new();
    for job in jobs["jobs"].as_array().unwrap() {
        if let Some(marker) = job["marker"].as_str() {
            *count.entry(marker.to_owned()).or_default() += 1;
        }
    }
    count
}

/// Returns how many of the jobs ran at the same time, to the second.
fn most_at_once(jobs: &[Value]) -> usize {
    let time = |job: &Value, name: &str| job[name].as_str().unwrap_or_default().to_owned();
    let spans = jobs
        .iter()
        .map(|job| (time(job, "start_time"), time(job, "end_time")));
    let spans: Vec<_> = spans.collect();
    let running = |moment: &String| {
        let runs = |(start, end): &&(String, String)| start <= moment && moment < end;
        spans.iter().filter(runs).count()
    };
    spans
        .iter()
        .map(|(start, _)| running(start))
        .max()
        .unwrap_or(0)
}

#[tokio::test]
async fn each_object_becomes_one_job() {
    let env = TestEnv::new();
    let made = env.json(&["up", "--yes", "--output", "json"]);
    let bucket = Bucket::of(&env, &made).await;
    bucket.put("inbox/before.csv", "not new").await;
    let script = env.file("job.sh", SCRIPT);
    let add = [
        "trigger", "add", "reads", &script, "--prefix", "inbox/", "--suffix", ".csv",
    ];
    let rest = ["--out", "results/**", "--", "an argument; $(id)"];
    env.succeed(&[&add[..], &rest].concat());
    let words = env.fail(2, &add);
    assert!(words.contains("hpcapi trigger remove reads"), "{words}");

    for key in KEYS {
        bucket.put(&format!("inbox/{key}"), key).await;
    }
    bucket.put("inbox/other.txt", "not wanted").await;
    for key in KEYS {
        let outbox = format!("outbox/reads/inbox/{key}/");
        let mut manifest = None;
        until(key, async || {
            manifest = bucket.get(&format!("{outbox}manifest.json")).await;
            manifest.is_some()
        })
        .await;
        let manifest: Value = serde_json::from_str(&manifest.unwrap()).unwrap();
        assert_eq!(manifest["exit_code"], 0, "{manifest}");
        assert_eq!(manifest["event"]["key"], format!("inbox/{key}"));
        let copy = bucket.get(&format!("{outbox}results/copy")).await;
        assert_eq!(copy.as_deref(), Some(key), "{manifest}");
        // It is sent in pieces, here in one.
        let pieces = manifest["log"]["stdout"].as_str().unwrap();
        let log = bucket.get(&format!("{pieces}000000")).await;
        let expected = format!("reads\ninbox/{key}\nan argument; $(id)\n");
        assert_eq!(log.as_deref(), Some(expected.as_str()));
    }
    // A new version is a new event; what was written into the outbox is none.
    bucket.put("inbox/plain.csv", "again").await;
    until("the second version", async || {
        events(&env, "reads").len() == KEYS.len() + 1 && marked(&env).len() == KEYS.len() + 1
    })
    .await;
    assert!(
        marked(&env).values().all(|count| *count == 1),
        "{:?}",
        marked(&env)
    );
    assert!(!env.on_head_node("ls /tmp").await.contains("owned"));

    env.succeed(&["trigger", "pause", "reads"]);
    let told = env.succeed(&["trigger", "test", "inbox/new.csv"]);
    assert!(told.contains("is paused"), "{told}");
    let told = env.succeed(&["trigger", "test", "inbox/plain.csv"]);
    assert!(told.contains("job "), "{told}");
    env.succeed(&["trigger", "resume", "reads"]);
    let words = env.fail(2, &["up", "--yes", "--operations=off"]);
    assert!(words.contains("hpcapi trigger remove reads"), "{words}");
    env.succeed(&["trigger", "remove", "reads"]);
    env.succeed(&["up", "--yes", "--operations=off"]);
    let status = env.json(&["status", "--output", "json"]);
    assert!(status.to_string().contains(r#""state":"off""#), "{status}");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Slurm down and started anew, few jobs at once, and jobs that Slurm refuses.
#[tokio::test]
async fn nothing_is_lost_while_something_is_down() {
    let env = TestEnv::new();
    let made = env.json(&["up", "--yes", "--output", "json"]);
    let bucket = Bucket::of(&env, &made).await;
    let script = env.file("job.sh", SCRIPT);
    let add = [
        "trigger",
        "add",
        "reads",
        &script,
        "--prefix",
        "inbox/",
        "--out",
        "results/**",
    ];
    env.succeed(&[&add[..], &["--at-most", "3"]].concat());
    env.on_head_node("systemctl stop slurmctld").await;
    for number in 0..OBJECTS {
        bucket.put(&format!("inbox/{number}"), "x").await;
        match number {
            4 => drop(env.on_head_node("systemctl start slurmctld").await),
            8 => drop(env.on_head_node("systemctl restart slurmctld").await),
            _ => {}
        }
    }
    let mut manifests = BTreeSet::new();
    until("all manifests", async || {
        manifests = bucket.keys("outbox/reads/").await;
        manifests.retain(|key| key.ends_with("/manifest.json"));
        manifests.len() == OBJECTS
    })
    .await;
    let marked = marked(&env);
    assert_eq!(marked.len(), OBJECTS, "{marked:?}");
    assert!(marked.values().all(|count| *count == 1), "{marked:?}");
    let jobs = env.json(&["jobs", "list", "--all", "--output", "json"]);
    assert!(
        most_at_once(jobs["jobs"].as_array().unwrap()) <= 3,
        "{jobs}"
    );

    // What Slurm refuses for good is told, and tried again when asked for.
    let nowhere = [
        "trigger",
        "add",
        "nowhere",
        &script,
        "--prefix",
        "other/",
        "--partition",
        "nowhere",
    ];
    env.succeed(&nowhere);
    bucket.put("other/a", "x").await;
    until("a refusal", async || {
        events(&env, "nowhere")
            .iter()
            .any(|event| event["state"] == "refused")
    })
    .await;
    let told = env.succeed(&["trigger", "logs", "nowhere"]);
    assert!(
        told.contains("REFUSED") && told.contains("partition"),
        "{told}"
    );
    let told = text(&env.run(&["doctor"]).stdout);
    assert!(told.contains("hpcapi trigger logs nowhere"), "{told}");
    let partition = "/opt/slurm/bin/scontrol create PartitionName=nowhere Nodes=ALL";
    env.on_head_node(partition).await;
    env.succeed(&["trigger", "retry", "nowhere", "other/a"]);
    until("a job of it", async || {
        let all = events(&env, "nowhere");
        all.iter().any(|event| event["state"] == "submitted")
    })
    .await;

    // A bucket that is kept keeps its triggers, and whoever takes it up has them work again.
    env.succeed(&["teardown", "--yes", "--keep-bucket"]);
    env.succeed(&["up", "--yes", "--bucket", &bucket.name]);
    let status = env.json(&["status", "--output", "json"]);
    for step in status["steps"].as_array().unwrap() {
        let is_one = ["operations", "triggers"].contains(&step["step"].as_str().unwrap());
        assert!(!is_one || step["state"] == "ready", "{status}");
    }
    env.succeed(&["trigger", "test", "other/b"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
