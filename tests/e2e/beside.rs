//! A cluster is replaced by one that is made beside it: somebody answers behind the same URL while that is
//! made, whoever is cut off goes on, and nothing of the old one stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aws_sdk_cloudformation::Client as Stacks;
use serde_json::{Value, json};

use crate::at_once::start_until;
use crate::environment::{TestEnv, text};
use crate::interrupted::kill_when;

const NAME: &str = "hpc-serverless-job-mgmt";
const SECOND: &str = "hpc-serverless-job-mgmt-2";
const REPLACE: &[&str] = &["up", "--replace-cluster", "--yes"];

/// What the story says when the new cluster serves, and the old one is still there.
const SERVES: &str = "serves now";

/// So many seconds in a row the endpoint may be silent while its target moves.
const SILENT: usize = 15;

/// Who answers a request through the public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The cluster that served first: it takes its token.
    Old,
    /// The one that has taken its place.
    New,
    Nobody,
}

/// Asks the endpoint once a second, with a token of the old cluster, and where that is refused with one
/// that was minted since.
fn probe(env: &TestEnv, up: &Value, stop: &AtomicBool) -> Vec<Answer> {
    let endpoint = up["endpoint"].as_str().unwrap();
    let version = up["api_version"].as_str().unwrap();
    let url = format!("{endpoint}/slurm/{version}/diag");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let http = reqwest::Client::new();
    let is_taken = |token: &str| {
        let asked = http.get(&url).header("X-SLURM-USER-TOKEN", token);
        let asked = asked.timeout(Duration::from_secs(30));
        let answer = runtime.block_on(async { asked.send().await });
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    let minted = || {
        let minted = env.run(&["token", "--lifespan", "3600"]);
        text(&minted.stdout).trim().to_owned()
    };
    let (old, mut new) = (minted(), None::<String>);
    let mut answers = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let answer = if is_taken(&old) {
            Answer::Old
        } else if new.as_deref().is_some_and(is_taken) {
            Answer::New
        } else {
            let token = minted();
            match !token.is_empty() && is_taken(&token) {
                true => {
                    new = Some(token);
                    Answer::New
                }
                false => Answer::Nobody,
            }
        };
        answers.push(answer);
        thread::sleep(Duration::from_secs(1));
    }
    answers
}

fn status(env: &TestEnv) -> Value {
    let status = env.run(&["status", "--output", "json"]);
    serde_json::from_slice(&status.stdout).unwrap()
}

/// Returns the names of the stacks, without those that are nested in others.
async fn stacks(env: &TestEnv) -> Vec<String> {
    let stacks = Stacks::new(&env.aws().await);
    let found = stacks.describe_stacks().send().await.unwrap();
    let names = found.stacks().iter().filter_map(|stack| stack.stack_name());
    let own = names.filter(|name| !name.contains("NestedStack"));
    let mut own: Vec<_> = own.map(ToOwned::to_owned).collect();
    own.sort();
    own
}

