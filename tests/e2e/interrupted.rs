//! A killed `up` leaves a state from which `up` and `teardown` both go on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::environment::TestEnv;

/// Starts `up` and kills it once its story says `words`.
fn kill_when(env: &TestEnv, words: &str) {
    let mut up = env
        .hpcapi(&["up", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let story = BufReader::new(up.stderr.take().unwrap());
    let told = story
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains(words));
    up.kill().unwrap();
    up.wait().unwrap();
    assert!(told, "`up` never said {words:?}");
}

#[tokio::test]
async fn up_goes_on_where_it_was_killed() {
    let env = TestEnv::new();
    kill_when(&env, "requirements: started");
    kill_when(&env, "key-pair: ready");
    kill_when(&env, "cluster: started");
    let up = env.json(&["up", "--yes", "--output", "json"]);
    assert!(up["endpoint"].is_string());
    env.succeed(&["status"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn teardown_removes_what_a_killed_up_left() {
    let env = TestEnv::new();
    kill_when(&env, "api: started");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
