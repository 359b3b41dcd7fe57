//! What a settings file may say, key by key, and of which argument it is the default.
//!
//! A file in the current folder may be somebody else's. So it says which deployment is meant and how it
//! is to be, and nothing by which a program is run or a token goes somewhere: those are options of the
//! command line alone.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::spelling;

use super::checks::{
    are_subnets, are_zones, is_a_region, is_boundary, is_bucket, is_key_name, is_name, is_notify,
    is_prefix, is_profile, is_range, is_role, is_span, is_subnet, is_version, is_vpc, tags,
};
use super::entries::{Entry, Value};

/// A key of the file.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The argument that it is the default of.
    argument: &'static str,
    /// The group of arguments that the argument is in. Others may have one of the same name that
    /// means something else.
    group: Option<&'static str>,
}

/// What a key's value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text that passes a check; the check says what is wrong with it.
    Text(fn(&str) -> Result<(), String>),
    /// The path of a file, from the folder of the settings file.
    Path,
    /// True or false, and the words that the argument has for them, if it has.
    Truth {
        yes: Option<&'static str>,
        no: Option<&'static str>,
    },
    /// A mapping of words to texts, each of which is one value of the argument; a function says which
    /// values, or what is wrong with it.
    Mapping(Read),
}

/// Reads the pairs of a mapping.
type Read = fn(&[(&str, &str)]) -> Result<Vec<String>>;

const DEPLOYMENT: Option<&str> = Some("DeploymentArgs");
const CLUSTER: Option<&str> = Some("ClusterArgs");
const PARTS: Option<&str> = Some("PartArgs");
const NETWORK: Option<&str> = Some("NetworkArgs");
const ACCOUNT: Option<&str> = Some("AccountArgs");
const PRICES: Option<&str> = Some("PriceArgs");

const fn key(
    name: &'static str,
    kind: Kind,
    argument: &'static str,
    group: Option<&'static str>,
) -> Key {
    Key {
        name,
        kind,
        argument,
        group,
    }
}

/// Every key, in the order of the file that is written.
pub(super) const KEYS: &[Key] = &[
    // Also of `iam-policy`, which takes nothing else of a deployment.
    key("deployment", Kind::Text(is_name), "deployment", None),
    key("region", Kind::Text(is_a_region), "region", DEPLOYMENT),
    key("profile", Kind::Text(is_profile), "profile", DEPLOYMENT),
    key("config", Kind::Path, "config", CLUSTER),
    key("key_name", Kind::Text(is_key_name), "key_name", CLUSTER),
    key("bucket", Kind::Text(is_bucket), "bucket", PARTS),
    key(
        "operations",
        Kind::Truth {
            yes: Some("on"),
            no: Some("off"),
        },
        "operations",
        PARTS,
    ),
    key("notify", Kind::Text(is_notify), "notify", PARTS),
    key("ttl", Kind::Text(is_span), "ttl", PARTS),
    key("idle", Kind::Text(is_span), "idle", PARTS),
    key("vpc", Kind::Text(is_vpc), "vpc", NETWORK),
    key(
        "head_node_subnet",
        Kind::Text(is_subnet),
        "head_node_subnet",
        NETWORK,
    ),
    key(
        "compute_subnets",
        Kind::Text(are_subnets),
        "compute_subnets",
        NETWORK,
    ),
    key(
        "api_subnets",
        Kind::Text(are_subnets),
        "api_subnets",
        NETWORK,
    ),
    key(
        "vpc_endpoints",
        Kind::Truth {
            yes: Some("true"),
            no: None,
        },
        "vpc_endpoints",
        NETWORK,
    ),
    key("zones", Kind::Text(are_zones), "zones", NETWORK),
    key("vpc_cidr", Kind::Text(is_range), "vpc_cidr", NETWORK),
    key("tags", Kind::Mapping(tags), "tags", ACCOUNT),
    key(
        "permissions_boundary",
        Kind::Text(is_boundary),
        "permissions_boundary",
        ACCOUNT,
    ),
    key("iam_prefix", Kind::Text(is_prefix), "iam_prefix", ACCOUNT),
    key("service_role", Kind::Text(is_role), "service_role", ACCOUNT),
    key(
        "pcluster_version",
        Kind::Text(is_version),
        "pcluster_version",
        CLUSTER,
    ),
    key(
        "prices",
        Kind::Truth {
            yes: None,
            no: Some("true"),
        },
        "no_prices",
        PRICES,
    ),
];

/// Options that a file cannot say, and why.
const REFUSED: [(&str, &str); 15] = [
    ("pcluster", "it names a program that is run"),
    ("endpoint", "a token goes there"),
    ("cacert", "it says which server gets a token"),
    ("via", "it says which way a request goes"),
    ("user", "it says who asks"),
    (
        "sandbox",
        "it says whose account is meant: export HPCAPI_SANDBOX=1",
    ),
    ("yes", EACH_TIME),
    ("detach", EACH_TIME),
    ("prove", EACH_TIME),
    ("replace_cluster", EACH_TIME),
    ("wait_for_jobs", EACH_TIME),
    ("skip_preflight", EACH_TIME),
    ("keep_bucket", EACH_TIME),
    ("output", EACH_TIME),
    ("verbose", EACH_TIME),
];

const EACH_TIME: &str = "it is for one call";

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.name == other.name
    }
}

impl Eq for Key {}

impl Key {
    /// Returns whether it is the default of this argument of a command with these groups of arguments.
    pub(super) fn is_argument(&self, id: &str, groups: &[String]) -> bool {
        let has = |group: &str| groups.iter().any(|own| own == group);
        self.argument == id && self.group.is_none_or(has)
    }

