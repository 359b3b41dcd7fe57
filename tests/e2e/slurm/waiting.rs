//! `jobs wait`.

use super::cluster::Cluster;

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

pub(crate) fn start_a_job_without_enough_time(cluster: &Cluster) -> String {
    cluster.submit("sleep 600", &["--time", "1", "--name", "slow"])
}

pub(crate) fn it_runs_out_of_time(cluster: &Cluster, id: &str) {
    let (code, waited) = cluster.wait(&[id]);
    assert_eq!(waited["jobs"][0]["state"], "TIMEOUT", "{waited}");
    assert_eq!(code, Some(124));
}
