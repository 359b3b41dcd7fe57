//! A killed `up` leaves a state from which `up` and `teardown` both go on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::environment::TestEnv;

/// Starts a command and kills it once its story says `words`.
pub(crate) fn kill_when(env: &TestEnv, arguments: &[&str], words: &str) {
    let mut command = env
        .hpcapi(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let story = BufReader::new(command.stderr.take().unwrap());
    let mut told = Vec::new();
    let mut lines = story.lines().map_while(Result::ok);
    let is_told = lines.any(|line| {
        told.push(line);
        told.last().is_some_and(|line| line.contains(words))
    });
    command.kill().unwrap();
    command.wait().unwrap();
    assert!(is_told, "{arguments:?} never said {words:?}: {told:#?}");
}

#[tokio::test]
async fn up_goes_on_where_it_was_killed() {
    let env = TestEnv::new();
    kill_when(&env, &["up", "--yes"], "requirements: started");
    kill_when(&env, &["up", "--yes"], "key-pair: ready");
    kill_when(&env, &["up", "--yes"], "cluster: started");
    let up = env.json(&["up", "--yes", "--output", "json"]);
    assert!(up["endpoint"].is_string());
    env.succeed(&["status"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn teardown_removes_what_a_killed_up_left() {
    let env = TestEnv::new();
    kill_when(&env, &["up", "--yes"], "api: started");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
