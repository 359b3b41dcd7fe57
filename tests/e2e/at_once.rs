//! Several runs of hpcapi on one deployment at once: nothing is made twice, and the end is
//! defined.

use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};

use crate::environment::{TestEnv, text};

fn start(env: &TestEnv, arguments: &[&str]) -> Child {
    env.hpcapi(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn ups_at_once_make_one_deployment() {
    let env = TestEnv::new();
    let ups = [(); 3].map(|()| start(&env, &["up", "--yes", "--output", "json"]));
    let mut endpoints = Vec::new();
    for up in ups {
        let output = up.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        endpoints.push(answer["endpoint"].clone());
    }
    endpoints.dedup();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    let ec2 = aws_sdk_ec2::Client::new(&env.aws().await);
    let instances = ec2.describe_instances().send().await.unwrap();
    assert_eq!(instances.reservations().len(), 1, "{instances:?}");
    let stacks = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let stacks = stacks.describe_stacks().send().await.unwrap();
    let names = stacks
        .stacks()
        .iter()
        .filter_map(|stack| stack.stack_name());
    let own = names.filter(|name| !name.contains("NestedStack"));
    assert_eq!(own.count(), 3);
    env.succeed(&["doctor"]);

    let teardowns = [(); 2].map(|()| start(&env, &["teardown", "--yes"]));
    for teardown in teardowns {
        let output = teardown.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    }
    env.assert_empty().await;
}

/// Starts a command, and returns it once its story says `words`.
pub(crate) fn start_until(env: &TestEnv, arguments: &[&str], words: &str) -> Child {
    let mut child = env
        .hpcapi(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut story = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        let read = story.read_line(&mut line).unwrap();
        assert!(read > 0, "`{arguments:?}` never said {words:?}");
    }
    // Whoever writes into a closed pipe is told so, and may end.
    std::thread::spawn(move || std::io::copy(&mut story, &mut std::io::sink()));
    child
}

#[tokio::test]
async fn a_teardown_leaves_an_up_at_work_alone() {
    let env = TestEnv::new();
    let up = start_until(&env, &["up", "--yes"], "cluster: started");
    let refusal = env.fail(3, &["teardown", "--yes"]);
    let at_work = format!("is at work: process {} on ", up.id());
    assert!(refusal.contains(&at_work), "{refusal}");
    assert!(
        refusal.contains("wait for its end, or stop it"),
        "{refusal}"
    );
    assert!(up.wait_with_output().unwrap().status.success());

    let teardown = start_until(&env, &["teardown", "--yes"], "pcluster delete-cluster");
    let ups = [
        &["up", "--yes"][..],
        &["up", "--detach"],
        &["up", "--yes", "--replace-cluster"],
    ];
    for up in ups.map(|arguments| start(&env, arguments)) {
        let output = up.wait_with_output().unwrap();
        let refusal = words(&output);
        assert_eq!(output.status.code(), Some(3), "{refusal}");
        assert!(
            refusal.contains("`teardown` of `hpc-serverless-job-mgmt` is at work"),
            "{refusal}"
        );
    }
    assert!(teardown.wait_with_output().unwrap().status.success());
    env.assert_empty().await;
}

#[tokio::test]
async fn whoever_died_elsewhere_is_not_waited_for_long() {
    let env = TestEnv::new();
    drop(start_until(&env, &["up", "--yes"], "cluster-config: ready").kill());
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let buckets = s3.list_buckets().send().await.unwrap();
    let bucket = buckets.buckets().iter().find_map(|bucket| {
        let name = bucket.name().unwrap();
        (!name.starts_with("parallelcluster-")).then_some(name.to_owned())
    });
    let key = "hpcapi/at-work/up/another-host/another-boot/1";
    let put = s3.put_object().bucket(bucket.unwrap()).key(key);
    put.send().await.unwrap();
    let output = env.run(&["teardown", "--yes"]);
    let words = words(&output);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("somebody else began `up`"), "{words}");
    env.assert_empty().await;
}
