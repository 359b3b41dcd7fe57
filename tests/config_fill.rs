//! Filling a configuration changes its `CHANGE_ME`s, and nothing else.
//!
//! `configs/` holds configurations as people write them, `configs/expected.txt` what is filled
//! in each, with aliases and merge keys resolved.

use std::fs;
use std::path::{Path, PathBuf};

use hpcapi::error::Kind;
use hpcapi::pcluster::config::{ClusterConfig, Values};
use proptest::prelude::*;
use serde_yaml::Value;

const CHANGE_ME: &str = "CHANGE_ME";

fn values() -> Values {
    Values {
        region: "eu-west-9".to_owned(),
        head_node_subnet: "subnet-public".to_owned(),
        compute_subnets: ["subnet-private-1".to_owned(), "subnet-private-2".to_owned()],
        head_node_security_group: "sg-head-node".to_owned(),
        key_name: "filled-key".to_owned(),
        bucket: "filled-bucket".to_owned(),
        node_script: "s3://filled-bucket/x/head-node.sh".to_owned(),
    }
}

/// All values, those first that begin with others.
fn all_values() -> Vec<String> {
    let values = values();
    let [first, second] = values.compute_subnets;
    vec![
        values.node_script,
        values.region,
        values.head_node_subnet,
        first,
        second,
        values.head_node_security_group,
        values.key_name,
        values.bucket,
    ]
}

fn parse(text: &str) -> ClusterConfig {
    ClusterConfig::parse(text, Path::new("my.yaml"))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn document(text: &str) -> Value {
    let mut document: Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    document.apply_merge().unwrap();
    document
}

fn configs() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/configs")).unwrap();
    let mut configs: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .chain([root.join("cluster-config.yaml")])
        .map(|path| {
            let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
            (path, text)
        })
        .collect();
    configs.sort();
    configs
}

/// Walks both texts at once and returns the bytes at which the first says `CHANGE_ME` and the
/// second a value. Panics where they differ in any other way.
fn replaced(before: &str, after: &str) -> Vec<usize> {
    let values = all_values();
    let (mut at, mut rest) = (0, after);
    let mut replaced = Vec::new();
    while at < before.len() {
        let here = &before[at..];
        if here.starts_with(CHANGE_ME) && !rest.starts_with(CHANGE_ME) {
            let value = values.iter().find(|value| rest.starts_with(value.as_str()));
            rest = &rest[value.expect("a value").len()..];
            replaced.push(at);
            at += CHANGE_ME.len();
        } else {
            let character = here.chars().next().unwrap();
            assert_eq!(Some(character), rest.chars().next(), "at byte {at}");
            at += character.len_utf8();
            rest = &rest[character.len_utf8()..];
        }
    }
    assert_eq!(rest, "");
    replaced
}

/// Lists the places at which two documents differ, with the value of the second. Panics where
/// they differ in anything but a word with `CHANGE_ME`.
fn differences(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Mapping(before), Value::Mapping(after)) => {
            assert!(before.keys().eq(after.keys()), "keys of {path}");
            for (key, value) in before {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", key.as_str().unwrap());
                differences(value, &after[key], &path, found);
            }
        }
        (Value::Sequence(before), Value::Sequence(after)) => {
            assert_eq!(before.len(), after.len(), "items of {path}");
            for (position, (before, after)) in before.iter().zip(after).enumerate() {
                differences(before, after, &format!("{path}[{position}]"), found);
            }
        }
        (Value::String(before), Value::String(after)) if before != after => {
            assert!(before.contains(CHANGE_ME), "{path}");
            assert!(!after.contains(CHANGE_ME), "{path}");
            found.push(format!("{path} {after}"));
        }
        _ => assert_eq!(before, after, "{path}"),
    }
}

/// Returns what `expected.txt` says of a file: lines `PLACE VALUE` below the file's name.
fn expected(file: &str) -> Vec<&'static str> {
    let mut lines = include_str!("configs/expected.txt").lines();
    assert!(lines.any(|line| line == file), "{file} is not expected");
    let mut places: Vec<_> = lines.map_while(|line| line.strip_prefix("  ")).collect();
    places.sort_unstable();
    places
}

