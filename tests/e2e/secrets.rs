//! Credentials and tokens are in nothing that is shown, kept, sent or handed to another program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::environment::{TestEnv, text};

/// Credentials that are found wherever they turn up.
const SECRET_KEY: &str = "wJalrDistinctiveSecretAccessKey0001";
const SESSION_TOKEN: &str = "FwoGZDistinctiveSessionToken0002";

/// Runs a command with the credentials in the environment, as CloudShell has them; returns all
/// that it printed, and its stdout.
fn run(env: &TestEnv, arguments: &[&str]) -> (String, String) {
    let mut command = env.hpcapi(arguments);
    command
        .env_remove("HPCAPI_SANDBOX")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for line in env.succeed(&["sandbox", "env"]).lines() {
        let (key, value) = line
            .strip_prefix("export ")
            .unwrap()
            .split_once('=')
            .unwrap();
        command.env(key, value);
    }
    command
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_SESSION_TOKEN", SESSION_TOKEN);
    let child = command.spawn().unwrap();
    let id = child.id();
    let watch = std::thread::spawn(move || watch(id));
    let output = child.wait_with_output().unwrap();
    watch.join().unwrap();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{arguments:?} {all}");
    (all, text(&output.stdout))
}

/// Looks at the processes that `parent` starts, until it ends.
fn watch(parent: u32) {
    let folder = format!("/proc/{parent}");
    // A zombie has a folder, and no command line.
    while fs::read(format!("{folder}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        let list = format!("{folder}/task/{parent}/children");
        let children = tasks(&folder).into_iter().chain([list]);
        for children in children {
            for child in fs::read_to_string(children)
                .unwrap_or_default()
                .split_whitespace()
            {
                let read =
                    |what| text(&fs::read(format!("/proc/{child}/{what}")).unwrap_or_default());
                let line = read("cmdline");
                assert!(!holds_a_secret(&line), "{line}");
                // Until it becomes another program it is still hpcapi.
                let is_other = !line.is_empty() && !line.contains("target/debug/hpcapi");
                let asks_aws = line.contains("--region");
                assert!(
                    !is_other || asks_aws || !holds_a_secret(&read("environ")),
                    "{line}"
                );
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn tasks(folder: &str) -> Vec<String> {
    fs::read_dir(format!("{folder}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| task.path().join("children").display().to_string())
        .collect()
}

fn holds_a_secret(text: &str) -> bool {
    text.contains(SECRET_KEY) || text.contains(SESSION_TOKEN)
}

/// Returns every file below a folder, with its content.
fn files(folder: &Path, found: &mut Vec<(std::path::PathBuf, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        } else if path.is_file() {
            let content = text(&fs::read(&path).unwrap());
            found.push((path, content));
        }
    }
}

#[tokio::test]
async fn no_secret_is_shown_kept_sent_or_handed_on() {
    let env = TestEnv::new();
    let mut shown = String::new();
    shown += &run(&env, &["up", "--yes", "-vvv"]).0;
    let (_, token) = run(&env, &["token"]);
    let token = token.trim();
    assert_eq!(token.split('.').count(), 3);
    for command in [
        &["status", "-vvv"][..],
        &["config", "-vvv"],
        &["partitions", "-vvv"],
    ] {
        shown += &run(&env, command).0;
    }
    let aws = env.aws().await;
    let history = aws_sdk_ssm::Client::new(&aws);
    let sent = history.list_commands().send().await.unwrap();
    assert!(!sent.commands().is_empty());
    let stacks = aws_sdk_cloudformation::Client::new(&aws);
    let stacks = stacks.describe_stacks().send().await.unwrap();
    for text in [format!("{sent:?}"), format!("{stacks:?}"), shown.clone()] {
        assert!(!holds_a_secret(&text) && !text.contains(token), "{text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
    let mut kept = Vec::new();
    files(env.home(), &mut kept);
    assert!(kept.len() > 3, "{kept:?}");
    for (path, content) in kept {
        assert!(!holds_a_secret(&content), "{}", path.display());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        let is_private = content.contains("PRIVATE KEY") || content.contains("eyJ");
        assert!(
            !is_private || mode & 0o077 == 0,
            "{} {mode:o}",
            path.display()
        );
    }
    let calls = fs::read_to_string(env.sandbox_folder().join("log/requests.jsonl")).unwrap();
    assert!(calls.contains(env.account()) && !holds_a_secret(&calls));
    shown = run(&env, &["teardown", "--yes", "-vvv"]).0;
    assert!(!holds_a_secret(&shown) && !shown.contains(token), "{shown}");
}
