//! The nodes of a cluster, by what the configuration says of them: the head node, those of a
//! queue, those of a pool of login nodes; and the scripts that they run.

use serde_yaml::Value;

use crate::pcluster::config::{CHANGE_ME, DocumentPath, Segment};

/// What nodes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Head,
    Compute,
    Login,
}

/// Nodes that the configuration describes together.
pub(super) struct Nodes<'c> {
    pub(super) role: Role,
    /// The words for them, e.g. ``the nodes of the queue `cpu` ``.
    pub(super) words: String,
    pub(super) path: DocumentPath,
    pub(super) value: &'c Value,
}

/// A script that nodes run when they boot.
pub(super) struct Script<'c> {
    /// When, e.g. `OnNodeStart`.
    pub(super) event: &'static str,
    /// Where the script and its arguments stand.
    pub(super) path: DocumentPath,
    /// Its address.
    pub(super) address: &'c str,
    /// What it is given.
    pub(super) arguments: &'c Value,
}

const EVENTS: [&str; 3] = ["OnNodeStart", "OnNodeConfigured", "OnNodeUpdated"];

/// Where the configuration names a file of settings for Slurm, which the head node reads.
const INCLUDE_FILE: [&str; 3] = [
    "Scheduling",
    "SlurmSettings",
    "CustomSlurmSettingsIncludeFile",
];

/// Returns the address of the file of settings for Slurm, and where it stands.
pub(super) fn include_file(document: &Value) -> Option<(DocumentPath, &str)> {
    let mut value = document;
    for key in INCLUDE_FILE {
        value = &value[key];
    }
    let path = DocumentPath::default().below(&INCLUDE_FILE);
    Some((path, value.as_str()?))
}

/// Returns the nodes of a configuration, the head node first.
pub(super) fn all(document: &Value) -> Vec<Nodes<'_>> {
    let root = DocumentPath::default();
    let head = Nodes {
        role: Role::Head,
        words: "the head node".to_owned(),
        path: root.below(&["HeadNode"]),
        value: &document["HeadNode"],
    };
    let group = |role, keys: &[&str; 2], words: &str| {
        let path = root.below(keys);
        let listed = items(&document[keys[0]][keys[1]], &path);
        let named = listed.map(|(path, value)| Nodes {
            role,
            words: match value["Name"].as_str() {
                Some(name) => format!("{words} `{name}`"),
                None => words.to_owned(),
            },
            path,
            value,
        });
        named.collect::<Vec<_>>()
    };
    let mut all = vec![head];
    all.extend(group(
        Role::Compute,
        &["Scheduling", "SlurmQueues"],
        "the nodes of the queue",
    ));
    all.extend(group(
        Role::Login,
        &["LoginNodes", "Pools"],
        "the login nodes of the pool",
    ));
    all
}

impl<'c> Nodes<'c> {
    /// Returns the scripts that they run, in the order of the events.
    pub(super) fn scripts(&self) -> Vec<Script<'c>> {
        let mut found = Vec::new();
        for event in EVENTS {
            let path = self.path.below(&["CustomActions", event]);
            let action = &self.value["CustomActions"][event];
            let one = std::iter::once((path.clone(), action));
            let listed = items(&action["Sequence"], &path.below(&["Sequence"]));
            for (path, value) in one.chain(listed) {
                if let Some(address) = value["Script"].as_str() {
                    found.push(Script {
                        event,
                        path,
                        address,
                        arguments: &value["Args"],
                    });
                }
            }
        }
        found
    }
}

impl Script<'_> {
    /// Returns whether it is hpcapi's own.
    pub(super) fn is_ours(&self) -> bool {
        self.address == CHANGE_ME
    }
}

/// Returns the items of a list with their places; none when it is no list.
pub(super) fn items<'v>(
    list: &'v Value,
    path: &DocumentPath,
) -> impl Iterator<Item = (DocumentPath, &'v Value)> + use<'v> {
    let items = list.as_sequence().into_iter().flatten().enumerate();
    let path = path.clone();
    items.map(move |(index, value)| (path.join(Segment::Index(index)), value))
}

/// Returns bucket and key of an address in S3; the deployment's bucket is [`CHANGE_ME`].
pub(super) fn in_s3(address: &str) -> Option<(&str, &str)> {
    address.strip_prefix("s3://")?.split_once('/')
}