/// Returns the ids of what EC2 has with the tag of a cluster, but for instances that are gone.
async fn tagged(env: &TestEnv, cluster: &str) -> Vec<String> {
    let ec2 = aws_sdk_ec2::Client::new(&env.aws().await);
    let filter = aws_sdk_ec2::types::Filter::builder()
        .name("tag:parallelcluster:cluster-name")
        .values(cluster)
        .build();
    let volumes = ec2.describe_volumes().filters(filter.clone());
    let volumes = volumes.send().await.unwrap();
    let volumes = volumes.volumes().iter().filter_map(|it| it.volume_id());
    let instances = ec2.describe_instances().filters(filter);
    let instances = instances.send().await.unwrap();
    let instances = instances.reservations().iter();
    let instances = instances.flat_map(|it| it.instances());
    let alive = instances.filter(|it| {
        let state = it.state().and_then(|state| state.name());
        state.map(|name| name.as_str()) != Some("terminated")
    });
    let alive = alive.filter_map(|it| it.instance_id());
    volumes.chain(alive).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn somebody_answers_behind_the_same_url_while_a_cluster_takes_the_place_of_another() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let before = status(&env);
    assert_eq!(before["cluster"], NAME);
    assert_eq!(before["replacement"], Value::Null);
    let stop = AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        let probing = scope.spawn(|| probe(&env, &up, &stop));
        let replacing = start_until(&env, REPLACE, "cluster: started");
        // Until it serves, everybody means the old one.
        let meanwhile = status(&env);
        assert_eq!(meanwhile["cluster"], NAME, "{meanwhile}");
        assert_eq!(meanwhile["head_node"], before["head_node"]);
        let replaced = replacing.wait_with_output().unwrap();
        assert!(replaced.status.success(), "{}", text(&replaced.stdout));
        // The new one goes on to answer when the old one is gone.
        thread::sleep(Duration::from_secs(4));
        stop.store(true, Ordering::SeqCst);
        probing.join().unwrap()
    });
    let of = |who: Answer| answers.iter().filter(|answer| **answer == who).count();
    let first_new = answers.iter().position(|answer| *answer == Answer::New);
    let (before_it, after_it) = answers.split_at(first_new.unwrap());
    assert!(before_it.starts_with(&[Answer::Old; 3]), "{answers:?}");
    let silent = before_it.iter().rev();
    let silent = silent
        .take_while(|answer| **answer == Answer::Nobody)
        .count();
    assert!(silent <= SILENT, "{answers:?}");
    assert_eq!(of(Answer::Nobody), silent, "{answers:?}");
    assert!(after_it.iter().all(|it| *it == Answer::New), "{answers:?}");

    let after = status(&env);
    assert_eq!(after["cluster"], SECOND);
    assert_eq!(after["replacement"], Value::Null);
    assert_eq!(after["endpoint"], before["endpoint"]);
    assert_ne!(after["head_node"], before["head_node"]);
    let own = ["-2", "-api", "-requirements"].map(|end| format!("{NAME}{end}"));
    assert_eq!(stacks(&env).await, own);
    assert_eq!(tagged(&env, NAME).await, Vec::<String>::new());
    env.succeed(&["doctor"]);
    env.succeed(&["plan"]);
    let script = env.file("job.sh", "#!/bin/bash\ntrue\n");
    env.succeed(&["jobs", "submit", &script, "--wait"]);

    // The next one goes back to the first name.
    env.succeed(REPLACE);
    assert_eq!(status(&env)["cluster"], NAME);
    assert_eq!(tagged(&env, SECOND).await, Vec::<String>::new());
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_replacement_that_is_killed_goes_on_with_the_next_up() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    kill_when(&env, REPLACE, "cluster: started");
    // pcluster was killed with it, or has begun the cluster.
    let killed = status(&env);
    assert_eq!(killed["cluster"], NAME, "{killed}");
    assert_eq!(killed["head_node"], up["head_node"]);
    env.succeed(REPLACE);
    assert_eq!(status(&env)["cluster"], SECOND);

    kill_when(&env, REPLACE, SERVES);
    let killed = status(&env);
    let under_way = json!({"from": SECOND, "to": NAME, "jobs": "end"});
    assert_eq!(killed["cluster"], NAME, "{killed}");
    assert_eq!(killed["replacement"], under_way);
    assert_eq!(killed["endpoint"], up["endpoint"]);
    let words = env.run(&["status"]);
    let words = text(&words.stdout);
    assert!(words.contains("is taking the place of"), "{words}");
    let plan = env.run(&["plan", "--output", "json"]);
    assert_eq!(plan.status.code(), Some(3));
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["replacement"], under_way);
    let words = env.fail(3, &["pause", "--yes"]);
    assert!(words.contains("go on with that first"), "{words}");
    let found = env.json(&["doctor", "--output", "json"]);
    let found = found["findings"].as_array().unwrap();
    let warned = |it: &&Value| it["subject"] == "replacement" && it["verdict"] == "warning";
    assert_eq!(found.iter().filter(warned).count(), 1, "{found:?}");

    env.succeed(&["up", "--yes"]);
    assert!(!stacks(&env).await.contains(&SECOND.to_owned()));
    assert_eq!(status(&env)["replacement"], Value::Null);
    env.succeed(&["plan"]);

    // Teardown removes both clusters.
    kill_when(&env, REPLACE, SERVES);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_new_cluster_that_fails_leaves_the_old_one_serving() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let bucket = "scripts-of-mine";
    s3.create_bucket().bucket(bucket).send().await.unwrap();
    let script = b"#!/bin/bash\necho no luck today\nexit 7\n";
    let put = s3.put_object().bucket(bucket).key("fail.sh");
    put.body(script.to_vec().into()).send().await.unwrap();
    let config = include_str!("../../cluster-config.yaml")
        .replacen(
            "Script: &head_node_script CHANGE_ME",
            "Script: &head_node_script s3://scripts-of-mine/fail.sh",
            1,
        )
        .replacen(
            "    S3Access:\n",
            "    S3Access:\n      - BucketName: scripts-of-mine\n",
            1,
        );
    let config = env.file("mine.yaml", &config);
    let words = env.fail(1, &[REPLACE, &["--config", &config]].concat());
    assert!(words.contains("return code: 7"), "{words}");
    let told = format!("`{NAME}` serves as before");
    assert!(words.contains(&told), "{words}");
    let kept = format!("delete-cluster --cluster-name {SECOND} ");
    assert!(words.contains(&kept), "{words}");
    let after = status(&env);
    assert_eq!(after["head_node"], up["head_node"]);
    assert_eq!(after["ready"], true, "{after}");
    let under_way = json!({"from": NAME, "to": SECOND, "jobs": "end"});
    assert_eq!(after["replacement"], under_way);
    env.succeed(&["jobs", "list"]);

    // With a script that works, another one takes the place of both.
    let again = env.json(&[REPLACE, &["--output", "json"]].concat());
    assert_eq!(again["endpoint"], up["endpoint"]);
    assert_eq!(status(&env)["cluster"], SECOND);
    assert_eq!(tagged(&env, NAME).await, Vec::<String>::new());
    let remove = s3.delete_object().bucket(bucket).key("fail.sh");
    remove.send().await.unwrap();
    s3.delete_bucket().bucket(bucket).send().await.unwrap();
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn what_others_call_so_is_left_alone_and_the_cluster_can_be_replaced_in_place() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let foreign = Stacks::new(&env.aws().await);
    let template = r#"{"Resources": {"Mine": {"Type": "AWS::SSM::Parameter", "Properties": {
        "Name": "/mine", "Type": "String", "Value": "x"}}}}"#;
    let made = foreign.create_stack().stack_name(SECOND);
    made.template_body(template).send().await.unwrap();
    env.succeed(&["token"]);
    env.succeed(&["status"]);
    let words = env.fail(2, REPLACE);
    assert!(words.contains(&format!("`{SECOND}` already")), "{words}");
    assert!(words.contains("--replace-cluster=in-place"), "{words}");
    assert_eq!(status(&env)["head_node"], up["head_node"]);

    let in_place = ["up", "--replace-cluster=in-place", "--output", "json"];
    let words = env.fail(2, &in_place);
    assert!(words.contains("the endpoint is gone"), "{words}");
    assert!(
        words.contains("--replace-cluster=in-place --yes"),
        "{words}"
    );
    let replaced = env.json(&[&in_place[..], &["--yes"]].concat());
    assert_eq!(replaced["endpoint"], up["endpoint"]);
    assert_ne!(replaced["head_node"], up["head_node"]);
    assert_eq!(status(&env)["cluster"], NAME);
    env.succeed(&["teardown", "--yes"]);
    assert_eq!(stacks(&env).await, [SECOND]);
    foreign
        .delete_stack()
        .stack_name(SECOND)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_upgrade_replaces_a_cluster_of_another_version_and_no_other() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let upgraded = env.json(&["upgrade", "--output", "json"]);
    assert_eq!(upgraded["from_version"], upgraded["to_version"]);
    assert_eq!(upgraded["changed"], false);
    assert_eq!(upgraded["head_node"], up["head_node"]);

    // There is one version in the sandbox: one that says to be another is the real one nevertheless.
    let real = env.pcluster_environment().join("bin/pcluster");
    let other = format!(
        "#!/bin/sh\nif [ \"$1\" = version ]; then echo '{{\"version\": \"3.15.0\"}}'; else exec {} \"$@\"; fi\n",
        real.display()
    );
    let other = env.file("other-pcluster", &other);
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let upgrade = ["upgrade", "--pcluster", &other, "--output", "json"];
    let words = env.fail(2, &upgrade);
    assert!(words.contains("-> 3.15.0"), "{words}");
    assert!(words.contains(&format!("the cluster {NAME}")), "{words}");
    assert_eq!(status(&env)["head_node"], up["head_node"]);
    let upgraded = env.json(&[&upgrade[..], &["--yes"]].concat());
    assert_eq!(upgraded["to_version"], "3.15.0");
    assert_eq!(upgraded["endpoint"], up["endpoint"]);
    assert_eq!(status(&env)["cluster"], SECOND);
    env.succeed(&["teardown", "--yes"]);
    let words = env.fail(3, &["upgrade", "--yes"]);
    assert!(words.contains("no cluster to upgrade"), "{words}");
    env.assert_empty().await;
}

