//! A cluster is changed when its configuration is: what the plan said of each change is what happens,
//! by the real `pcluster update-cluster`, with the endpoint answering meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::environment::{TestEnv, text};
use crate::interrupted::kill_when;

const CLUSTER: &str = include_str!("../../cluster-config.yaml");

/// What a configuration is changed by: in each text that is there, something else.
type Edits = &'static [(&'static str, &'static str)];

/// A change of several kinds at once, and what each takes.
struct Change {
    edits: Edits,
    /// The place below which something is changed, and what that takes.
    takes: &'static [(&'static str, &'static str)],
}

const LIVE: Change = Change {
    edits: &[
        (
            "    S3Access:\n      - BucketName: CHANGE_ME\n        EnableWriteAccess: true\n  CustomActions:",
            "      - Policy: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess\n    S3Access:\n      - BucketName: \
             CHANGE_ME\n        EnableWriteAccess: true\n  CustomActions:",
        ),
        (
            "Scheduling:\n",
            "Monitoring:\n  Dashboards: {CloudWatch: {Enabled: false}}\n  Alarms: {Enabled: \
             false}\n\nScheduling:\n",
        ),
    ],
    takes: &[
        ("HeadNode.Iam.AdditionalIamPolicies", "live"),
        ("Monitoring.Dashboards", "live"),
        ("Monitoring.Alarms", "live"),
    ],
};

const MORE_NODES: Change = Change {
    edits: &[
        (
            "MaxCount: 10\n",
            "MaxCount: 20\n          DynamicNodePriority: 900\n",
        ),
        (
            "      Networking:\n        SubnetIds:\n",
            "        - {Name: t3small, InstanceType: t3.small, MaxCount: 2}\n      Networking:\n        \
             SubnetIds:\n",
        ),
        (
            "\nTags:",
            "    - Name: queue2\n      ComputeResources:\n        - {Name: other, InstanceType: t3.micro}\n      \
             Networking: {SubnetIds: [CHANGE_ME]}\n\nTags:",
        ),
    ],
    takes: &[
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].MaxCount",
            "live",
        ),
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].DynamicNodePriority",
            "live",
        ),
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3small]",
            "live",
        ),
        ("Scheduling.SlurmQueues[queue2]", "live"),
    ],
};

const OTHER_NODES: Change = Change {
    edits: &[
        ("InstanceType: t3.micro\n", "InstanceType: t3.small\n"),
        ("MaxCount: 20\n", "MaxCount: 5\n"),
        (
            "        - {Name: t3small, InstanceType: t3.small, MaxCount: 2}\n",
            "",
        ),
        (
            "    - Name: queue2\n      ComputeResources:\n        - {Name: other, InstanceType: t3.micro}\n      \
             Networking: {SubnetIds: [CHANGE_ME]}\n",
            "",
        ),
        (
            "    CustomSlurmSettings:\n",
            "    ScaledownIdletime: 7\n    CustomSlurmSettings:\n      - MaxJobCount: 12345\n",
        ),
    ],
    takes: &[
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].InstanceType",
            "fleet-stopped",
        ),
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].MaxCount",
            "fleet-stopped",
        ),
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3small]",
            "fleet-stopped",
        ),
        ("Scheduling.SlurmQueues[queue2]", "fleet-stopped"),
        (
            "Scheduling.SlurmSettings.ScaledownIdletime",
            "fleet-stopped",
        ),
        ("Scheduling.SlurmSettings.CustomSlurmSettings", "live"),
    ],
};

const DRAINED: Change = Change {
    edits: &[
        (
            "    ScaledownIdletime: 7\n",
            "    ScaledownIdletime: 7\n    QueueUpdateStrategy: DRAIN\n",
        ),
        (
            "      Networking:\n        SubnetIds:\n",
            "      ComputeSettings: {LocalStorage: {RootVolume: {Size: 60}}}\n      Networking:\n        \
             SubnetIds:\n",
        ),
    ],
    takes: &[
        ("Scheduling.SlurmSettings.QueueUpdateStrategy", "live"),
        (
            "Scheduling.SlurmQueues[queue1].ComputeSettings",
            "nodes-drained",
        ),
    ],
};

const TERMINATED: Change = Change {
    edits: &[
        (
            "QueueUpdateStrategy: DRAIN",
            "QueueUpdateStrategy: TERMINATE",
        ),
        ("MaxCount: 5\n", "MaxCount: 3\n"),
    ],
    takes: &[
        ("Scheduling.SlurmSettings.QueueUpdateStrategy", "live"),
        (
            "Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].MaxCount",
            "nodes-terminated",
        ),
    ],
};

