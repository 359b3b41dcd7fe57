//! Tokens: given, missing, refused, minted and kept, revoked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use aws_sdk_ssm::types::Command;
use serde_json::Value;
use tokio::runtime::Builder;

use super::cluster::{Cluster, as_root};
use crate::environment::{TestEnv, text};

pub(crate) fn a_bad_token_is_told(cluster: &Cluster) {
    let env = &cluster.env;
    let short = env.succeed(&["token", "--lifespan", "1"]);
    sleep(Duration::from_secs(2));
    let refused = |code: i32, token: &str, words: &str| {
        let output = cluster.run_with(token, &["jobs", "list"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words) && said.contains("next: "), "{said}");
        assert!(!said.contains(token.trim()), "{said}");
    };
    refused(1, &short, "expired");
    let fresh = env.succeed(&["token"]);
    let claims = fresh.rsplit_once('.').unwrap().0;
    let signature = short.trim().rsplit_once('.').unwrap().1;
    refused(1, &format!("{claims}.{signature}"), "which has not expired");
    refused(2, "no token at all", "SLURM_JWT holds no Slurm token");

    // A minted token goes to no other server.
    let missing = env.fail(2, &["jobs", "list", "--endpoint", "http://127.0.0.1:9"]);
    assert!(missing.contains("there is no token for"), "{missing}");
}

pub(crate) fn a_minted_token_is_kept(cluster: &Cluster) {
    let env = &cluster.env;
    let memory = env.runtime_folder();
    // Nobody else mints tokens of this user.
    let user = "munge";
    env.succeed(&["jobs", "list", "--as-user", user]);
    let minted = tokens_minted(env, user);
    assert!(minted > 0, "nothing was minted");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&memory), 0o700);
    let files: Vec<_> = fs::read_dir(&memory).unwrap().flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(mode(&files[0].path()), 0o600);
    env.succeed(&["jobs", "list", "--as-user", user]);
    assert_eq!(tokens_minted(env, user), minted, "another token was minted");
}

/// Returns how many commands SSM has taken that name this user.
fn tokens_minted(env: &TestEnv, user: &str) -> usize {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ssm = aws_sdk_ssm::Client::new(&env.aws().await);
        let commands = ssm.list_commands().into_paginator().items().send();
        let commands = commands.collect::<Result<Vec<_>, _>>().await.unwrap();
        let assignment = format!("user='{user}'");
        let names_user = |command: &&Command| {
            let scripts = command.parameters().and_then(|all| all.get("commands"));
            scripts.is_some_and(|scripts| scripts.iter().any(|it| it.contains(&assignment)))
        };
        commands.iter().filter(names_user).count()
    })
}

/// What seals a token holds little more than this one.
pub(crate) fn a_token_of_the_longest_name_comes_whole(cluster: &Cluster) {
    let name = "a-name-as-long-as-linux-takes-it";
    cluster.on_head_node(&format!("useradd {name}"));
    let token = cluster.env.succeed(&["token", "--user", name]);
    let output = cluster.run_with(&token, &["partitions"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The socket of slurmrestd itself.
pub(crate) fn a_socket_is_asked_too(cluster: &Cluster) {
    let env = &cluster.env;
    let token = env.succeed(&["token"]);
    let endpoint = format!("unix:{}", cluster.socket());
    let mut command = env.hpcapi(&["partitions", "--output", "json", "--endpoint", &endpoint]);
    command.env("SLURM_JWT", token.trim());
    let output = as_root(&command).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let straight: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(straight, env.json(&["partitions", "--output", "json"]));
}

pub(crate) fn revoking_ends_every_token(cluster: &Cluster) {
    let env = &cluster.env;
    let given = env.succeed(&["token"]);
    env.succeed(&["ping"]);
    let held = cluster.submit("true", &["--hold"]);
    let said = env.succeed(&["token", "--revoke-all", "--yes"]);
    assert!(said.contains("every token is revoked"), "{said}");
    let output = cluster.run_with(&given, &["jobs", "list"]);
    assert_eq!(output.status.code(), Some(1), "the old token is still good");
    // The remembered one is renewed without a word, and the jobs are still there.
    let output = env.run(&["jobs", "show", &held]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    env.succeed(&["jobs", "cancel", &held]);
}
