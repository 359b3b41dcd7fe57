//! `ping`, `partitions`, `nodes`, `jobs list`, `api`.

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
    let none = env.json(&["nodes", "--partition", "other", "--output", "json"]);
    assert_eq!(none["nodes"], Value::Array(Vec::new()));
    let table = env.succeed(&["nodes"]);
    assert!(table.contains("queue1-dy-t3micro-["), "{table}");

    let diag: Value =
        serde_json::from_str(&env.succeed(&["api", "GET", "/slurm/{version}/diag"])).unwrap();
    assert!(diag["statistics"].is_object());
    let raw: Value = serde_json::from_str(&env.succeed(&["nodes", "--output", "raw"])).unwrap();
    assert!(raw["meta"].is_object());
    let refused = env.fail(1, &["api", "GET", "no/such/path"]);
    assert!(
        refused.contains("slurmrestd does not serve this path"),
        "{refused}"
    );
    let unknown = env.fail(1, &["jobs", "show", "999999"]);
    assert!(unknown.contains("MinJobAge"), "{unknown}");

    // The socket of slurmrestd itself.
    let socket = format!(
        "unix:/proc/{}/root/run/slurmrestd/slurmrestd.socket",
        cluster.process("slurmrestd")
    );
    let token = env.succeed(&["token"]);
    let output = env
        .hpcapi(&["partitions", "--endpoint", &socket, "--output", "json"])
        .env("SLURM_JWT", token.trim())
        .output()
        .unwrap();
    let straight: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(straight, partitions);
}

pub(crate) fn filters_narrow_a_list(cluster: &Cluster) {
    let held = cluster.submit("true", &["--hold", "--name", "narrow"]);
    let list = |filter: &[&str]| -> Vec<u64> {
        let arguments = [&["jobs", "list", "--output", "json"], filter].concat();
        let listed = cluster.env.json(&arguments);
        let ids = listed["jobs"].as_array().unwrap().iter();
        ids.map(|job| job["id"].as_u64().unwrap()).collect()
    };
    let id: u64 = held.parse().unwrap();
    assert_eq!(list(&["--name", "narrow"]), [id]);
    assert_eq!(list(&["--name", "narrow", "--state", "PD"]), [id]);
    assert_eq!(list(&["--limit", "1"]), [id]);
    for all in [
        &["--user", "ec2-user"],
        &["--partition", "queue1"],
        &["--since", "1h"],
    ] {
        let found = list(all);
        assert!(found.len() > 1 && found.contains(&id), "{all:?} {found:?}");
    }
    for none in [
        &["--user", "root"],
        &["--partition", "other"],
        &["--state", "TIMEOUT"],
    ] {
        assert_eq!(
            list(&[&["--name", "narrow"], none.as_slice()].concat()),
            [0_u64; 0],
            "{none:?}"
        );
    }
    let table = cluster.env.succeed(&["jobs", "list", "--name", "narrow"]);
    assert!(table.contains("(JobHeldUser)"), "{table}");
    cluster.env.succeed(&["jobs", "cancel", &held]);
}
