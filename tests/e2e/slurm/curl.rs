//! `--curl`.

use serde_json::Value;

use super::cluster::Cluster;
use crate::environment::text;

pub(crate) fn the_printed_command_asks_the_same(cluster: &Cluster) {
    let env = &cluster.env;
    let token = env.succeed(&["token"]);
    let by_curl = |command: &str| -> Value {
        let output = env.shell(&format!("export SLURM_JWT={}\n{command}", token.trim()));
        let said = || format!("{command}{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said()))
    };
    let held = cluster.submit("true", &["--hold", "--comment", "as it is"]);
    // What changes from one moment to the next is not looked at.
    for (arguments, part) in [
        (["ping"].as_slice(), "/pings/0/hostname"),
        (&["partitions"], "/partitions"),
        (&["nodes"], "/nodes/0/name"),
        (&["jobs", "list"], "held"),
        (&["jobs", "show", &held], "/jobs"),
        (&["api", "GET", "diag"], "/meta/slurm/release"),
    ] {
        let printed = env.succeed(&[arguments, &["--curl"]].concat());
        let raw: &[&str] = match arguments[0] {
            "api" => &[],
            _ => &["--output", "raw"],
        };
        let raw = env.succeed(&[arguments, raw].concat());
        let raw: Value = serde_json::from_str(&raw).unwrap();
        let by_curl = by_curl(&printed);
        // Slurm 22.05 writes some names in its own way.
        let old = part.replace("slurm", "Slurm");
        let find = |from: &Value| match part {
            "held" => name_of(from, &held),
            _ => from.pointer(part).or(from.pointer(&old)).cloned(),
        };
        assert!(find(&raw).is_some(), "{part} in {raw}");
        assert_eq!(find(&by_curl), find(&raw), "{printed}");
    }

    let file = env.file("it's.sh", "#!/bin/bash\necho it\\'s $HOME\n");
    let printed = env.succeed(&[
        "jobs",
        "submit",
        "--curl",
        &file,
        "--comment",
        "it's $(a) `b`",
    ]);
    let submitted = by_curl(&printed);
    let id = submitted["job_id"].to_string();
    assert_eq!(cluster.wait(&[&id]).0, Some(0), "{submitted}");
    assert_eq!(cluster.show(&id)["comment"], "it's $(a) `b`");
    let logged = env.succeed(&["jobs", "logs", &id]);
    assert_eq!(logged, "it's /home/ec2-user\n");

    by_curl(&env.succeed(&["jobs", "cancel", "--curl", &held]));
    assert_eq!(cluster.show(&held)["state"], "CANCELLED");
}

/// Returns the name of a job in a list.
fn name_of(list: &Value, id: &str) -> Option<Value> {
    let mut jobs = list["jobs"].as_array()?.iter();
    let id: u64 = id.parse().unwrap();
    let job = jobs.find(|job| job["job_id"] == id)?;
    job.get("name").cloned()
}

pub(crate) fn printing_sends_nothing(cluster: &Cluster) {
    let env = &cluster.env;
    let asked = || {
        let count = "wc -l < /var/log/hpcapi/access.log";
        cluster.on_head_node(count).trim().parse::<u32>().unwrap()
    };
    env.succeed(&["partitions"]);
    let file = env.file("printed.sh", "#!/bin/bash\ntrue\n");
    let before = asked();
    for arguments in [
        ["partitions"].as_slice(),
        &["jobs", "list"],
        &["jobs", "submit", &file],
        &["jobs", "cancel", "1"],
        &["api", "GET", "diag"],
    ] {
        let printed = env.succeed(&[arguments, &["--curl"]].concat());
        assert!(
            printed.contains("$SLURM_JWT") && !printed.contains("eyJ"),
            "{printed}"
        );
    }
    assert_eq!(asked(), before, "something was sent");
    env.succeed(&["partitions"]);
    assert!(asked() > before, "the log tells nothing");
}
