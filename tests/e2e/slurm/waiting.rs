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
    let array = cluster.submit("exit $((SLURM_ARRAY_TASK_ID == 7))", &["--array", "0-9"]);
    let dependent = cluster.submit("true", &["--dependency", &format!("afterany:{array}")]);
    let (code, waited) = cluster.wait(&[&array, &dependent]);
    let jobs = waited["jobs"].as_array().unwrap();
    assert_eq!(code, Some(1), "{waited}");
    assert_eq!(jobs.len(), 11, "{waited}");
    let failed: Vec<_> = jobs.iter().filter(|job| job["state"] == "FAILED").collect();
    assert_eq!(failed.len(), 1, "{waited}");
    assert_eq!(failed[0]["array_task_id"], 7);
    assert_eq!(cluster.wait(&[&format!("{array}_7")]).0, Some(1));
    assert_eq!(cluster.wait(&[&format!("{array}_6")]).0, Some(0));
}

pub(crate) fn start_a_job_without_enough_time(cluster: &Cluster) -> String {
    cluster.submit("sleep 600", &["--time", "1", "--name", "slow"])
}

pub(crate) fn it_runs_out_of_time(cluster: &Cluster, id: String) {
    let (code, waited) = cluster.wait(&[&id]);
    assert_eq!(waited["jobs"][0]["state"], "TIMEOUT", "{waited}");
    assert_eq!(code, Some(124));
}
