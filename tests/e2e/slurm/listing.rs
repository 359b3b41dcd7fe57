//! `ping`, `partitions`, `nodes`, `jobs list`, `api`.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;

pub(crate) fn the_cluster_is_shown(cluster: &Cluster) {
    let env = &cluster.env;
    let ping = env.json(&["ping", "--output", "json"]);
    assert_eq!(ping["controllers"][0]["is_up"], true, "{ping}");
    assert_eq!(ping["user"], "ec2-user");
    assert!(
        ping["slurm_version"]
            .as_str()
            .unwrap()
            .contains(cluster.slurm.release),
        "{ping}"
    );
    assert_eq!(
        ping["api_version"],
        format!("v0.0.{}", cluster.slurm.versions[0])
    );

    let partitions = env.json(&["partitions", "--output", "json"]);
    assert_eq!(partitions["partitions"][0]["name"], "queue1");
    assert_eq!(partitions["partitions"][0]["state"], "UP");
    let nodes = env.json(&["nodes", "--partition", "queue1", "--output", "json"]);
    assert_eq!(nodes["nodes"].as_array().unwrap().len(), 10);
    for list in [["nodes"].as_slice(), &["jobs", "list"]] {
        let words = env.fail(1, &[list, &["--partition", "other"]].concat());
        assert!(words.contains("there are queue1, own"), "{words}");
    }
    let table = env.succeed(&["nodes"]);
    assert!(table.contains("queue1-dy-t3micro-["), "{table}");
    for (arguments, part) in [
        (["ping"], "pings"),
        (["partitions"], "partitions"),
        (["nodes"], "nodes"),
    ] {
        let raw = env.succeed(&[arguments.as_slice(), &["--output", "raw"]].concat());
        let raw: Value = serde_json::from_str(&raw).unwrap();
        assert!(raw[part].is_array() && raw["meta"].is_object(), "{raw}");
    }
    let unknown = env.fail(1, &["jobs", "show", "999999"]);
    assert!(unknown.contains("MinJobAge"), "{unknown}");
    assert!(unknown.contains("5 minutes"), "{unknown}");
}

pub(crate) fn anything_can_be_asked(cluster: &Cluster) {
    let env = &cluster.env;
    let diag = env.json(&["api", "GET", "/slurm/{version}/diag"]);
    assert!(diag["statistics"].is_object(), "{diag}");
    let file = env.file("posted.sh", "#!/bin/bash\ntrue\n");
    let printed = env.succeed(&["jobs", "submit", &file, "--curl"]);
    let body = printed.split_once("--data-binary '").unwrap().1;
    let body = env.file("body.json", body.split_once("' 'http").unwrap().0);
    let posted = env.json(&["api", "POST", "job/submit", "--data", &format!("@{body}")]);
    let id = posted["job_id"].to_string();
    assert_eq!(cluster.wait(&[&id]).0, Some(0), "{posted}");
    let empty = env.file("empty.json", r#"{"job": {}}"#);
    let raw = env.run(&["api", "POST", "job/submit", "--data", &format!("@{empty}")]);
    assert_eq!(raw.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&raw.stdout).unwrap();
    assert!(!said["errors"].as_array().unwrap().is_empty(), "{said}");
    let refused = env.fail(1, &["api", "GET", "no/such/path"]);
    assert!(
        refused.contains("slurmrestd does not serve this path"),
        "{refused}"
    );
}

pub(crate) fn filters_narrow_a_list(cluster: &Cluster) {
    let wide = cluster.submit("true", &["--hold", "--name", "wide"]);
    // Not in the same second.
    sleep(Duration::from_millis(1100));
    let held = cluster.submit("true", &["--hold", "--name", "narrow"]);
    let list = |filter: &[&str]| -> Vec<u64> {
        let jobs = cluster.list(filter).into_iter();
        jobs.map(|job| job["id"].as_u64().unwrap()).collect()
    };
    let id: u64 = held.parse().unwrap();
    let submitted = cluster.show(&held)["submit_time"].take();
    for alone in [
        ["--name", "narrow"].as_slice(),
        &["--name", "narrow", "--state", "PD"],
        &["--name", "narrow", "--user", "root,ec2-user"],
        &["--name", "narrow", "--partition", "queue1"],
        &[
            "--name",
            "narrow,wide",
            "--since",
            submitted.as_str().unwrap(),
        ],
        &["--name", "narrow,wide", "--limit", "1"],
    ] {
        assert_eq!(list(alone), [id], "{alone:?}");
    }
    for more in [
        ["--name", "narrow,wide"],
        ["--user", "ec2-user"],
        ["--partition", "queue1"],
        ["--since", "1h"],
    ] {
        let found = list(&more);
        assert!(
            found.len() > 1 && found.contains(&id),
            "{more:?}: {found:?}"
        );
    }
    for none in [
        ["--user", "root"],
        ["--partition", "unused"],
        ["--state", "TIMEOUT"],
    ] {
        let found = list(&[&["--name", "narrow"], none.as_slice()].concat());
        assert_eq!(found, [0_u64; 0], "{none:?}");
    }
    let table = cluster.env.succeed(&["jobs", "list", "--name", "narrow"]);
    assert!(table.contains("(JobHeldUser)"), "{table}");
    cluster.env.succeed(&["jobs", "cancel", &held, &wide]);
}
