//! From nothing to a job's result and back to nothing. Tests start in the order of their names, so this
//! long one runs beside others and not alone at the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::environment::TestEnv;

struct Api {
    endpoint: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Api {
    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let request = match &self.token {
            Some(token) => request
                .header("X-SLURM-USER-NAME", "ec2-user")
                .header("X-SLURM-USER-TOKEN", token),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.send(self.http.get(format!("{}{path}", self.endpoint)))
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        self.send(
            self.http
                .post(format!("{}{path}", self.endpoint))
                .json(body),
        )
        .await
    }

    fn with(&self, token: Option<&str>) -> Api {
        Api {
            endpoint: self.endpoint.clone(),
            token: token.map(ToOwned::to_owned),
            http: self.http.clone(),
        }
    }
}

#[tokio::test]
async fn a_newcomer_gets_an_api_runs_a_job_and_removes_it_all() {
    let env = TestEnv::new();
    let before = env.json(&["teardown", "--check", "--output", "json"]);
    assert_eq!(before["clean"], true, "{before}");
    let up = env.json(&["up", "--yes", "--prove", "--output", "json"]);
    assert_eq!(up["changed"], true);
    assert_eq!(up["proof"]["state"], "COMPLETED");
    let proof = up["proof"]["output"].as_str().unwrap();
    assert!(proof.contains("on queue1-dy-t3micro-1"), "{proof}");
    private_files_are_private(&env);

    again_changes_nothing(&env);
    let status = env.json(&["status", "--output", "json"]);
    assert_eq!(status["ready"], true);

    let version = up["api_version"].as_str().unwrap();
    let api = Api {
        endpoint: up["endpoint"].as_str().unwrap().to_owned(),
        token: Some(env.succeed(&["token"]).trim().to_owned()),
        http: reqwest::Client::new(),
    };
    partitions_are_shown(&api, version).await;
    the_recipes_job_runs(&env, &api, version).await;
    nobody_gets_in_without_a_valid_token(&env, &api, version).await;
    the_printed_commands_work(&env, &up);
    a_proof_whose_job_cannot_start_ends_with_the_reason(&env).await;

    let teardown = env.json(&["teardown", "--yes", "--output", "json"]);
    assert_eq!(teardown["left"], json!([]));
    assert_eq!(teardown["clean"], true, "{teardown}");
    assert_eq!(teardown["look_alikes"], json!([]));
    env.assert_empty().await;
    let local = fs::read_dir(env.home().join(".parallelcluster")).unwrap();
    let left: Vec<_> = local
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "pcluster-cli.log")
        .collect();
    assert_eq!(left, Vec::<String>::new());
    let again = env.json(&["teardown", "--yes", "--output", "json"]);
    assert_eq!(again["removed"], json!([]));
    env.fail(3, &["status"]);
    env.fail(3, &["token"]);
}

/// Its queue is closed; then its nodes are down.
async fn a_proof_whose_job_cannot_start_ends_with_the_reason(env: &TestEnv) {
    let ends_with = |expected: &[&str]| {
        let words = env.fail(1, &["up", "--yes", "--prove"]);
        for part in expected {
            assert!(words.contains(part), "no `{part}` in:\n{words}");
        }
        let waiting = env.json(&["jobs", "list", "--state", "PENDING", "--output", "json"]);
        assert_eq!(waiting["jobs"], json!([]));
    };
    env.on_head_node("scontrol update partitionname=queue1 state=INACTIVE")
        .await;
    ends_with(&[
        "the queue queue1 is INACTIVE",
        "/opt/slurm/bin/scontrol update partitionname=queue1 state=up",
    ]);
    let nodes = "nodes=$(sinfo --noheader --format %N | paste -sd,)";
    let down = format!(
        "scontrol update partitionname=queue1 state=UP; {nodes}
         scontrol update nodename=$nodes state=down reason='no disk any more'"
    );
    env.on_head_node(&down).await;
    ends_with(&["cannot start", "no disk any more", "state=resume"]);
    let resume = format!("{nodes}; scontrol update nodename=$nodes state=resume");
    env.on_head_node(&resume).await;
}

fn private_files_are_private(env: &TestEnv) {
    let folder = env.home().join(".parallelcluster");
    let mut seen = 0;
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if file.file_name() == "pcluster-cli.log" {
            continue;
        }
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, 2, "the filled configuration and the private key");
}

