//! The wrong region or account is told as such: an empty look is no proof that there is nothing,
//! and no reason to make a second deployment or to remove what belongs to the first.

use crate::environment::{TestEnv, text};

const OTHER: &str = "eu-west-1";

#[tokio::test]
async fn a_deployment_in_another_region_or_account_is_told_and_left_alone() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes", "--region", OTHER]);
    let local = |file: &str| env.home().join(".parallelcluster").join(file);
    let config = local("hpc-serverless-job-mgmt.yaml");
    let there = format!("{OTHER} of account {}", env.account());

    // From another region: this machine knows of it, and so does the account.
    let words = env.fail(1, &["teardown", "--check"]);
    assert!(words.contains(&there), "{words}");
    let traces = local("").with_file_name("put-away");
    std::fs::rename(local(""), &traces).unwrap();
    let words = env.fail(1, &["teardown", "--check"]);
    assert!(words.contains("its bucket is there"), "{words}");
    std::fs::rename(&traces, local("")).unwrap();
    let check = env.run(&["teardown", "--check", "--output", "json"]);
    let check: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(check["region"], "us-east-1");
    assert_eq!(check["elsewhere"][0]["region"], OTHER);
    for verb in [&["ping"][..], &["token"], &["jobs", "list"], &["status"]] {
        let words = env.fail(3, verb);
        let next = format!("hpcapi status --region {OTHER}");
        assert!(words.contains(&there), "{verb:?}: {words}");
        let typed = words.contains(&next) || words.contains(&format!("--region {OTHER}"));
        assert!(typed, "{verb:?}: {words}");
        assert!(!words.contains("make it with"), "{verb:?}: {words}");
    }
    let words = env.fail(1, &["doctor"]);
    assert!(words.contains(&there), "{words}");
    let words = env.fail(2, &["up", "--yes"]);
    assert!(words.contains(&there), "{words}");
    let words = env.fail(1, &["teardown", "--yes"]);
    assert!(words.contains(&there), "{words}");
    assert!(config.exists(), "the other deployment's configuration");
    env.succeed(&["status", "--region", OTHER]);

    // From another account, which only this machine can know of.
    let in_account = |arguments: &[&str]| {
        let mut command = env.hpcapi(arguments);
        let account = format!("9{}", &env.account()[1..]);
        command.env("HPCAPI_SANDBOX_ACCOUNT", account);
        let output = command.output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        (output.status.code(), text(&words))
    };
    for (verb, code) in [
        (&["teardown", "--check"][..], 1),
        (&["teardown", "--yes"], 1),
        (&["ping"], 3),
    ] {
        let (ended, words) = in_account(&[verb, &["--region", OTHER]].concat());
        assert_eq!(ended, Some(code), "{verb:?}: {words}");
        assert!(words.contains(&there), "{verb:?}: {words}");
    }
    assert!(config.exists(), "the other deployment's configuration");

    // Who names the region wants a second one.
    env.succeed(&["up", "--yes", "--region", "us-east-1"]);
    env.succeed(&["teardown", "--yes", "--region", OTHER]);
    assert!(config.exists(), "the configuration of the second");
    env.succeed(&["teardown", "--yes", "--region", "us-east-1"]);
    assert!(!config.exists());
    env.succeed(&["teardown", "--check"]);
    env.assert_empty().await;
}
