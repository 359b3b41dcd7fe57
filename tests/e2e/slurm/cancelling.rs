//! `jobs cancel`.

use serde_json::Value;

use super::cluster::Cluster;
use crate::environment::text;

pub(crate) fn own_jobs_are_cancelled(cluster: &Cluster) {
    let env = &cluster.env;
    let held = cluster.submit("true", &["--hold"]);
    let running = cluster.submit("sleep 300", &[]);
    cluster.wait_for_start(&running);
    let cancelled = env.succeed(&["jobs", "cancel", &held, &running]);
    let both = [&held, &running].map(|id| format!("job {id}: cancelled\n"));
    assert_eq!(cancelled, both.concat());
    let (code, waited) = cluster.wait(&[&held, &running]);
    assert_eq!(waited["jobs"][0]["state"], "CANCELLED", "{waited}");
    assert_eq!(waited["jobs"][1]["state"], "CANCELLED", "{waited}");
    assert_ne!(code, Some(0));
    let ended = env.fail(1, &["jobs", "cancel", &running]);
    assert!(ended.contains("it has ended: CANCELLED"), "{ended}");

    // By what they are: those that run stay, those of an array, too.
    let array = cluster.submit("true", &["--hold", "--array", "1-3"]);
    let half = cluster.submit("sleep 300", &["--array", "0-3%1"]);
    let stays = format!("{half}_0");
    cluster.wait_for_start(&stays);
    env.succeed(&["jobs", "cancel", "--state", "PENDING"]);
    assert_eq!(cluster.show(&array)["state"], "CANCELLED");
    assert_eq!(cluster.show(&stays)["state"], "RUNNING");
    let left = cluster.list(&["--state", "PENDING,RUNNING"]);
    // Others have jobs of their own.
    let half_id: u64 = half.parse().unwrap();
    let is_of_array = |job: &&Value| job["array_job_id"] == half_id;
    let left = left.iter().filter(is_of_array);
    let left: Vec<_> = left.map(|job| &job["array_task_id"]).collect();
    assert_eq!(left, [0], "of array {half}");
    env.succeed(&["jobs", "cancel", &half]);
}

/// An answer about a foreign job may be the last that slurmctld ever gives, so nothing is sent.
pub(crate) fn a_foreign_job_is_left_alone(cluster: &Cluster) {
    let env = &cluster.env;
    let root = env.succeed(&["token", "--user", "root"]);
    let file = env.file("root.sh", "#!/bin/bash\ntrue\n");
    let as_root = |arguments: &[&str]| {
        let output = cluster.run_with(&root, arguments);
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout).trim().to_owned()
    };
    let foreign = as_root(&["jobs", "submit", &file, "--hold"]);
    let refused = env.fail(1, &["jobs", "cancel", &foreign]);
    assert!(refused.contains("it is a job of `root`"), "{refused}");
    let deletes = "grep -c 'DELETE.*/job/ID\"' /var/log/hpcapi/access.log || true";
    let deletes = deletes.replace("ID", &foreign);
    assert_eq!(cluster.on_head_node(&deletes).trim(), "0");
    env.succeed(&["jobs", "cancel", "--all"]);
    assert_eq!(cluster.show(&foreign)["state"], "PENDING");

    // Root may cancel anybody's.
    let own = cluster.submit("true", &["--hold"]);
    as_root(&["jobs", "cancel", &foreign, &own]);
    assert_eq!(cluster.show(&foreign)["state"], "CANCELLED");
    assert_eq!(cluster.show(&own)["state"], "CANCELLED");
    assert_ne!(
        cluster.on_head_node(&deletes).trim(),
        "0",
        "the log tells nothing"
    );
}
