//! A cluster that stands is deleted only when the new one can be made, and when somebody agreed to
//! just that; and nobody is told to do it while the head node lives.

use serde_json::Value;

use crate::at_once::start_until;
use crate::environment::{TestEnv, text};

const NAME: &str = "hpc-serverless-job-mgmt";

fn head_node(env: &TestEnv) -> String {
    let status = env.json(&["status", "--output", "json"]);
    status["head_node"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cluster_is_replaced_only_by_one_that_can_be_made_and_with_consent() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let before = head_node(&env);
    let script = env.file("job.sh", "#!/bin/bash\n#SBATCH --hold\ntrue\n");
    env.succeed(&["jobs", "submit", &script]);

    // A configuration that pcluster refuses, and a machine that cannot run pcluster.
    let config = include_str!("../../cluster-config.yaml");
    let config = config.replace("InstanceType: t3.small", "InstanceType: t9.nosuch");
    let config = env.file("impossible.yaml", &config);
    let replace = ["up", "--replace-cluster", "--yes"];
    let words = env.fail(2, &[&replace[..], &["--config", &config]].concat());
    assert!(words.contains("t9.nosuch"), "{words}");
    let words = env.fail(2, &[&replace[..], &["--pcluster", "/bin/false"]].concat());
    assert!(words.contains("not a working pcluster"), "{words}");
    let words = env.fail(
        2,
        &[&replace[..], &["--detach", "--config", &config]].concat(),
    );
    assert!(words.contains("t9.nosuch"), "{words}");
    assert_eq!(head_node(&env), before);

    // Nobody agreed: not in a script without `--yes`, and not at a terminal.
    let words = env.fail(2, &["up", "--replace-cluster", "--prove"]);
    for part in [
        format!("the cluster {NAME}"),
        "its jobs: 0 running, 1 pending".to_owned(),
        format!("the disk of its head node {before}"),
        "nothing was deleted".to_owned(),
        "--replace-cluster --prove --yes".to_owned(),
    ] {
        assert!(words.contains(&part), "{part}: {words}");
    }
    let refused = env.at_terminal("hpcapi up --replace-cluster", "n\n");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stdout));
    assert_eq!(head_node(&env), before);

    // From its first look on, nobody tears down what is about to be made anew.
    let up = start_until(&env, &replace, "pcluster validates the configuration");
    let refusal = env.fail(3, &["teardown", "--yes"]);
    assert!(refusal.contains("`up` of"), "{refusal}");
    let up = up.wait_with_output().unwrap();
    assert!(up.status.success(), "{}", text(&up.stdout));
    assert_ne!(head_node(&env), before);

    let before = head_node(&env);
    let agreed = env.at_terminal("hpcapi up --replace-cluster", "y\n");
    assert!(agreed.status.success(), "{}", text(&agreed.stdout));
    assert_ne!(head_node(&env), before);
    env.succeed(&["doctor"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_head_node_without_its_tags_is_found_and_not_called_terminated() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let before = head_node(&env);
    let ec2 = aws_sdk_ec2::Client::new(&env.aws().await);
    let mut untag = ec2.delete_tags().resources(&before);
    for key in ["parallelcluster:cluster-name", "parallelcluster:node-type"] {
        untag = untag.tags(aws_sdk_ec2::types::Tag::builder().key(key).build());
    }
    untag.send().await.unwrap();

    let diagnosis = env.json(&["doctor", "--output", "json"]);
    let findings = diagnosis["findings"].as_array().unwrap();
    let warned = |finding: &&Value| finding["verdict"] == "warning";
    let found: Vec<_> = findings.iter().filter(warned).collect();
    assert_eq!(found.len(), 1, "{diagnosis}");
    let next = found[0]["next"][0].as_str().unwrap();
    assert!(next.starts_with("aws ec2 create-tags"), "{next}");
    env.succeed(&["token"]);
    env.succeed(&["up", "--yes"]);
    assert_eq!(head_node(&env), before);

    let typed = env.shell(&format!("eval \"$(hpcapi sandbox env)\"; {next}"));
    assert!(typed.status.success(), "{}", text(&typed.stderr));
    let diagnosis = env.json(&["doctor", "--output", "json"]);
    assert!(
        !diagnosis.to_string().contains("create-tags"),
        "{diagnosis}"
    );
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
