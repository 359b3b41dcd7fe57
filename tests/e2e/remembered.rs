//! What is remembered of a ready deployment spares the head node, and is not believed when it has
//! become wrong.

use std::fs;

use crate::environment::TestEnv;

/// Returns how many commands the head node was asked to run.
async fn commands(env: &TestEnv) -> usize {
    let ssm = aws_sdk_ssm::Client::new(&env.aws().await);
    ssm.list_commands().send().await.unwrap().commands().len()
}

/// How busy the cluster is, each `status` asks anew.
const WORKLOAD: usize = 1;

#[tokio::test]
async fn a_look_at_a_ready_deployment_asks_its_head_node_for_no_second_token() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let made = commands(&env).await;
    env.succeed(&["status"]);
    env.succeed(&["jobs", "list"]);
    assert_eq!(commands(&env).await, made + WORKLOAD);

    // A token that is no good any more says nothing of the endpoint.
    env.succeed(&["token", "--revoke-all", "--yes"]);
    let revoked = commands(&env).await;
    env.succeed(&["status"]);
    assert_eq!(commands(&env).await, revoked + 1 + WORKLOAD);

    // As on another machine.
    fs::remove_dir_all(env.runtime_folder()).unwrap();
    env.succeed(&["status"]);
    assert_eq!(commands(&env).await, revoked + 2 * (1 + WORKLOAD));

    assert_eq!(files(&env), 1);
    env.succeed(&["teardown", "--yes"]);
    assert_eq!(files(&env), 0);
}

/// Returns how many files there are with something remembered.
fn files(env: &TestEnv) -> usize {
    fs::read_dir(env.runtime_folder()).unwrap().count()
}
