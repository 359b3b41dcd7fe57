//! One JSON for one state, whatever the version.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::cluster::Cluster;

/// What a version does not know, as docs/client.md lists it: version, kind, field.
const UNKNOWN: [(u32, &str, &str); 6] = [
    (36, "jobs", "user"),
    (36, "nodes", "flags"),
    (36, "nodes", "partitions"),
    (36, "nodes", "cpus_allocated"),
    (36, "nodes", "memory_allocated_mb"),
    (36, "partitions", "state"),
];

/// What is not part of the state that the clusters share.
const OWN: [&str; 7] = [
    "submit_time",
    "eligible_time",
    "start_time",
    "end_time",
    "boot_time",
    "marker",
    "priority",
];

/// Where a number is that of a job.
const IDS: [&str; 2] = ["id", "array_job_id"];

/// What one version of one server answers.
pub(crate) struct Answer {
    version: u32,
    kinds: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

/// Brings a cluster into a state, and asks it for it in every version that it serves.
pub(crate) fn every_version(cluster: &Cluster) -> Vec<Answer> {
    // Which node of the other queue is free depends on the other scenarios.
    let submit = |script: &str, name: &str, options: &[&str]| {
        let own = ["--partition", "own", "--name", name];
        cluster.submit(script, &[&own, options].concat())
    };
    // Without a limit of its own, a job has what the scheduler that started it set: none, or a year.
    let good = ["--comment", "a remark", "--time", "30"];
    let good = submit("true", "same-good", &good);
    let bad = submit("exit 3", "same-bad", &["--ntasks", "2", "--time", "30"]);
    cluster.wait(&[&good, &bad]);
    let held = ["--hold", "--mem", "100M", "--time", "90"];
    let held = submit("true", "same-held", &held);
    let after = format!("afterok:{held}");
    let dependent = submit("true", "same-dependent", &["--dependency", &after]);
    let array = submit("true", "same-array", &["--array", "0-3%2", "--hold"]);
    let cancelled = submit("true", "same-cancelled", &["--hold"]);
    cluster.env.succeed(&["jobs", "cancel", &cancelled]);
    let numbers: Vec<&str> = vec![&good, &bad, &held, &dependent, &array, &cancelled];
    let versions = cluster.slurm.versions.iter().copied();
    let answers: Vec<Answer> = versions
        .map(|version| ask(cluster, version, &numbers))
        .collect();
    speak(cluster, cluster.slurm.versions[0]);
    for id in [&held, &dependent, &array] {
        cluster.env.succeed(&["jobs", "cancel", id]);
    }
    answers
}

/// Fails unless all answers are equal but for what a version does not know.
pub(crate) fn are_equal(answers: &[Answer]) {
    let reference = answers.iter().find(|answer| answer.version == 42).unwrap();
    let mut differences = Vec::new();
    for answer in answers {
        for (kind, things) in &answer.kinds {
            let expected = &reference.kinds[kind];
            assert_eq!(
                things.keys().collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>()
            );
            for (name, thing) in things {
                let fields = thing.as_object().unwrap();
                assert_eq!(fields.len(), expected[name].as_object().unwrap().len());
                for (field, value) in fields {
                    let is_known = !UNKNOWN.contains(&(answer.version, *kind, field.as_str()));
                    let is_equal = *value == expected[name][field];
                    if is_equal != is_known && (is_known || is_told(value)) {
                        let version = answer.version;
                        differences.push(format!(
                            "v0.0.{version}: {name}.{field} is {value}, not {}",
                            expected[name][field]
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

fn is_told(value: &Value) -> bool {
    !value.is_null() && *value != json!([])
}

fn ask(cluster: &Cluster, version: u32, numbers: &[&str]) -> Answer {
    speak(cluster, version);
    let jobs = list(cluster, &["jobs", "list"], "jobs");
    let jobs = jobs.into_iter().filter_map(|job| {
        let name = job["name"].as_str()?.to_owned();
        name.starts_with("same-")
            .then_some((name, shared(job, numbers)))
    });
    let nodes = list(cluster, &["nodes"], "nodes").into_iter();
    // The others run jobs of other scenarios.
    let nodes = nodes.filter(|node| node["name"] == "unused-dy-t3micro-1");
    let nodes = nodes.map(|node| (node["name"].to_string(), shared(node, numbers)));
    let partitions = list(cluster, &["partitions"], "partitions").into_iter();
    let partitions = partitions.map(|one| (one["name"].to_string(), shared(one, numbers)));
    Answer {
        version,
        kinds: BTreeMap::from([
            ("jobs", jobs.collect()),
            ("nodes", nodes.collect()),
            ("partitions", partitions.collect()),
        ]),
    }
}

fn list(cluster: &Cluster, command: &[&str], name: &str) -> Vec<Value> {
    let arguments = [command, &["--output", "json"]].concat();
    let mut answer = cluster.env.json(&arguments);
    serde_json::from_value(answer[name].take()).unwrap()
}

/// Returns a thing without times, and with the numbers of its jobs as if they were the same.
fn shared(mut thing: Value, numbers: &[&str]) -> Value {
    let fields = thing.as_object_mut().unwrap();
    for own in OWN {
        if let Some(value) = fields.get_mut(own) {
            *value = json!(!value.is_null());
        }
    }
    for (field, value) in fields.iter_mut() {
        let text = match value {
            // An exit code may be the number of a job, too.
            Value::Number(number) if IDS.contains(&field.as_str()) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => continue,
        };
        if let Some(at) = numbers.iter().position(|number| text == *number) {
            *value = json!(format!("job {at}"));
        } else if value.is_string() {
            let replaced = numbers.iter().enumerate().fold(text, |text, (at, number)| {
                text.replace(&format!("slurm-{number}"), &format!("slurm-job {at}"))
                    .replace(&format!("afterok:{number}"), &format!("afterok:job {at}"))
            });
            *value = json!(replaced);
        }
    }
    thing
}

/// Lets the client remember this version as the newest that the server speaks.
fn speak(cluster: &Cluster, version: u32) {
    cluster.env.succeed(&["ping"]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut changed = 0;
    for entry in fs::read_dir(cluster.env.runtime_folder())
        .unwrap()
        .flatten()
    {
        let mut memory: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        memory["version"] = json!(version);
        memory["version_seen"] = json!(now);
        fs::write(entry.path(), memory.to_string()).unwrap();
        changed += 1;
    }
    assert!(changed > 0, "the client remembers nothing");
    let spoken = cluster.env.json(&["ping", "--output", "json"])["api_version"].take();
    assert_eq!(spoken, format!("v0.0.{version}"));
}