    /// Returns what the argument is given for a value, which is one value but for a mapping; nothing
    /// where its own default is meant.
    fn values(&self, value: &Value, file: &Path) -> Result<Vec<String>, String> {
        let word = |word: Option<&str>| word.map(ToOwned::to_owned).into_iter().collect();
        match (self.kind, value) {
            (_, Value::Null) => Err(NO_VALUE.to_owned()),
            (Kind::Mapping(_), Value::Mapping(entries)) if entries.is_empty() => {
                Err(NO_VALUE.to_owned())
            }
            (Kind::Mapping(read), Value::Mapping(entries)) => mapping(read, entries),
            (Kind::Mapping(_), _) => Err("is a mapping: write lines below it".to_owned()),
            (_, Value::Mapping(_)) => Err("has one value, and no mapping".to_owned()),
            (Kind::Truth { yes, .. }, Value::Truth(true)) => Ok(word(yes)),
            (Kind::Truth { no, .. }, Value::Truth(false)) => Ok(word(no)),
            (Kind::Truth { .. }, Value::Text(_)) => {
                Err("is true or false, without quotes".to_owned())
            }
            (Kind::Text(_) | Kind::Path, Value::Truth(_)) => Err(NO_TEXT.to_owned()),
            (_, Value::Text(text)) if text.chars().any(char::is_control) => {
                Err("is one line, without control characters".to_owned())
            }
            (Kind::Text(check), Value::Text(text)) => {
                check(text).map_err(|why| format!("cannot be that: {why}"))?;
                Ok(vec![text.clone()])
            }
            (Kind::Path, Value::Text(text)) => Ok(vec![path(text, file)?]),
        }
    }
}

const NO_VALUE: &str = "has no value: write one, or leave out the line";

const NO_TEXT: &str = "is a text: write it in quotes if it is meant so";

/// Returns the values of a mapping.
fn mapping(read: Read, entries: &[Entry]) -> Result<Vec<String>, String> {
    let pair = |entry: &Entry| match &entry.value {
        Value::Text(text) => Ok((entry.key.clone(), text.clone())),
        _ => Err(format!("line {}: `{}` {NO_TEXT}", entry.line, entry.key)),
    };
    let pairs: Vec<_> = entries.iter().map(pair).collect::<Result<_, String>>()?;
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, text)| (key.as_str(), text.as_str()))
        .collect();
    read(&pairs).map_err(|error| format!("cannot be that: {error}"))
}

/// Returns the key of an entry, and what its argument is given.
pub(super) fn checked(entry: &Entry, file: &Path) -> Result<(&'static Key, Vec<String>)> {
    let Some(key) = KEYS.iter().find(|key| key.name == entry.key) else {
        return Err(unknown(entry, file));
    };
    match key.values(&entry.value, file) {
        Ok(values) => Ok((key, values)),
        Err(why) => Err(Error::usage(format!("{} {why}", entry.place(file)))),
    }
}

fn unknown(entry: &Entry, file: &Path) -> Error {
    let place = entry.place(file);
    let name = entry.key.replace('-', "_");
    if let Some((name, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        let option = name.replace('_', "-");
        return Error::usage(format!("{place} is no key of a file: {why}"))
            .hint(format!("leave out the line, and type --{option}"));
    }
    let names = KEYS.iter().map(|key| key.name);
    let hint = match spelling::nearest(&entry.key, names.clone()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the keys are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Error::usage(format!("{place} is not known")).hint(hint)
}

/// Returns a path as it is from the current folder.
fn path(text: &str, file: &Path) -> Result<String, String> {
    if text.is_empty() || text.starts_with('~') {
        return Err("is a path from the folder of this file, or a whole one".to_owned());
    }
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    let path: PathBuf = folder.unwrap_or(Path::new(".")).join(text);
    let path = path.into_os_string().into_string();
    path.map_err(|_| "lies in a folder whose name is no text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::init;
    use super::super::SettingsFile;
    use super::*;

    fn parse(text: &str) -> Result<SettingsFile> {
        SettingsFile::parse(text, "a/hpcapi.yaml".as_ref())
    }

    #[test]
    fn the_file_that_is_written_has_every_key_and_is_good() {
        let text = init::settings("my-name");
        let read = parse(&text).unwrap();
        assert_eq!(read.values[0].1, ["my-name"]);
        assert_eq!(read.values[1].1, ["a/cluster-config.yaml"]);
        assert_eq!(read.values.len(), 2);
        // With each key that stands there as an example.
        let is_example = |line: &str| {
            let word = line.strip_prefix("  ").unwrap_or(line);
            word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.contains(':')
        };
        let all: String = text
            .lines()
            .filter(|line| !line.starts_with("# ") || line.starts_with("#  "))
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .filter(|line| is_example(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let keys: Vec<_> = all
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split(':').next())
            .collect();
        let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(keys, names);
        let read = parse(&all).unwrap();
        assert_eq!(read.values.len(), KEYS.len());
    }

    #[test]
    fn the_schema_has_the_same_keys_and_its_examples_are_good() {
        let schema: serde_json::Value = serde_json::from_str(init::SCHEMA).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        let properties = schema["properties"].as_object().unwrap();
        let named: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(named, KEYS.iter().map(|key| key.name).collect());
        for key in KEYS {
            let property = &properties[key.name];
            let kind = match key.kind {
                Kind::Truth { .. } => "boolean",
                Kind::Text(_) | Kind::Path => "string",
                Kind::Mapping(_) => "object",
            };
            assert_eq!(property["type"], kind, "{}", key.name);
            assert!(property["description"].is_string(), "{}", key.name);
            for example in property["examples"].as_array().unwrap() {
                parse(&format!("{}: {example}\n", key.name)).unwrap();
            }
        }
    }
}
