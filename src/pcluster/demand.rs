//! What a cluster configuration asks of an account: instances, and an address.

use std::collections::BTreeMap;

use serde_yaml::Value;

/// ParallelCluster's default of MaxCount (its schema of compute resources).
const MAX_COUNT: u64 = 10;

/// What a cluster needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// The head node's instance type.
    pub head_node: String,
    /// How many instances of each type run always, and at most; the head node is among them.
    pub instances: BTreeMap<String, Count>,
    /// How many compute nodes there are at most.
    pub compute_nodes: u64,
    /// How many compute nodes run always.
    pub static_nodes: u64,
    /// Whether the head node gets an elastic IP address of its own.
    pub needs_address: bool,
}

/// How many instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Always.
    pub least: u64,
    /// At most.
    pub most: u64,
}

impl Demand {
    /// Reads it out of a cluster configuration.
    pub fn of(config: &Value) -> Demand {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let head_node = &config["HeadNode"];
        let mut demand = Demand {
            head_node: text(head_node, "InstanceType"),
            needs_address: head_node["Networking"]["ElasticIp"].as_bool() == Some(true),
            ..Demand::default()
        };
        demand.add(demand.head_node.clone(), 1, 1);
        for queue in items(&config["Scheduling"]["SlurmQueues"]) {
            for resource in items(&queue["ComputeResources"]) {
                let least = resource["MinCount"].as_u64().unwrap_or(0);
                let most = resource["MaxCount"]
                    .as_u64()
                    .unwrap_or(MAX_COUNT)
                    .max(least);
                let first = items(&resource["Instances"]).next();
                let kind = match first {
                    Some(first) => text(first, "InstanceType"),
                    None => text(resource, "InstanceType"),
                };
                demand.compute_nodes += most;
                demand.static_nodes += least;
                demand.add(kind, least, most);
            }
        }
        demand
    }

    fn add(&mut self, kind: String, least: u64, most: u64) {
        let count = self.instances.entry(kind).or_default();
        count.least += least;
        count.most += most;
    }

    /// Returns the least memory of the head node in GiB, as ParallelCluster wants it for so many
    /// nodes (its HeadNodeMemorySizeValidator).
    pub fn head_node_memory_gib(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 nodes")]
        let nodes = self.compute_nodes as f64;
        (nodes / 25.0 + 0.6).min(16.0)
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_node_and_queues_are_counted() {
        let config: Value = serde_yaml::from_str(
            "HeadNode: {InstanceType: t3.small, Networking: {ElasticIp: true}}\n\
             Scheduling: {SlurmQueues: [{ComputeResources: [{InstanceType: t3.small, MinCount: 1, \
             MaxCount: 4}, {Instances: [{InstanceType: c5.large}, {InstanceType: c6i.large}]}]}]}",
        )
        .unwrap();
        let demand = Demand::of(&config);
        assert_eq!(demand.instances["t3.small"], Count { least: 2, most: 5 });
        assert_eq!(demand.instances["c5.large"], Count { least: 0, most: 10 });
        assert_eq!((demand.compute_nodes, demand.needs_address), (14, true));
        assert_eq!(demand.static_nodes, 1);
        assert!((demand.head_node_memory_gib() - 1.16).abs() < 1e-9);
    }
}