#[tokio::test]
async fn jobs_of_the_old_cluster_may_finish() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let words = env.fail(2, &["up", "--wait-for-jobs", "--yes"]);
    assert!(words.contains("--replace-cluster"), "{words}");
    let in_place = ["up", "--replace-cluster=in-place", "--wait-for-jobs"];
    let words = env.fail(2, &in_place);
    assert!(words.contains("exclude each other"), "{words}");

    let script = env.file("job.sh", "#!/bin/bash\nsleep 3600\n");
    env.succeed(&["jobs", "submit", &script]);
    let old = status(&env)["head_node"].as_str().unwrap().to_owned();
    let waits = [REPLACE, &["--wait-for-jobs"]].concat();
    let replacing = start_until(&env, &waits, "waiting for the old cluster");
    let meanwhile = status(&env);
    assert_eq!(meanwhile["cluster"], SECOND, "{meanwhile}");
    assert_eq!(meanwhile["replacement"]["jobs"], "finish");
    assert!(stacks(&env).await.contains(&NAME.to_owned()));
    let ssm = aws_sdk_ssm::Client::new(&env.aws().await);
    let cancel = "/opt/slurm/bin/scancel --partition=queue1".to_owned();
    let sent = ssm.send_command().document_name("AWS-RunShellScript");
    let sent = sent.instance_ids(&old).parameters("commands", vec![cancel]);
    sent.send().await.unwrap();
    let replaced = replacing.wait_with_output().unwrap();
    assert!(replaced.status.success(), "{}", text(&replaced.stdout));
    assert!(!stacks(&env).await.contains(&NAME.to_owned()));
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