#[test]
fn only_the_change_me_scalars_differ() {
    let configs = configs();
    assert!(configs.len() > 30);
    for (path, text) in configs {
        let file = path.file_name().unwrap().to_str().unwrap();
        let config = ClusterConfig::parse(&text, &path)
            .unwrap_or_else(|error| panic!("{file}: {error} {:?}", error.hints()));
        let filled = config.fill(&values());
        let mut found = Vec::new();
        differences(&document(&text), &document(filled.text()), "", &mut found);
        // Merge keys have no order.
        found.sort();
        assert_eq!(found, expected(file), "{file}");
        let starts: Vec<_> = config.change_me().iter().map(|it| it.span.start).collect();
        assert_eq!(replaced(&text, filled.text()), starts, "{file}");
        let again = ClusterConfig::parse(filled.text(), &path).unwrap();
        assert!(again.change_me().is_empty(), "{file}");
        assert_eq!(again.fill(&values()), filled, "{file}");
    }
}

#[test]
fn line_and_column_are_those_of_an_editor() {
    for (path, text) in configs() {
        let config = ClusterConfig::parse(&text, &path).unwrap();
        let lines: Vec<_> = text.trim_start_matches('\u{feff}').lines().collect();
        for item in config.change_me() {
            let line = lines[item.line - 1];
            let rest: String = line.chars().skip(item.column - 1).collect();
            assert!(rest.starts_with(CHANGE_ME), "{}: {line}", path.display());
            assert_eq!(&text[item.span.clone()], CHANGE_ME);
        }
    }
}

#[test]
fn our_own_configuration_has_the_seven_places_of_the_recipe() {
    let text = include_str!("../cluster-config.yaml");
    let config = parse(text);
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
    assert_eq!(text.matches(CHANGE_ME).count(), 7);
}

#[test]
fn it_is_known_beforehand_what_is_left_to_hpcapi() {
    let config = parse("HeadNode: {Ssh: {KeyName: mine}, Networking: {SubnetId: subnet-1}}\n");
    assert!(!config.wants_key_name() && !config.wants_network());
    assert_eq!(config.key_name().as_deref(), Some("mine"));
    let config =
        parse("HeadNode: {Ssh: {KeyName: CHANGE_ME}, Networking: {SubnetId: CHANGE_ME}}\n");
    assert!(config.wants_key_name() && config.wants_network());
    assert_eq!(config.key_name(), None);
    let config = parse("HeadNode: {Ssh: &ssh {KeyName: mine}}\nLoginNodes: {Ssh: {<<: *ssh}}\n");
    assert_eq!(config.key_name().as_deref(), Some("mine"));
    let login = &config.document()["LoginNodes"]["Ssh"]["KeyName"];
    assert_eq!(login.as_str(), Some("mine"));
}

