//! How a configuration differs from the one that the cluster has, and what each change takes: by the
//! table of the real `pcluster`, and by the configuration that it keeps.

use std::process::Command;

use serde_json::json;

use crate::environment::{TestEnv, text};
use crate::tools::succeed;

const CLUSTER: &str = include_str!("../../cluster-config.yaml");

#[tokio::test]
async fn the_table_of_policies_is_that_of_the_real_pcluster() {
    let env = TestEnv::new();
    let mut program = Command::new(env.pcluster_environment().join("bin/python"));
    program.current_dir(env!("CARGO_MANIFEST_DIR"));
    let made = succeed(program.args(["-B", "scripts/update_policies.py"]));
    let ours = include_str!("../../src/pcluster/changes/policies.csv");
    assert_eq!(text(&made.stdout), ours, "make it anew: CONTRIBUTING.md");
}

#[tokio::test]
async fn plan_says_by_path_how_the_configuration_differs() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let plan = env.json(&["plan", "--output", "json"]);
    assert_eq!(plan["changes"], json!([]));
    // A default that is not spelled out any more is no difference.
    let same = env.file("same.yaml", &CLUSTER.replace("          MinCount: 0\n", ""));
    env.succeed(&["plan", "--config", &same]);

    let live = env.file(
        "live.yaml",
        &CLUSTER.replace("MaxCount: 10", "MaxCount: 20"),
    );
    let planned = env.run(&["plan", "--config", &live, "--output", "json"]);
    assert_eq!(planned.status.code(), Some(3), "{}", text(&planned.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    let path = "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].MaxCount";
    assert_eq!(
        plan["changes"],
        json!([{"path": path, "from": 10, "to": 20, "takes": "live"}])
    );
    assert_eq!(plan["to_do"], true);
    let words = text(&planned.stderr);
    for part in [" --config ", "`up` does it"] {
        assert!(words.contains(part), "{part} is not in {words}");
    }

    let other = env.file("other.yaml", &CLUSTER.replace("t3.small", "t3.medium"));
    let words = env.fail(3, &["plan", "--config", &other]);
    assert!(words.contains("--replace-cluster"), "{words}");
    assert!(!words.contains("update-cluster"), "{words}");
    env.succeed(&["teardown", "--yes"]);
}
