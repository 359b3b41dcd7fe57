//! `up --detach` returns at once, and the deployment is made all the same.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::environment::TestEnv;

/// The configuration comes through a pipe, which the background process cannot read again.
#[tokio::test]
async fn up_in_the_background_makes_the_deployment() {
    let env = TestEnv::new();
    env.file("own.yaml", include_str!("../../cluster-config.yaml"));
    let begun = env.shell("hpcapi up --detach --output json --config <(cat ~/own.yaml)");
    assert!(begun.status.success(), "{begun:?}");
    let begun: Value = serde_json::from_slice(&begun.stdout).unwrap();
    let pid = begun["pid"].as_u64().unwrap();
    let process = format!("/proc/{pid}");
    assert!(Path::new(&process).exists(), "it waited for the end");
    assert_eq!(env.run(&["status"]).status.code(), Some(3));
    let log = Path::new(begun["log"].as_str().unwrap());
    let mode = std::fs::metadata(log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // The last command waits for the end: it joins what the other has begun.
    let commands = begun["commands"].as_array().unwrap();
    let wait = commands.last().unwrap().as_str().unwrap();
    assert!(wait.contains(".piped-"), "{wait}");
    let waited = env.shell(wait);
    assert!(waited.status.success(), "{waited:?}");
    while Path::new(&process).exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let story = std::fs::read_to_string(log).unwrap();
    assert!(story.contains("ready after"), "{story}");
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
    let left = std::fs::read_dir(env.home().join(".parallelcluster")).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert!(
        left.iter()
            .all(|file| !file.to_str().unwrap().ends_with(".yaml")),
        "{left:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_made_is_said_before_anything_goes_to_the_background() {
    let env = TestEnv::new();
    let words = env.fail(2, &["up", "--detach", "--key-name", "nobodys"]);
    assert!(words.contains("there is no key pair `nobodys`"), "{words}");
    let log = ".parallelcluster/hpc-serverless-job-mgmt-up.log";
    assert!(!env.home().join(log).exists());
    env.assert_empty().await;
}