fn refusal(text: &str) -> (String, String) {
    let error = ClusterConfig::parse(text, Path::new("my.yaml")).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{text}");
    let told = error.hints().iter().map(ToString::to_string);
    (error.to_string(), told.collect::<Vec<_>>().join("\n"))
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
fn every_other_bad_configuration_is_refused_with_its_place() {
    let cases = [
        ("", "`my.yaml` is empty"),
        ("\u{feff}\r\n", "`my.yaml` is empty"),
        ("# only words\n", "not a cluster configuration"),
        ("just words\n", "not a cluster configuration"),
        ("[a, b]\n", "not a cluster configuration"),
        ("CHANGE_ME\n", "not a cluster configuration"),
        ("a: [oops\n", "my.yaml:2:1: this is not valid YAML"),
        ("é: 1\n b: 2\n", "my.yaml:2:3: this is not valid YAML"),
        ("a: 1\n---\nb: 2\n", "my.yaml:2:1: a second YAML document"),
        (
            "a: 1\nb: 2\na: 3\n",
            "my.yaml:3:1: the key `a` is given twice",
        ),
        (
            "a: 1\n\"a\": 3\n",
            "my.yaml:2:2: the key `a` is given twice",
        ),
        ("a: *b\n", "my.yaml:1:4: this is not valid YAML"),
        ("a: &a {b: *a}\n", "is not valid YAML"),
        ("a: {<<: 1}\n", "merges what cannot be"),
        (
            "CHANGE_ME: 1\n",
            "my.yaml:1:1: CHANGE_ME stands where a key belongs",
        ),
        (
            "HeadNode:\n  Ssh: {KeyName: my-CHANGE_ME}\n",
            "my.yaml:2:21: hpcapi has no value for CHANGE_ME as a part of HeadNode.Ssh.KeyName",
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

/// How a scalar may be written: before it, its quote, after it.
fn styles() -> impl Strategy<Value = (&'static str, &'static str, &'static str)> {
    prop::sample::select(vec![
        ("", "", ""),
        ("", "'", ""),
        ("", "\"", ""),
        ("!!str ", "", ""),
        ("!!str ", "\"", " "),
        ("&CHANGE_ME ", "'", ""),
        ("&a !!str ", "", " "),
    ])
}

/// A comment of any letters, with `CHANGE_ME` in it more often than not.
fn comments() -> impl Strategy<Value = String> {
    ("[ -~äöü🚀\t]{0,12}", any::<bool>(), "[ -~äöü🚀\t]{0,12}").prop_map(|(before, word, after)| {
        let word = if word { "CHANGE_ME" } else { "" };
        format!("#{before}{word}{after}")
    })
}

proptest! {
    /// However a known place is written, the fill touches it alone.
    #[test]
    fn a_scalar_is_replaced_in_its_own_style(
        (before, quote, after) in styles(),
        comment in comments(),
        comment_lines in 0_usize..3,
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
        mark in any::<bool>(),
        flow in any::<bool>(),
    ) {
        let line = |value: &str| {
            let scalar = format!("{before}{quote}{value}{quote}{after}");
            if flow {
                format!("HeadNode: {{Ü: é, Networking: {{SubnetId: {scalar}}}}} {comment}")
            } else {
                format!("HeadNode:{line_end}  Networking:{line_end}    SubnetId: {scalar} {comment}")
            }
        };
        let mark = if mark { "\u{feff}" } else { "" };
        let comments = format!("{comment}{line_end}").repeat(comment_lines);
        let text = |value| format!("{mark}{comments}{}{line_end}", line(value));
        let filled = parse(&text("CHANGE_ME")).fill(&values());
        prop_assert_eq!(filled.text(), text("subnet-public"));
    }

    /// Queues of any number, with own subnets and hpcapi's in any order.
    #[test]
    fn any_number_of_queues_is_filled(
        queues in prop::collection::vec(
            (prop::collection::vec(any::<bool>(), 1..4), any::<bool>(), styles(), comments()),
            0..12,
        ),
    ) {
        let text = |fill: bool| {
            let mut text = "Scheduling:\n  SlurmQueues:\n".to_owned();
            for (number, (subnets, flow, (before, quote, after), comment)) in queues.iter().enumerate() {
                let before = before.replace("&a", &format!("&a{number}"));
                let mut next = 0;
                let items: Vec<_> = subnets.iter().map(|own| {
                    if *own || next == 2 {
                        return "subnet-own".to_owned();
                    }
                    next += 1;
                    let value = if fill { format!("subnet-private-{next}") } else { CHANGE_ME.to_owned() };
                    // One anchor name may be given once only.
                    let before = if next == 1 { before.as_str() } else { "" };
                    format!("{before}{quote}{value}{quote}{after}")
                }).collect();
                let list = if *flow {
                    format!(" [{}] {comment}\n", items.join(", "))
                } else {
                    items.iter().fold(format!(" {comment}\n"), |list, item| {
                        format!("{list}      - {item} {comment}\n      {comment}\n")
                    })
                };
                text += &format!("  - Name: q{number} {comment}\n    Networking:\n     SubnetIds:{list}");
            }
            if queues.is_empty() { text.replace("SlurmQueues:", "SlurmQueues: []") } else { text }
        };
        let filled = parse(&text(false)).fill(&values());
        prop_assert_eq!(filled.text(), text(true));
    }

    /// A key pair may have any printable name; it stays one string.
    #[test]
    fn any_name_of_a_key_pair_stays_what_it_is(
        name in "[ -~]{1,30}",
        (before, quote, _) in styles(),
        flow in any::<bool>(),
    ) {
        let ssh = format!("KeyName: {before}{quote}CHANGE_ME{quote}");
        let text = if flow { format!("HeadNode: {{Ssh: {{{ssh}}}}}") } else { format!("HeadNode:\n  Ssh:\n    {ssh} # x\n") };
        let filled = parse(&text).fill(&Values { key_name: name.clone(), ..values() });
        let document = document(filled.text());
        prop_assert_eq!(document["HeadNode"]["Ssh"]["KeyName"].as_str(), Some(name.as_str()));
    }

    /// Whatever a file holds, reading it ends with a configuration or an error.
    #[test]
    fn no_file_makes_it_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "CHANGE_ME", "HeadNode", ": ", "\n", "  ", "- ", "[", "]", "{", "}", "'", "\"", "#", ", ",
            "&a ", "*a", "!!str ", "|-\n", ">\n", "? ", "---\n", "...\n", "<<: ", "\r\n", "\u{feff}",
            "é", "🚀", "\t", "\\", "Networking", "SubnetId: CHANGE_ME",
        ]), 0..30),
    ) {
        let text = parts.concat();
        if let Ok(config) = ClusterConfig::parse(&text, Path::new("my.yaml")) {
            let filled = config.fill(&values());
            prop_assert_eq!(replaced(&text, filled.text()).len(), config.change_me().len());
        }
    }
}
