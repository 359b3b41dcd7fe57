//! `jobs explain`.

use serde_json::{Value, json};

use super::cluster::Cluster;

fn explain(cluster: &Cluster, id: &str) -> Value {
    let arguments = ["jobs", "explain", id, "--output", "json"];
    cluster.env.json(&arguments)["explanations"][0].take()
}

/// Runs what is advised, where there is a command of hpcapi's, and else on the head node.
fn follow(cluster: &Cluster, explanation: &Value) {
    let advice = explanation["advice"].as_array().unwrap();
    let command = advice[0]["command"].as_str().unwrap();
    let program = command.split(' ').next().unwrap();
    match program.ends_with("hpcapi") {
        true => {
            let output = cluster.env.shell(command);
            assert!(output.status.success(), "{command}: {output:?}");
        }
        false => {
            cluster.on_head_node(&format!("/opt/slurm/bin/{command}"));
        }
    }
}

pub(crate) fn why_a_job_waits_is_said(cluster: &Cluster) {
    let held = cluster.submit("exit 3", &["--hold"]);
    let after = format!("afterok:{held}");
    let dependent = cluster.submit("true", &["--dependency", &after]);
    let later = cluster.submit("true", &["--begin", "now+2hours"]);

    let told = explain(cluster, &later);
    assert_eq!(told["reason"], "BeginTime", "{told}");
    assert_eq!(told["waits_for"][0]["kind"], "time", "{told}");
    assert_eq!(
        told["expected_start"], told["waits_for"][0]["name"],
        "{told}"
    );
    cluster.env.succeed(&["jobs", "cancel", &later]);
    let told = explain(cluster, &later)["text"].take();
    assert_eq!(
        told,
        json!(format!("job {later} was cancelled before it started"))
    );

    let told = explain(cluster, &dependent);
    let words = format!("job {held} is PENDING: it has to complete with exit code 0");
    assert_eq!(told["waits_for"][0]["text"], words, "{told}");

    let told = explain(cluster, &held);
    assert_eq!(told["reason"], "JobHeldUser", "{told}");
    follow(cluster, &told);
    assert_eq!(cluster.wait(&[&held]).0, Some(3));
    let told = explain(cluster, &held);
    let words = format!("job {held} failed with exit code 3 (NonZeroExitCode)");
    assert_eq!(told["text"], words, "{told}");
    cluster.env.succeed(&["jobs", "cancel", &dependent]);
}
