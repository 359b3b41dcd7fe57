//! Filling a configuration changes its `CHANGE_ME`s and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use hpcapi::error::Kind;
use hpcapi::pcluster::config::{ClusterConfig, Values};
use proptest::prelude::*;
use serde_yaml::Value;

fn values() -> Values {
    Values {
        region: "eu-west-9".to_owned(),
        head_node_subnet: "subnet-0aaaaaaaaaaaaaaa0".to_owned(),
        compute_subnets: [
            "subnet-0bbbbbbbbbbbbbbb1".to_owned(),
            "subnet-0ccccccccccccccc2".to_owned(),
        ],
        head_node_security_group: "sg-0ddddddddddddddd3".to_owned(),
        key_name: "filled-key".to_owned(),
        bucket: "filled-bucket".to_owned(),
        node_script: "s3://filled-bucket/x/head-node.sh".to_owned(),
    }
}

/// Returns the text with every filled value turned back.
fn unfilled(text: &str) -> String {
    let values = values();
    let [first, second] = &values.compute_subnets;
    // The script's address holds the bucket's name, so it goes first.
    [
        &values.node_script,
        &values.region,
        &values.head_node_subnet,
        first,
        second,
        &values.head_node_security_group,
        &values.key_name,
        &values.bucket,
    ]
    .into_iter()
    .fold(text.to_owned(), |text, value| {
        text.replace(value.as_str(), "CHANGE_ME")
    })
}

fn configs() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/configs")).unwrap();
    let mut configs: Vec<_> = files
        .map(|file| file.unwrap().path())
        .chain([root.join("cluster-config.yaml")])
        .map(|path| {
            let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
            (path, text)
        })
        .collect();
    configs.sort();
    configs
}

fn holds_change_me(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("CHANGE_ME"),
        Value::Sequence(items) => items.iter().any(holds_change_me),
        Value::Mapping(mapping) => mapping
            .iter()
            .any(|(k, v)| holds_change_me(k) || holds_change_me(v)),
        Value::Tagged(tagged) => holds_change_me(&tagged.value),
        _ => false,
    }
}

/// Asserts that two documents differ only where the first says `CHANGE_ME`.
fn agree(before: &Value, after: &Value, path: &str) {
    match (before, after) {
        (Value::Mapping(before), Value::Mapping(after)) => {
            assert!(before.keys().eq(after.keys()), "keys of {path}");
            for (key, value) in before {
                agree(
                    value,
                    &after[key],
                    &format!("{path}.{}", key.as_str().unwrap_or("?")),
                );
            }
        }
        (Value::Sequence(before), Value::Sequence(after)) => {
            assert_eq!(before.len(), after.len(), "items of {path}");
            for (position, value) in before.iter().enumerate() {
                agree(value, &after[position], &format!("{path}[{position}]"));
            }
        }
        (Value::Tagged(before), Value::Tagged(after)) => agree(&before.value, &after.value, path),
        (Value::String(before), Value::String(after)) if before.contains("CHANGE_ME") => {
            assert_eq!(before, &unfilled(after), "{path}");
        }
        _ => assert_eq!(before, after, "{path}"),
    }
}

#[test]
fn only_the_change_me_scalars_differ() {
    let configs = configs();
    assert!(configs.len() > 30);
    for (path, text) in configs {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let config = ClusterConfig::parse(&text, &path).unwrap_or_else(|error| panic!("{error}"));
        let filled = config.fill(&values());
        assert_eq!(unfilled(filled.text()), text, "{name}");
        let yaml = |text: &str| -> Value {
            serde_yaml::from_str(text.trim_start_matches('\u{feff}')).unwrap()
        };
        let (before, after) = (yaml(&text), yaml(filled.text()));
        assert!(!holds_change_me(&after), "{name}");
        agree(&before, &after, &name);
        let again = ClusterConfig::parse(filled.text(), &path).unwrap();
        assert!(again.change_me().is_empty(), "{name}");
    }
}

#[test]
fn our_own_configuration_has_the_seven_places_of_the_recipe() {
    let text = include_str!("../cluster-config.yaml");
    let config = ClusterConfig::parse(text, Path::new("cluster-config.yaml")).unwrap();
    let places: Vec<_> = config
        .change_me()
        .iter()
        .map(|item| item.path.to_string())
        .collect();
    assert_eq!(
        places,
        [
            "HeadNode.Networking.SubnetId",
            "HeadNode.Networking.AdditionalSecurityGroups[0]",
            "HeadNode.Ssh.KeyName",
            "HeadNode.Iam.S3Access[0].BucketName",
            "HeadNode.CustomActions.OnNodeConfigured.Script",
            "Scheduling.SlurmQueues[0].Networking.SubnetIds[0]",
            "Scheduling.SlurmQueues[0].Iam.S3Access[0].BucketName",
        ]
    );
    assert_eq!(text.matches("CHANGE_ME").count(), 7);
}

