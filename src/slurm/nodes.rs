//! Nodes, in one shape for all versions of Slurm's API.

use serde::{Deserialize, Serialize};

use crate::error::Result;

use super::client::{Client, Element, Request};
use super::shape::{Number, Text, Words};
use super::time::{self, moment};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its state, e.g. `IDLE`, `MIXED`, `ALLOCATED`, `DOWN`.
    pub state: String,
    /// What else is true of it, e.g. `CLOUD`, `POWERED_DOWN`, `DRAIN`; sorted.
    pub flags: Vec<String>,
    /// The partitions it belongs to, sorted; empty where v0.0.36 does not tell.
    pub partitions: Vec<String>,
    /// How many CPUs it has.
    pub cpus: Option<u64>,
    /// How many of them jobs have; where v0.0.36 does not tell, there is none.
    pub cpus_allocated: Option<u64>,
    /// How much memory it has, in MiB.
    pub memory_mb: Option<u64>,
    /// How much of it jobs have, in MiB; where v0.0.36 does not tell, there is none.
    pub memory_allocated_mb: Option<u64>,
    /// Its features, sorted.
    pub features: Vec<String>,
    /// Its generic resources.
    pub gres: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Why it is down or drained.
    pub reason: Option<String>,
    /// Since when that is the reason, in seconds since 1970, where Slurm itself tells of the node.
    #[serde(skip)]
    pub reason_time: Option<u64>,
    /// When its machine booted.
    #[serde(with = "time", default)]
    pub boot_time: Option<u64>,
    /// The name of its machine, where Slurm itself tells of it, as of the next ones.
    #[serde(skip)]
    pub hostname: Option<String>,
    /// How many sockets it has.
    #[serde(skip)]
    pub sockets: Option<u64>,
    /// How many cores each of them has.
    #[serde(skip)]
    pub cores: Option<u64>,
    /// How many threads each core has.
    #[serde(skip)]
    pub threads: Option<u64>,
    /// The version of its slurmd.
    #[serde(skip)]
    pub version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawNode {
    name: Text,
    state: Words,
    state_flags: Words,
    partitions: Words,
    cpus: Number,
    alloc_cpus: Number,
    real_memory: Number,
    alloc_memory: Number,
    features: Words,
    gres: Text,
    address: Text,
    reason: Text,
    reason_changed_at: Number,
    boot_time: Number,
    hostname: Text,
    sockets: Number,
    cores: Number,
    threads: Number,
    #[serde(alias = "slurmd_version")]
    version: Text,
}

impl RawNode {
    fn node(self) -> Option<Node> {
        let mut words = self.state.0.into_iter().chain(self.state_flags.0);
        let upper = |word: String| word.to_uppercase();
        Some(Node {
            name: self.name.some()?,
            state: upper(words.next()?),
            flags: sorted(words.map(upper).collect()),
            partitions: sorted(self.partitions.0),
            cpus: self.cpus.count(),
            cpus_allocated: self.alloc_cpus.count(),
            memory_mb: self.real_memory.count(),
            memory_allocated_mb: self.alloc_memory.count(),
            features: sorted(self.features.0),
            gres: self.gres.some(),
            address: self.address.some(),
            reason: self.reason.some(),
            reason_time: moment(self.reason_changed_at),
            boot_time: moment(self.boot_time),
            hostname: self.hostname.some(),
            sockets: self.sockets.positive(),
            cores: self.cores.positive(),
            threads: self.threads.positive(),
            version: self.version.some(),
        })
    }
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

/// Returns the request for all nodes.
pub fn request() -> Request {
    Request::get("nodes")
}

/// Lists the nodes, or those of some partitions, in Slurm's order.
pub async fn list(client: &Client, partitions: &[String]) -> Result<Vec<Node>> {
    let mut nodes = match client.operations() {
        Some(operations) => operations.nodes().await?,
        None => {
            let keep = |raw: RawNode| Element::understood(raw.node());
            let listed = client.list(&request(), "nodes", keep).await?;
            listed.map(|(nodes, _)| nodes).unwrap_or_default()
        }
    };
    if !partitions.is_empty() {
        nodes.retain(|node| node.partitions.iter().any(|own| partitions.contains(own)));
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn one_node_reads_the_same_in_every_version() {
        let old = json!({"name": "n1", "state": "idle", "state_flags": ["POWERED_DOWN", "CLOUD"],
            "partitions": ["b", "a"], "cpus": 2, "alloc_cpus": 0, "real_memory": 972,
            "alloc_memory": 0, "features": "t3,dynamic", "gres": "", "address": "n1", "reason": null,
            "boot_time": 0});
        let new = json!({"name": "n1", "state": ["IDLE", "CLOUD", "POWERED_DOWN"],
            "partitions": ["a", "b"], "cpus": 2, "alloc_cpus": 0, "real_memory": 972,
            "alloc_memory": 0, "features": ["dynamic", "t3"], "gres": "", "address": "n1",
            "reason": "", "boot_time": {"set": true, "infinite": false, "number": 0}});
        let read = |value: Value| {
            serde_json::from_value::<RawNode>(value)
                .unwrap()
                .node()
                .unwrap()
        };
        assert_eq!(read(old), read(new));
    }
}
