//! `jobs wait`.

use serde_json::Value;

use super::cluster::Cluster;
use crate::environment::text;

pub(crate) fn a_wait_ends_as_its_job(cluster: &Cluster) {
    let good = cluster.submit("true", &[]);
    let bad = cluster.submit("exit 3", &[]);
    assert_eq!(cluster.wait(&[&good]).0, Some(0));
    let (code, waited) = cluster.wait(&[&good, &bad]);
    assert_eq!(code, Some(3));
    assert_eq!(waited["exit_code"], 3);
    assert_eq!(waited["jobs"][1]["state"], "FAILED");
    assert_eq!(waited["jobs"][1]["exit_code"], 3);
    let gone = cluster.env.fail(1, &["jobs", "wait", "999999"]);
    assert!(gone.contains("Slurm knows no job 999999"), "{gone}");
}

pub(crate) fn arrays_and_dependencies_are_waited_for(cluster: &Cluster) {
    let script = "echo task $SLURM_ARRAY_TASK_ID; exit $((SLURM_ARRAY_TASK_ID == 7))";
    let array = cluster.submit(script, &["--array", "0-9"]);
    let dependent = cluster.submit("true", &["--dependency", &format!("afterany:{array}")]);
    let (code, waited) = cluster.wait(&[&array, &dependent]);
    let jobs = waited["jobs"].as_array().unwrap();
    assert_eq!(code, Some(1), "{waited}");
    assert_eq!(jobs.len(), 11, "{waited}");
    let failed: Vec<_> = jobs.iter().filter(|job| job["state"] == "FAILED").collect();
    assert_eq!(failed.len(), 1, "{waited}");
    assert_eq!(failed[0]["array_task_id"], 7);
    let [seventh, sixth] = [7, 6].map(|task| format!("{array}_{task}"));
    assert_eq!(cluster.wait(&[&seventh]).0, Some(1));
    assert_eq!(cluster.wait(&[&sixth]).0, Some(0));
    let log = cluster.env.succeed(&["jobs", "logs", &sixth]);
    assert_eq!(log, "task 6\n");

    let after_success = cluster.submit("true", &["--dependency", &format!("afterok:{sixth}")]);
    let never = cluster.submit("true", &["--dependency", &format!("afterok:{seventh}")]);
    assert_eq!(cluster.wait(&[&after_success]).0, Some(0));
    let waits = cluster.show(&never);
    assert_eq!(waits["state"], "PENDING", "{waits}");
    cluster.env.succeed(&["jobs", "cancel", &never]);
}

pub(crate) fn a_job_runs_out_of_time(cluster: &Cluster) {
    // Root's: other scenarios cancel all jobs of the cluster's own user.
    let as_root = |arguments: &[&str]| {
        let token = cluster.env.succeed(&["token", "--user", "root"]);
        cluster.run_with(&token, arguments)
    };
    let turn = cluster.turn();
    let file = cluster.env.file("slow.sh", "#!/bin/bash\nsleep 600\n");
    let submitted = as_root(&["jobs", "submit", &file, "--time", "1"]);
    let id = text(&submitted.stdout).trim().to_owned();
    cluster.wait_for_start(&id);
    // It takes a minute or more, in which others may have the cluster alone.
    drop(turn);
    cluster.on_head_node(&format!(
        "until /opt/slurm/bin/scontrol show job {id} |
             grep -Eq 'JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT)'
         do sleep 1; done"
    ));
    let _turn = cluster.turn();
    let output = as_root(&["jobs", "wait", "--output", "json", &id]);
    let waited: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(waited["jobs"][0]["state"], "TIMEOUT", "{waited}");
    assert_eq!(output.status.code(), Some(124));
}