#[test]
fn each_value_goes_to_its_own_place() {
    let text = include_str!("configs/recipe.yaml");
    let config = ClusterConfig::parse(text, Path::new("recipe.yaml")).unwrap();
    let filled: Value = serde_yaml::from_str(config.fill(&values()).text()).unwrap();
    let head_node = &filled["HeadNode"];
    let queue = &filled["Scheduling"]["SlurmQueues"][0];
    let values = values();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(
        text(&head_node["Networking"]["SubnetId"]),
        values.head_node_subnet
    );
    assert_eq!(
        text(&head_node["Networking"]["AdditionalSecurityGroups"][0]),
        values.head_node_security_group
    );
    assert_eq!(text(&head_node["Ssh"]["KeyName"]), values.key_name);
    assert_eq!(
        text(&head_node["Iam"]["S3Access"][0]["BucketName"]),
        values.bucket
    );
    assert_eq!(
        text(&head_node["CustomActions"]["OnNodeConfigured"]["Script"]),
        values.node_script
    );
    assert_eq!(
        text(&queue["Networking"]["SubnetIds"][0]),
        values.compute_subnets[0]
    );
    assert_eq!(
        text(&queue["Iam"]["S3Access"][0]["BucketName"]),
        values.bucket
    );
}

fn refusal(text: &str) -> (String, String) {
    let error = ClusterConfig::parse(text, Path::new("my.yaml")).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{text}");
    (error.to_string(), error.hints().join("\n"))
}

#[test]
fn a_change_me_without_a_value_is_refused_with_its_place_and_what_could_go_there() {
    let (message, hints) = refusal("HeadNode:\n  InstanceType: CHANGE_ME\n");
    assert_eq!(
        message,
        "my.yaml:2:17: hpcapi has no value for CHANGE_ME at HeadNode.InstanceType"
    );
    assert!(
        hints.contains("an instance type, for example t3.micro"),
        "{hints}"
    );
    assert!(hints.contains("HeadNode.Networking.SubnetId"), "{hints}");
}

#[test]
fn a_third_subnet_of_a_queue_is_refused() {
    let list = "Scheduling:\n  SlurmQueues:\n  - Networking: {SubnetIds: [CHANGE_ME, CHANGE_ME, CHANGE_ME]}\n";
    let (message, _) = refusal(list);
    assert!(
        message.ends_with("at Scheduling.SlurmQueues[0].Networking.SubnetIds[2]"),
        "{message}"
    );
}

#[test]
fn every_other_bad_configuration_is_refused_with_its_place() {
    let cases = [
        ("", "not a cluster configuration"),
        ("# only words\n", "not a cluster configuration"),
        ("just words\n", "not a cluster configuration"),
        ("[a, b]\n", "not a cluster configuration"),
        ("a: [oops\n", "my.yaml:"),
        ("a: 1\n---\nb: 2\n", "second YAML document"),
        (
            "a: 1\nb: 2\na: 3\n",
            "my.yaml:3:1: the key `a` is given twice",
        ),
        (
            "CHANGE_ME: 1\n",
            "my.yaml:1:1: CHANGE_ME stands where a key belongs",
        ),
        (
            "HeadNode:\n  Ssh: {KeyName: my-CHANGE_ME}\n",
            "my.yaml:2:21: hpcapi has no value",
        ),
        (
            "\u{feff}Tags: [{Key: a, Value: CHANGE_ME}]\n",
            "my.yaml:1:24: hpcapi has no value",
        ),
        (
            "é: ü\r\nDevSettings: CHANGE_ME\r\n",
            "my.yaml:2:14: hpcapi has no value",
        ),
    ];
    for (text, expected) in cases {
        let (message, _) = refusal(text);
        assert!(message.contains(expected), "{text:?} gives {message:?}");
    }
}

proptest! {
    /// However a known place is written, the fill touches it alone.
    #[test]
    fn a_scalar_is_replaced_in_its_own_style(
        quote in prop::sample::select(vec!["", "'", "\""]),
        comment in "[ -~äöü🚀]{0,20}",
        before in 0_usize..3,
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
        mark in any::<bool>(),
        flow in any::<bool>(),
    ) {
        let scalar = format!("{quote}CHANGE_ME{quote}");
        let mark = if mark { "\u{feff}" } else { "" };
        let comments = format!("# {comment}{line_end}").repeat(before);
        let body = if flow {
            format!("HeadNode: {{Networking: {{SubnetId: {scalar}}}}} # {comment}{line_end}")
        } else {
            format!("HeadNode:{line_end}  Networking:{line_end}    SubnetId: {scalar} # {comment}{line_end}")
        };
        let text = format!("{mark}{comments}{body}");
        let config = ClusterConfig::parse(&text, Path::new("c.yaml")).unwrap();
        let filled = config.fill(&values());
        let expected = format!("{mark}{comments}{}", body.replacen("CHANGE_ME", "subnet-0aaaaaaaaaaaaaaa0", 1));
        prop_assert_eq!(filled.text(), expected);
    }
}