fn edited(config: &str, change: &Change) -> String {
    change
        .edits
        .iter()
        .fold(config.to_owned(), |config, (from, to)| {
            assert!(config.contains(from), "{from:?} is not in {config}");
            config.replacen(from, to, 1)
        })
}

/// Asserts that the plan says of each place what its change takes.
fn require_planned(env: &TestEnv, config: &str, change: &Change) {
    let planned = env.run(&["plan", "--config", config, "--output", "json"]);
    let words = text(&planned.stderr);
    assert_eq!(planned.status.code(), Some(3), "{words}");
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    for (place, takes) in change.takes {
        let is_there = |it: &&Value| it["path"].as_str().unwrap().starts_with(place);
        let found = changes.iter().find(is_there);
        let found = found.unwrap_or_else(|| panic!("{place} is not in {changes:#?}"));
        assert_eq!(found["takes"], *takes, "{place} in {changes:#?}");
    }
}

/// Makes a change by `up`, and asserts that nothing is left to change.
fn apply(env: &TestEnv, name: &str, config: &str, change: &Change) -> String {
    let config = edited(config, change);
    let file = env.file(name, &config);
    require_planned(env, &file, change);
    env.succeed(&["up", "--yes", "--config", &file]);
    env.succeed(&["plan", "--config", &file]);
    config
}

/// Is true once it is dropped.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks the endpoint again and again while something is done; returns how often it answered and how
/// often it did not, with what is done.
fn while_asked<T>(endpoint: &str, work: impl FnOnce() -> T) -> (u32, u32, T) {
    let (answers, refusals) = (AtomicU32::new(0), AtomicU32::new(0));
    let is_over = AtomicBool::new(false);
    let url = format!("{endpoint}/openapi/v3");
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut curl = std::process::Command::new("curl");
                let asked = curl.args([
                    "-sS",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    "-m",
                    "20",
                    &url,
                ]);
                let code = text(&asked.output().unwrap().stdout);
                // Without a token slurmrestd says so, which is an answer.
                let counter = match code.as_str() {
                    "200" | "401" => &answers,
                    _ => &refusals,
                };
                counter.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(100));
            }
        });
        // Also where it fails.
        let _over = Raised(&is_over);
        work()
    });
    (answers.into_inner(), refusals.into_inner(), done)
}

fn nodes(env: &TestEnv) -> Vec<(String, u64)> {
    let partitions = env.json(&["partitions", "--output", "json"]);
    let partitions = partitions["partitions"].as_array().unwrap().iter();
    let pair = |it: &Value| {
        assert_eq!(it["state"], "UP", "{it}");
        let name = it["name"].as_str().unwrap().to_owned();
        (name, it["node_count"].as_u64().unwrap())
    };
    partitions.map(pair).collect()
}

fn names(nodes: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = nodes
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    owned.collect()
}

