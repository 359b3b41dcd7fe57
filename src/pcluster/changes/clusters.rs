//! The cluster as it is and as it is to be, as far as it decides what a change takes.

use serde_yaml::Value;

use super::takes::Takes;
use super::values;

/// The cluster as it is, and as it is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clusters<'v> {
    pub(super) from: &'v Value,
    pub(super) to: &'v Value,
}

/// The key whose value decides what becomes of nodes that have to change.
const STRATEGY: [&str; 3] = ["Scheduling", "SlurmSettings", "QueueUpdateStrategy"];

impl Clusters<'_> {
    /// Returns what the configuration wants done with nodes that have to change; without its word the
    /// fleet is stopped.
    pub(super) fn strategy(&self) -> Takes {
        match below(self.to, &STRATEGY).and_then(Value::as_str) {
            Some("DRAIN") => Takes::NodesDrained,
            Some("TERMINATE") => Takes::NodesTerminated,
            _ => Takes::FleetStopped,
        }
    }

    pub(super) fn has_login_nodes(&self) -> bool {
        let pools = below(self.from, &["LoginNodes", "Pools"]).and_then(Value::as_sequence);
        pools.is_some_and(|pools| !pools.is_empty())
    }

    /// Returns what stopped login nodes take: nothing where there are none.
    pub(super) fn login_nodes_stopped(&self) -> Takes {
        match self.has_login_nodes() {
            true => Takes::LoginNodesStopped,
            false => Takes::Live,
        }
    }

    pub(super) fn all_nodes_stopped(&self) -> Takes {
        match self.has_login_nodes() {
            true => Takes::AllNodesStopped,
            false => Takes::FleetStopped,
        }
    }

    /// Returns whether a file system of FSx for Lustre is the cluster's own, and stays.
    pub(super) fn keeps_own_lustre(&self) -> bool {
        let names = |configuration| -> Vec<&Value> {
            let storage = below(configuration, &["SharedStorage"]).and_then(Value::as_sequence);
            let own = storage.into_iter().flatten().filter(|storage| {
                let id = below(storage, &["FsxLustreSettings", "FileSystemId"]);
                text(Some(storage), "StorageType") == Some("FsxLustre") && id.is_none()
            });
            own.filter_map(|storage| storage.get("Name")).collect()
        };
        let stays = names(self.to);
        names(self.from).iter().any(|name| stays.contains(name))
    }
}

/// Returns the thing of a list, in a section or in `Scheduling`, that the path goes through.
pub(super) fn thing<'v>(within: &'v Value, path: &str, list: &str) -> Option<&'v Value> {
    let (_, rest) = path.split_once(&format!("{list}["))?;
    let (name, _) = rest.split_once(']')?;
    let things = within
        .get(list)
        .or_else(|| below(within, &["Scheduling", list]))?;
    let mut things = things.as_sequence()?.iter();
    things.find(|thing| thing.get("Name").and_then(Value::as_str) == Some(name))
}

/// Returns the word that stands at a key.
pub(super) fn text<'v>(value: Option<&'v Value>, key: &str) -> Option<&'v str> {
    value?.get(key)?.as_str()
}

/// Returns what stands below, through these keys.
pub(super) fn below<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    let found = keys.iter().try_fold(value, |value, key| value.get(key));
    values::present(found)
}
