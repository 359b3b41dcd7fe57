//! The plain token is nowhere but where the user put it.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::environment::TestEnv;
use crate::slurm::TRIXIE;

#[test]
fn a_token_says_who_and_how_long_and_is_kept_nowhere() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    TRIXIE.together(|cluster| runtime.block_on(is_kept_nowhere(&cluster.env)));
}

async fn is_kept_nowhere(env: &TestEnv) {
    let token = env.json(&["token", "--lifespan", "30m", "--output", "json"]);
    let plain = token["token"].as_str().unwrap();
    let claims = plain.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        1800
    );
    assert_eq!(claims["sun"], "ec2-user");

    let signature = plain.rsplit('.').next().unwrap();
    let ssm = aws_sdk_ssm::Client::new(&env.aws().await);
    let history = ssm
        .list_command_invocations()
        .details(true)
        .send()
        .await
        .unwrap();
    assert!(!history.command_invocations().is_empty());
    let outputs = format!(
        "{history:?} {:?}",
        ssm.list_commands().send().await.unwrap()
    );
    assert!(
        outputs.contains("sealed"),
        "the history is not what it should be"
    );
    assert!(!outputs.contains(signature));
    assert_eq!(
        files_with(&env.sandbox_folder(), signature),
        Vec::<String>::new()
    );
    assert_eq!(files_with(env.home(), signature), Vec::<String>::new());

    let shell = env.succeed(&["token", "--output", "env"]);
    for variable in [
        "SLURM_JWT=",
        "SLURM_USER=ec2-user",
        "HPCAPI_ENDPOINT=",
        "HPCAPI_HOME=/home/ec2-user",
    ] {
        assert!(shell.contains(&format!("export {variable}")), "{shell}");
    }

    let refused = env.fail(1, &["token", "--user", "nobody-knows-me"]);
    assert!(
        refused.contains("the head node has no user `nobody-knows-me`"),
        "{refused}"
    );
    for (option, value) in [
        ("--user", "$(id)"),
        ("--lifespan", "1;id"),
        ("--lifespan", "0"),
    ] {
        env.fail(2, &["token", option, value]);
    }
}

/// Returns the files below `folder` that hold `needle`. Links and what other nodes mount are
/// not followed.
fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A node that stops takes its files with it.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && !path.ends_with("image") && !path.ends_with("venv") {
                folders.push(path);
            } else if kind.is_file() {
                let content = fs::read(&path).unwrap_or_default();
                if content
                    .windows(needle.len())
                    .any(|part| part == needle.as_bytes())
                {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found
}
