//! Whoever has asked for it is told when a job ends: once, and with how it ended.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::environment::{TestEnv, text};

/// Jobs that ask for it, by the names that they have; a fourth one does not.
const TOLD: [&str; 4] = ["by-sbatch", "by-submit", "by-run", "by-trigger"];

/// How often it is looked whether all has come.
const LOOKS: usize = 200;

/// A subscriber of this account: a queue, of what one user has run. Prints its URL.
const SUBSCRIBE: &str = r#"set -e
eval "$(hpcapi sandbox env)"
topic=$(aws cloudformation describe-stacks --stack-name hpc-serverless-job-mgmt-notifications \
    --query 'Stacks[0].Outputs[0].OutputValue' --output text)
queue=$(aws --endpoint-url "$AWS_ENDPOINT_URL" sqs create-queue --queue-name told --query QueueUrl --output text)
arn=arn:aws:sqs:us-east-1:$HPCAPI_SANDBOX_ACCOUNT:told
policy='{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"sns.amazonaws.com\"}, \"Action\": \"sqs:SendMessage\", \"Resource\": \"'$arn'\"}]}'
aws --endpoint-url "$AWS_ENDPOINT_URL" sqs set-queue-attributes --queue-url "$queue" \
    --attributes "{\"Policy\": \"$policy\", \"VisibilityTimeout\": \"43200\"}"
aws sns subscribe --topic-arn "$topic" --protocol sqs --notification-endpoint "$arn" \
    --attributes '{"RawMessageDelivery": "true", "FilterPolicy": "{\"user\": [\"ec2-user\"]}"}' >&2
echo "$queue"
"#;

/// Reads what has come into the queue; what was read does not come again for hours.
const RECEIVE: &str = r#"set -e
eval "$(hpcapi sandbox env)"
came=$(aws --endpoint-url "$AWS_ENDPOINT_URL" sqs receive-message --queue-url "$queue" --max-number-of-messages 10 --wait-time-seconds 2 --output json)
echo "${came:-null}"
"#;

fn shell(env: &TestEnv, script: &str) -> String {
    let output = env.shell(script);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Returns what is told until each of these names was told of, and how often.
fn told(env: &TestEnv, queue: &str) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let receive = format!("queue={queue}\n{RECEIVE}");
    for _ in 0..LOOKS {
        let came: Value = serde_json::from_str(&shell(env, &receive)).unwrap();
        for message in came["Messages"].as_array().into_iter().flatten() {
            let message = serde_json::from_str(message["Body"].as_str().unwrap());
            let message: Value = message.unwrap();
            let name = message["name"].as_str().unwrap().to_owned();
            told.entry(name).or_default().push(message);
        }
        if TOLD.iter().all(|name| told.contains_key(*name)) {
            return told;
        }
    }
    panic!("not all was told of: {told:#?}");
}

/// Returns how the step is.
fn state(env: &TestEnv) -> String {
    let status = env.json(&["status", "--output", "json"]);
    let mut steps = status["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["step"] == "notifications").unwrap();
    step["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_wants_to_know_is_told_once() {
    let env = TestEnv::new();
    let made = env.json(&["up", "--yes", "--output", "json"]);
    let script = env.file("job.sh", "#!/bin/bash\nexit 3\n");
    let submit = ["jobs", "submit", "--notify", "--name", "by-submit", &script];
    let words = env.fail(3, &submit);
    assert!(
        words.contains("hpcapi up") && words.contains("--notify me@example.org"),
        "{words}"
    );
    let words = env.fail(2, &["up", "--yes", "--notify", "me"]);
    assert!(words.contains("neither an e-mail address"), "{words}");

    let output = env.run(&["up", "--yes", "--notify", "me@example.org"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let words = text(&output.stderr);
    assert!(words.contains("a mail to me@example.org"), "{words}");
    let queue = shell(&env, SUBSCRIBE);
    let queue = queue.trim();

    env.succeed(&submit);
    env.succeed(&["jobs", "submit", "--name", "silent", &script]);
    let run = env.run(&["run", &script, "--name", "by-run", "--notify"]);
    assert_eq!(run.status.code(), Some(3), "{}", text(&run.stderr));
    env.on_head_node(
        "runuser -u ec2-user -- sbatch -D /tmp -J by-sbatch --comment 'mine hpcapi:notify' --wrap true",
    )
    .await;
    let add = ["trigger", "add", "reads", &script, "--prefix", "inbox/"];
    env.succeed(&[&add[..], &["--name", "by-trigger", "--notify"]].concat());
    let bucket = made["bucket"].as_str().unwrap();
    let put =
        format!("eval \"$(hpcapi sandbox env)\"; aws s3 cp - s3://{bucket}/inbox/it </dev/null");
    shell(&env, &put);

    let told = told(&env, queue);
    for name in TOLD {
        let [message] = &told[name][..] else {
            panic!("{name}: {told:#?}");
        };
        let ended = match name {
            "by-sbatch" => ("COMPLETED", 0),
            _ => ("FAILED", 3),
        };
        assert_eq!(message["state"], ended.0, "{message}");
        assert_eq!(message["exit_code"], ended.1, "{message}");
        assert_eq!(message["deployment"], "hpc-serverless-job-mgmt");
    }
    assert_eq!(told["by-trigger"][0]["trigger"], "reads", "{told:#?}");
    assert!(told["by-run"][0]["run"].is_string(), "{told:#?}");
    assert!(!told.contains_key("silent"), "{told:#?}");

    assert_eq!(state(&env), "ready");
    let told = env.succeed(&["doctor"]);
    assert!(told.contains("whom `up --notify` has named"), "{told}");
    env.succeed(&["up", "--yes", "--notify", "off"]);
    assert_eq!(state(&env), "off");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
