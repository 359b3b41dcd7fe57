//! The operations path: Slurm without a token, for those whom IAM lets in, and whatever slurmrestd
//! does.

use aws_sdk_iam::Client as Iam;
use serde_json::Value;

use crate::environment::{TestEnv, text};

/// Ends with another code than 0, and says where it ran and with what.
const SCRIPT: &str =
    "#!/bin/bash\n#SBATCH --job-name=named\n#SBATCH -n 1\necho \"$1:$MINE\"\nexit 3\n";

/// Jobs of all kinds, with names that are no plain words.
const SUBMIT: &str = r#"cat >/tmp/submit <<'END'
cd "$HOME" || exit 1
for _ in $(seq 30); do sbatch --parsable --hold --wrap true; done
sbatch --array 0-9%2 --begin now+1hour --wrap true
sbatch --hold -J $'a\nb' --comment 'said; $(id)' --mem 10 -o 'x %j' -e /tmp/e --dependency singleton --wrap true
END
runuser -u ec2-user -- bash -l /tmp/submit"#;

fn is_told_alike(env: &TestEnv, list: &[&str]) {
    let through = |via: &[&str]| {
        let mut told = env.json(&[via, list, &["--output", "json"]].concat());
        forget_expectations(&mut told);
        told
    };
    let (by_operations, by_slurmrestd) = (through(&["--via", "operations"]), through(&[]));
    assert_eq!(by_operations, by_slurmrestd, "{list:?}");
}

/// Slurm reckons priorities, expected starts, and why a job waits, anew all the time.
fn forget_expectations(told: &mut Value) {
    for job in told["jobs"].as_array_mut().into_iter().flatten() {
        job["priority"] = Value::Null;
        if job["state"] == "PENDING" {
            job["reason"] = Value::Null;
            job["start_time"] = Value::Null;
            job["end_time"] = Value::Null;
        }
    }
}

async fn slurm_by_operations(suite: &'static str) {
    let env = TestEnv::with_suite(suite);
    env.succeed(&["up", "--yes"]);
    let words = env.fail(1, &["--via", "operations", "jobs", "list"]);
    assert!(words.contains("hpcapi up --operations"), "{words}");
    env.succeed(&["up", "--yes", "--operations"]);
    env.on_head_node(SUBMIT).await;
    for list in [&["jobs", "list"][..], &["nodes"], &["partitions"]] {
        is_told_alike(&env, list);
    }
    is_told_alike(&env, &["jobs", "show", "1"]);

    // What is submitted is sbatch's to read; slurmrestd need not run.
    env.on_head_node("systemctl stop slurmrestd").await;
    let script = env.file("job.sh", SCRIPT);
    let submit = ["jobs", "submit", "--via", "operations", "--output", "json"];
    let submitted = env.json(&[&submit[..], &["--env", "MINE=a,b c", &script]].concat());
    let id = submitted["jobs"][0]["id"].as_u64().unwrap().to_string();
    let words = env.fail(3, &["jobs", "wait", "--via", "operations", &id]);
    assert!(words.contains("not every job completed"), "{words}");
    let shown = env.json(&[
        "--via",
        "operations",
        "jobs",
        "show",
        &id,
        "--output",
        "json",
    ]);
    assert_eq!(shown["jobs"][0]["name"], "named", "{shown}");
    assert_eq!(shown["jobs"][0]["exit_code"], 3, "{shown}");
    let output = shown["jobs"][0]["stdout"].as_str().unwrap();
    let read = env.on_head_node(&format!("cat '{output}'")).await;
    assert_eq!(read.trim(), ":a,b c");
    let words = env.fail(1, &["ping", "--via", "operations"]);
    assert!(words.contains("slurmrestd"), "{words}");

    // Only what one has submitted oneself can be cancelled.
    let words = env.fail(1, &["jobs", "cancel", "--via", "operations", "1"]);
    assert!(words.contains("job 1:"), "{words}");
    let held = env.json(&[&submit[..], &["--hold", &script]].concat());
    let id = held["jobs"][0]["id"].as_u64().unwrap().to_string();
    env.succeed(&["jobs", "cancel", "--via", "operations", &id]);
    let shown = env.json(&[
        "--via",
        "operations",
        "jobs",
        "show",
        &id,
        "--output",
        "json",
    ]);
    assert_eq!(shown["jobs"][0]["state"], "CANCELLED", "{shown}");

    for arguments in [
        &[
            "jobs",
            "submit",
            "--via",
            "operations",
            "--partition",
            "nowhere",
            &script,
        ][..],
        &["jobs", "show", "--via", "operations", "999999"],
        &["api", "GET", "diag", "--via", "operations"],
    ] {
        let output = env.run(arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    }

    env.succeed(&["up", "--yes", "--operations=off"]);
    let words = env.fail(1, &["--via", "operations", "jobs", "list"]);
    assert!(words.contains("is not there"), "{words}");
    env.succeed(&["up", "--yes", "--operations"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn operations_on_slurm_24_11() {
    slurm_by_operations("trixie").await;
}

#[tokio::test]
async fn operations_on_slurm_22_05() {
    slurm_by_operations("bookworm").await;
}

#[tokio::test]
async fn operations_on_slurm_26_05() {
    slurm_by_operations("forky").await;
}

/// A caller of the operations path, who has no other right.
struct Caller {
    key: String,
    secret: String,
}

impl Caller {
    async fn new(env: &TestEnv, name: &str) -> Caller {
        let iam = Iam::new(&env.aws().await);
        let policy = env.json(&["iam-policy", name]).to_string();
        iam.create_user().user_name(name).send().await.unwrap();
        let put = iam.put_user_policy().user_name(name).policy_name(name);
        put.policy_document(policy).send().await.unwrap();
        let made = iam.create_access_key().user_name(name).send().await;
        let made = made.unwrap().access_key.unwrap();
        Caller {
            key: made.access_key_id,
            secret: made.secret_access_key,
        }
    }

    fn run(&self, env: &TestEnv, endpoint: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = env.hpcapi(&["--via", "operations"]);
        command.args(arguments).args(["--endpoint", endpoint]);
        command
            .env_remove("HPCAPI_SANDBOX")
            .env("AWS_ENDPOINT_URL", env.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret);
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stderr))
    }
}

#[tokio::test]
async fn who_may_list_cannot_submit() {
    let env = TestEnv::new();
    let made = env.json(&["up", "--yes", "--operations", "--output", "json"]);
    let endpoint = made["endpoint"].as_str().unwrap();
    let script = env.file("job.sh", SCRIPT);
    let submit = ["jobs", "submit", "--hold", &script];

    let lists = Caller::new(&env, "operations-list").await;
    assert_eq!(lists.run(&env, endpoint, &["jobs", "list"]).0, Some(0));
    let (code, words) = lists.run(&env, endpoint, &submit);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("hpcapi iam-policy operations"), "{words}");

    let submits = Caller::new(&env, "operations").await;
    let (code, words) = submits.run(&env, endpoint, &submit);
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = submits.run(&env, endpoint, &["jobs", "cancel", "1"]);
    assert_eq!(code, Some(0), "{words}");
    // The function's rights are not theirs.
    let (code, words) = submits.run(&env, endpoint, &["jobs", "logs", "1"]);
    assert_eq!(code, Some(1), "{words}");
    env.succeed(&["teardown", "--yes"]);
}
