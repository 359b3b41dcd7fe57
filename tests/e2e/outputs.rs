//! What other tools know a deployment by: SSM parameters, as long as there is one, and the answer of
//! `up`, which is as its schema says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::environment::TestEnv;
use crate::tools::{succeed, tools};

const UP: &[&str] = &["up", "--yes", "--output", "json"];
const REPLACE: &[&str] = &["up", "--replace-cluster", "--yes", "--output", "json"];

/// Returns the parameters of all deployments of the account, by name.
async fn parameters(env: &TestEnv) -> BTreeMap<String, String> {
    let ssm = aws_sdk_ssm::Client::new(&env.aws().await);
    let asked = ssm.get_parameters_by_path().path("/hpcapi").recursive(true);
    let found = asked.send().await.unwrap();
    let pairs = found.parameters().iter().map(|one| {
        let name = one.name().unwrap().to_owned();
        (name, one.value().unwrap().to_owned())
    });
    pairs.collect()
}

/// Returns the parameters that go with an answer of `up`.
fn told(up: &Value) -> BTreeMap<String, String> {
    let pairs = [
        ("bucket", "bucket"),
        ("endpoint", "endpoint"),
        ("head-node", "head_node"),
    ]
    .map(|(name, key)| {
        let name = format!("/hpcapi/hpc-serverless-job-mgmt/{name}");
        (name, up[key].as_str().unwrap().to_owned())
    });
    pairs.into()
}

/// Asserts that an answer of `up` is what the published schema says, in the eyes of a validator.
fn assert_valid(env: &TestEnv, answer: &Value) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/up.schema.json");
    let answer = env.file("answer.json", &answer.to_string());
    let program = "import json, sys, jsonschema\n\
        schema, answer = (json.load(open(path)) for path in sys.argv[1:])\n\
        validator = jsonschema.Draft202012Validator\n\
        validator.check_schema(schema)\n\
        validator(schema).validate(answer)";
    let mut python = Command::new(tools().join("python"));
    succeed(python.args(["-c", program]).arg(schema).arg(answer));
}

#[tokio::test]
async fn parameters_say_what_up_says_and_follow_the_head_node_until_teardown() {
    let env = TestEnv::new();
    let up = env.json(UP);
    assert_valid(&env, &up);
    assert_eq!(parameters(&env).await, told(&up));

    let replaced = env.json(REPLACE);
    assert_ne!(replaced["head_node"], up["head_node"]);
    assert_eq!(replaced["endpoint"], up["endpoint"]);
    assert_eq!(parameters(&env).await, told(&replaced));

    // Templates of others find it, too.
    let template = r#"{"Resources": {"Copy": {"Type": "AWS::SSM::Parameter", "Properties": {
        "Name": "/mine", "Type": "String",
        "Value": "{{resolve:ssm:/hpcapi/hpc-serverless-job-mgmt/endpoint}}"}}}}"#;
    let template = env.file("others.json", template);
    let deployed = env.type_command(&format!(
        "aws cloudformation deploy --stack-name others --template-file {template} && \
         aws ssm get-parameter --name /mine --query Parameter.Value --output text && \
         aws cloudformation delete-stack --stack-name others && \
         aws cloudformation wait stack-delete-complete --stack-name others"
    ));
    assert!(deployed.status.success(), "{deployed:?}");
    let printed = String::from_utf8(deployed.stdout).unwrap();
    assert!(
        printed.contains(up["endpoint"].as_str().unwrap()),
        "{printed}"
    );

    env.succeed(&["teardown", "--yes"]);
    assert_eq!(parameters(&env).await, BTreeMap::new());
    env.assert_empty().await;
}
