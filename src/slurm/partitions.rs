//! Partitions, in one shape for all versions of Slurm's API. ParallelCluster calls them queues.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::client::{Client, Element, Request};
use super::shape::{Number, Words};

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// Its state, `UP` or else why no job starts in it; there is none where v0.0.36 and v0.0.39 do
    /// not tell.
    pub state: Option<String>,
    /// Its nodes, folded.
    pub nodes: Option<String>,
    /// How many nodes it has.
    pub node_count: Option<u64>,
    /// How many CPUs they have.
    pub cpus: Option<u64>,
    /// How long a job may run, in seconds; without a limit there is none.
    pub time_limit_seconds: Option<u64>,
    /// How long a job may run that does not say, in seconds.
    pub default_time_seconds: Option<u64>,
    /// How many nodes a job may have; without a limit there is none.
    pub nodes_per_job: Option<u64>,
    /// Whether jobs that name no partition run in it, where Slurm itself tells: v0.0.36 to v0.0.38 and
    /// v0.0.45 do, v0.0.42 does not.
    #[serde(skip)]
    pub is_default: bool,
}

/// Returns the request for all partitions.
pub fn request() -> Request {
    Request::get("partitions")
}

/// Lists the partitions, in Slurm's order.
pub async fn list(client: &Client) -> Result<Vec<Partition>> {
    if let Some(operations) = client.operations() {
        return operations.partitions().await;
    }
    let keep = |raw: Value| Element::understood(read(&raw));
    let listed = client.list(&request(), "partitions", keep).await?;
    Ok(listed.map(|(partitions, _)| partitions).unwrap_or_default())
}

/// Fails when one of these partitions does not exist.
pub async fn require(client: &Client, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let known: Vec<String> = list(client).await?.into_iter().map(|it| it.name).collect();
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Error::failed(format!("there is no partition `{name}`"))
            .hint(Hint::run(Verb::Partitions).because(format!("there are {}", known.join(", "))))),
    }
}

/// Reads a partition, which is flat up to v0.0.38 and nested after it; `None` when it has no name.
fn read(raw: &Value) -> Option<Partition> {
    let name = raw["name"].as_str().filter(|name| !name.is_empty())?;
    let is_flat = !raw["nodes"].is_object();
    let at = |flat: &str, nested: &str| {
        let found = if is_flat {
            raw.get(flat)
        } else {
            raw.pointer(nested)
        };
        found.cloned().unwrap_or(Value::Null)
    };
    let number = |value: Value| serde_json::from_value::<Number>(value).unwrap_or_default();
    let text = |value: Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
    };
    let minutes = |number: Number| number.positive().map(|minutes| minutes.saturating_mul(60));
    let state: Words = serde_json::from_value(at("state", "/partition/state")).unwrap_or_default();
    let flags: Words = serde_json::from_value(at("flags", "/flags")).unwrap_or_default();
    Some(Partition {
        name: name.to_owned(),
        state: state.0.first().map(|word| word.to_uppercase()),
        nodes: text(at("nodes", "/nodes/configured")),
        node_count: number(at("total_nodes", "/nodes/total")).count(),
        cpus: number(at("total_cpus", "/cpus/total")).count(),
        time_limit_seconds: minutes(number(at("max_time_limit", "/maximums/time"))),
        default_time_seconds: minutes(number(at("default_time_limit", "/defaults/time"))),
        nodes_per_job: number(at("maximum_nodes_per_job", "/maximums/nodes")).positive(),
        is_default: flags
            .0
            .iter()
            .any(|flag| flag.eq_ignore_ascii_case("default")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_partition_reads_the_same_in_every_version() {
        let old = json!({"name": "q", "state": "UP", "nodes": "n[1-2]", "total_nodes": 2,
            "total_cpus": 4, "max_time_limit": 60, "default_time_limit": null,
            "maximum_nodes_per_job": 4_294_967_295_u32});
        let infinite = json!({"set": false, "infinite": true, "number": 0});
        let new = json!({"name": "q", "partition": {"state": ["UP"]},
            "nodes": {"configured": "n[1-2]", "total": 2}, "cpus": {"total": 4},
            "maximums": {"time": {"set": true, "number": 60}, "nodes": infinite},
            "defaults": {"time": {"set": false}}});
        assert_eq!(read(&old).unwrap(), read(&new).unwrap());
        assert!(read(&json!({"nodes": {}})).is_none());
    }
}