/// Nor does it ask `pcluster`, each call of which takes seconds.
fn again_changes_nothing(env: &TestEnv) {
    let before = calls_of_pcluster(env);
    assert!(before > 0, "the log tells nothing");
    let again = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(again["changed"], false);
    assert_eq!(calls_of_pcluster(env), before);
}

fn calls_of_pcluster(env: &TestEnv) -> usize {
    let log = fs::read_to_string(env.sandbox_folder().join("log/requests.jsonl")).unwrap();
    let calls = log.lines().map(|line| serde_json::from_str(line).unwrap());
    calls
        .filter(|call: &Value| call["access_key_id"] == env.account())
        .filter(|call| {
            !call["user_agent"]
                .as_str()
                .unwrap()
                .contains("aws-sdk-rust")
        })
        .count()
}

async fn partitions_are_shown(api: &Api, version: &str) {
    let (status, body) = api.get(&format!("/slurm/{version}/partitions")).await;
    assert_eq!(status, 200, "{body}");
    let partitions: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(partitions["partitions"][0]["name"], "queue1");
    let nodes = partitions["partitions"][0]["nodes"]["configured"]
        .as_str()
        .unwrap();
    assert!(nodes.starts_with("queue1-dy-t3micro-"), "{nodes}");
}

/// The job.json of the original recipe: `environment` as an object, and a script beside it.
async fn the_recipes_job_runs(env: &TestEnv, api: &Api, version: &str) {
    let job = json!({
        "job": {
            "name": "test",
            "tasks": 1,
            "nodes": "1",
            "current_working_directory": "/home/ec2-user/",
            "standard_input": "/dev/null",
            "standard_output": "/home/ec2-user/test.out",
            "standard_error": "/home/ec2-user/test_error.out",
            "environment": {
                "PATH": "/bin:/usr/bin/:/usr/local/bin/",
                "LD_LIBRARY_PATH": "/lib/:/lib64/:/usr/local/lib",
            },
        },
        "script": "#!/bin/bash\necho 'I am from the REST API'\nid -un\n",
    });
    let (status, body) = api
        .post(&format!("/slurm/{version}/job/submit"), &job)
        .await;
    assert_eq!(status, 200, "{body}");
    let id = serde_json::from_str::<Value>(&body).unwrap()["job_id"]
        .as_u64()
        .unwrap();
    loop {
        let (_, body) = api.get(&format!("/slurm/{version}/job/{id}")).await;
        let detail: Value = serde_json::from_str(&body).unwrap();
        match detail["jobs"][0]["job_state"][0].as_str() {
            Some("COMPLETED") => break,
            Some("PENDING" | "RUNNING") => {}
            _ => panic!("{body}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let output = env.on_head_node("cat /home/ec2-user/test.out").await;
    assert_eq!(output, "I am from the REST API\nec2-user\n");
}

async fn nobody_gets_in_without_a_valid_token(env: &TestEnv, api: &Api, version: &str) {
    let path = format!("/slurm/{version}/diag");
    assert_eq!(api.get(&path).await.0, 200);
    assert_eq!(api.with(None).get(&path).await.0, 401);
    assert_eq!(api.with(Some("garbage")).get(&path).await.0, 511);
    a_token_expires(env, api, &path).await;
    let (status, _) = api.get("/elsewhere").await;
    assert_eq!(status, 404, "what Slurm does not serve ends at the gateway");
    let (status, _) = api.get(&format!("/slurm/{version}/reconfigure")).await;
    assert_eq!(status, 403, "a GET must not change the cluster");
}

async fn a_token_expires(env: &TestEnv, api: &Api, path: &str) {
    // On a busy machine the first may be over before it is used.
    for lifespan in ["5", "30", "180"] {
        let brief = env.succeed(&["token", "--lifespan", lifespan]);
        let brief = api.with(Some(brief.trim()));
        if brief.get(path).await.0 != 200 {
            continue;
        }
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match brief.get(path).await.0 {
                200 => {}
                status => return assert_eq!(status, 511),
            }
        }
    }
    panic!("no brief token was ever good");
}

/// Pastes what `up` prints into a shell.
fn the_printed_commands_work(env: &TestEnv, up: &Value) {
    let commands: Vec<_> = up["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command.as_str().unwrap())
        .collect();
    assert_eq!(commands.len(), 3);
    assert!(commands[0].starts_with("export ") && commands[1].starts_with("export "));
    assert!(commands[2].starts_with("curl "));
    let output = env.shell(&commands.join("\n"));
    let answer = crate::environment::text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(answer.contains("queue1"), "{answer}");
}
