//! `--curl`.

use serde_json::Value;

use super::cluster::Cluster;

pub(crate) fn the_printed_command_asks_the_same(cluster: &Cluster) {
    let env = &cluster.env;
    let asked = |what: &str| {
        let count = format!("grep -c '{what}' /var/log/hpcapi/access.log || true");
        cluster.on_head_node(&count).trim().to_owned()
    };
    let before = asked("/partitions");
    let command = env.succeed(&["partitions", "--curl"]);
    assert_eq!(asked("/partitions"), before, "something was sent");
    assert!(
        command.contains("$SLURM_JWT") && !command.contains("eyJ"),
        "{command}"
    );
    let token = env.succeed(&["token"]);
    let output = env.shell(&format!("export SLURM_JWT={}\n{command}", token.trim()));
    let by_curl: Value = serde_json::from_slice(&output.stdout).unwrap();
    let raw: Value =
        serde_json::from_str(&env.succeed(&["partitions", "--output", "raw"])).unwrap();
    assert_eq!(by_curl["partitions"], raw["partitions"]);

    let file = env.file("it's.sh", "#!/bin/bash\necho it\\'s\n");
    let command = env.succeed(&["jobs", "submit", "--curl", &file]);
    let output = env.shell(&format!("export SLURM_JWT={}\n{command}", token.trim()));
    let submitted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = submitted["job_id"].to_string();
    assert_eq!(cluster.wait(&[&id]).0, Some(0), "{submitted}");
}
