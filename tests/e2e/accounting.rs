//! A cluster whose configuration has a database: Slurm's own accounting tells of the jobs that have
//! ended, and the job memory where that cannot.

use serde_json::Value;

use crate::environment::{TestEnv, text};

const CONFIG: &str = include_str!("../../cluster-config.yaml");

const PASSWORD: &str = "se$cret-9";

/// Submits jobs that end in several ways, and waits for that.
const JOBS: &str = r#"#!/bin/bash
PATH=$PATH:/opt/slurm/bin
cat >/tmp/submit <<'END'
cd /tmp
sbatch --comment 'all well' --output well.txt --wrap 'srun --job-name inner echo done'
sbatch --array 0-2 --wrap 'exit $SLURM_ARRAY_TASK_ID'
sbatch --wrap 'kill -9 $$'
scancel $(sbatch --parsable --hold --wrap true)
END
runuser -u ec2-user -- bash -l /tmp/submit
while squeue --noheader | grep -q .; do sleep 0.2; done"#;

/// Lets slurmctld forget them all, once the accounting has them.
const FORGET: &str = r#"#!/bin/bash
PATH=$PATH:/opt/slurm/bin
# A job that was held is told only where it is named.
recorded() { sacct --noheader --allocations --jobs 1,2,3,4,5,6,7 --format State; }
until [ "$(recorded | grep -cE 'COMPLETED|FAILED|CANCELLED')" = 6 ]; do sleep 0.2; done
systemctl stop slurmctld
rm -rf /var/spool/slurm.state/job_state* /var/spool/slurm.state/hash.*
echo SLURMCTLD_OPTIONS=-i >/etc/sysconfig/slurmctld
systemctl start slurmctld
until scontrol ping | grep -q 'is UP'; do sleep 0.1; done"#;

/// Returns state, exit code and signal of every job, and who told of it.
fn ends(env: &TestEnv) -> Vec<(String, String, Value, Value)> {
    let listed = env.json(&["jobs", "list", "--all", "--output", "json"]);
    let jobs = listed["jobs"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut ends: Vec<_> = jobs
        .map(|job| {
            assert_eq!(job["user"], "ec2-user", "{job}");
            (
                word(&job["state"]),
                word(&job["source"]),
                job["exit_code"].clone(),
                job["signal"].clone(),
            )
        })
        .collect();
    ends.sort_by_key(|end| format!("{end:?}"));
    ends
}

/// Returns how the jobs ended, as told by `source`.
fn expected(source: &str) -> Vec<(String, String, Value, Value)> {
    let end = |state: &str, code: u64, signal: Option<u64>| {
        let signal = signal.map_or(Value::Null, Value::from);
        (
            state.to_owned(),
            source.to_owned(),
            Value::from(code),
            signal,
        )
    };
    let mut ends = vec![
        end("CANCELLED", 0, None),
        end("COMPLETED", 0, None),
        end("COMPLETED", 0, None),
        end("FAILED", 1, None),
        end("FAILED", 2, None),
        end("FAILED", 0, Some(9)),
    ];
    ends.sort_by_key(|end| format!("{end:?}"));
    ends
}

async fn forgotten_jobs_are_told(suite: &'static str, source: &str) {
    let env = TestEnv::with_suite(suite);
    let made = env.shell(&format!(
        "eval \"$(hpcapi sandbox env)\"
        aws secretsmanager create-secret --name slurm --secret-string '{PASSWORD}' \
            --query ARN --output text"
    ));
    let arn = text(&made.stdout);
    assert!(arn.starts_with("arn:aws:secretsmanager:"), "{made:?}");
    let settings = "  SlurmSettings:\n";
    let database = format!(
        "{settings}    Database:\n      Uri: slurm.example.eu-west-1.rds.amazonaws.com\n      \
         UserName: clusteradmin\n      PasswordSecretArn: {arn}"
    );
    assert!(CONFIG.contains(settings));
    let config = env.file("mine.yaml", &CONFIG.replacen(settings, &database, 1));
    env.succeed(&["up", "--yes", "--config", &config]);
    env.on_head_node(JOBS).await;
    env.record_ended_jobs().await;
    env.on_head_node(FORGET).await;

    assert_eq!(ends(&env), expected(source));
    let listed = env.json(&["jobs", "list", "--all", "--state", "CD", "--output", "json"]);
    let mut well = listed["jobs"].as_array().unwrap().iter();
    let well = well.find(|job| job["array_job_id"].is_null()).unwrap();
    let id = well["id"].to_string();
    let shown = env.json(&["jobs", "show", &id, "--output", "json"]);
    let shown = &shown["jobs"][0];
    assert_eq!(shown["source"], source);
    assert_eq!(shown["comment"], "all well");
    if source == "database" {
        let steps = shown["steps"].as_array().unwrap().iter();
        let steps: Vec<_> = steps.map(|step| (&step["name"], &step["state"])).collect();
        let done = Value::from("COMPLETED");
        assert_eq!(steps, [(&"batch".into(), &done), (&"inner".into(), &done)]);
    }
    assert_eq!(env.succeed(&["jobs", "logs", &id]), "done\n");
    env.succeed(&["jobs", "wait", &id]);
    let array = listed["jobs"].as_array().unwrap().iter();
    let array = array.filter_map(|job| job["array_job_id"].as_u64()).next();
    let waited = env.run(&["jobs", "wait", &array.unwrap().to_string()]);
    assert_eq!(waited.status.code(), Some(2), "{}", text(&waited.stderr));

    // A new key is slurmdbd's, too.
    env.succeed(&["token", "--revoke-all", "--yes"]);
    assert_eq!(ends(&env), expected(source));

    env.on_head_node("systemctl stop slurmdbd").await;
    let listed = env.run(&["jobs", "list", "--all"]);
    let words = text(&listed.stderr);
    let is_missed = words.contains("the accounting database cannot be read");
    assert_eq!(is_missed, source == "database", "{words}");
    assert_eq!(ends(&env), expected("memory"));
    let logs = env.on_head_node("cat /var/log/hpcapi/*.log /var/log/slurm*.log");
    assert!(!logs.await.contains(PASSWORD));
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn the_job_memory_tells_where_the_accounting_of_slurm_22_05_has_wrong_exit_codes() {
    forgotten_jobs_are_told("bookworm", "memory").await;
}

#[tokio::test]
async fn the_accounting_database_of_slurm_24_11_tells_of_ended_jobs() {
    forgotten_jobs_are_told("trixie", "database").await;
}

#[tokio::test]
async fn the_accounting_database_of_slurm_26_05_tells_of_ended_jobs() {
    forgotten_jobs_are_told("forky", "database").await;
}