#[tokio::test]
async fn each_change_takes_what_the_plan_said() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let endpoint = up["endpoint"].as_str().unwrap();

    let (answers, refusals, config) =
        while_asked(endpoint, || apply(&env, "live.yaml", CLUSTER, &LIVE));
    assert!(answers > 3 && refusals == 0, "{answers} and {refusals}");

    let (answers, refusals, config) =
        while_asked(endpoint, || apply(&env, "more.yaml", &config, &MORE_NODES));
    assert!(answers > 3 && refusals == 0, "{answers} and {refusals}");
    assert_eq!(nodes(&env), names(&[("queue1", 22), ("queue2", 10)]));

    // A job that runs is ended by what stops the fleet: nobody does that unasked.
    let script = env.file("job.sh", "#!/bin/bash\n#SBATCH --no-requeue\nsleep 3600\n");
    let job = env.json(&["jobs", "submit", &script, "--output", "json"]);
    let id = job["jobs"][0]["id"].to_string();
    wait_until_runs(&env, &id);
    let changed = env.file("other.yaml", &edited(&config, &OTHER_NODES));
    let words = env.fail(2, &["up", "--config", &changed]);
    for part in ["the fleet is stopped meanwhile", "1 running", "--yes"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(nodes(&env), names(&[("queue1", 22), ("queue2", 10)]));
    let config = apply(&env, "other.yaml", &config, &OTHER_NODES);
    assert_eq!(nodes(&env), names(&[("queue1", 5)]));
    let state = env.json(&["jobs", "show", &id, "--output", "json"]);
    assert!(!state.to_string().contains("RUNNING"), "{state}");

    let config = apply(&env, "drained.yaml", &config, &DRAINED);
    apply(&env, "terminated.yaml", &config, &TERMINATED);
    assert_eq!(nodes(&env), names(&[("queue1", 3)]));
    env.succeed(&["up", "--yes", "--prove"]);
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Starts `up` with a configuration and kills it once its story says `words`.
fn kill_up_when(env: &TestEnv, config: &str, words: &str) {
    kill_when(env, &["up", "--yes", "--config", config], words);
}

#[tokio::test]
async fn a_change_that_was_cut_off_goes_on_and_the_fleet_runs_again() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let config = CLUSTER.replace("MaxCount: 10", "MaxCount: 4");
    let config = env.file("fewer.yaml", &config);
    kill_up_when(&env, &config, "stopping the compute fleet");
    kill_up_when(&env, &config, "pcluster update-cluster");
    kill_up_when(&env, &config, "starting the compute fleet");
    env.succeed(&["up", "--yes", "--config", &config]);
    assert_eq!(nodes(&env), names(&[("queue1", 4)]));
    env.succeed(&["plan", "--config", &config]);
    env.succeed(&["up", "--yes", "--prove"]);

    // Nor does what was cut off keep `teardown` from its work.
    let config = CLUSTER.replace("MaxCount: 10", "MaxCount: 2");
    let config = env.file("fewest.yaml", &config);
    kill_up_when(&env, &config, "pcluster update-cluster");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn what_cannot_be_changed_changes_nothing() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let other = CLUSTER
        .replace("Os: alinux2023", "Os: rhel9")
        .replace("MaxCount: 10", "MaxCount: 20");
    let other = env.file("other.yaml", &other);
    let words = env.fail(2, &["up", "--yes", "--config", &other]);
    for part in ["Image.Os: alinux2023 -> rhel9", "--replace-cluster"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let typo = CLUSTER.replace("InstanceType: t3.micro", "InstanceType: t9.nosuch");
    let typo = env.file("typo.yaml", &typo);
    let words = env.fail(2, &["up", "--yes", "--config", &typo]);
    assert!(words.contains("t9.nosuch"), "{words}");
    assert_eq!(nodes(&env), names(&[("queue1", 10)]));

    // What the head node cannot do is taken back.
    let setting = "    CustomSlurmSettings:\n      - NoSuchSetting: 1\n";
    let broken = CLUSTER
        .replace("    CustomSlurmSettings:\n", setting)
        .replace("MaxCount: 10", "MaxCount: 20");
    let broken = env.file("broken.yaml", &broken);
    let words = env.fail(1, &["up", "--yes", "--config", &broken]);
    for part in ["as it was before", "Update failed", "chef-client.log"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    env.succeed(&["up", "--yes", "--prove"]);
    assert_eq!(nodes(&env), names(&[("queue1", 10)]));

    // A configuration that nobody gave is none to change a cluster to.
    let more = CLUSTER.replace("MaxCount: 10", "MaxCount: 20");
    let more = env.file("more.yaml", &more);
    env.succeed(&["up", "--yes", "--config", &more]);
    env.succeed(&["plan"]);
    env.succeed(&["up", "--yes"]);
    assert_eq!(nodes(&env), names(&[("queue1", 20)]));
    // Nor does a command change it that asks nothing.
    let fewer = CLUSTER.replace("MaxCount: 10", "MaxCount: 3");
    let fewer = env.file("fewer.yaml", &fewer);
    env.succeed(&["resume", "--config", &fewer]);
    assert_eq!(nodes(&env), names(&[("queue1", 20)]));
    let tag = ["plan", "--tag", "Owner=me"];
    let planned = env.run(&tag);
    let words = text(&planned.stderr);
    assert!(words.contains("name its own with --config"), "{words}");
    assert!(!text(&planned.stdout).contains("Tags[Owner]"));
    let planned = env.run(&[&tag[..], &["--config", &more]].concat());
    let words = text(&planned.stdout);
    assert!(words.contains("Tags[Owner]: added"), "{words}");
    env.succeed(&["teardown", "--yes"]);
}

fn wait_until_runs(env: &TestEnv, id: &str) {
    for _ in 0..600 {
        let job = env.succeed(&["jobs", "show", id, "--output", "json"]);
        if job.contains("RUNNING") {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("the job {id} does not run");
}
