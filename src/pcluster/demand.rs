//! What a cluster configuration asks of an account: instances, storage, and an address.

use serde_yaml::Value;

use super::storage::{self, SharedStorage, Volume};

/// ParallelCluster's default of MaxCount (its schema of compute resources).
const MAX_COUNT: u64 = 10;

/// What a cluster needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// The head node's instance type.
    pub head_node: String,
    /// The instances that will be: the head node, login nodes, compute nodes.
    pub instances: Vec<Instances>,
    /// How many compute nodes there are at most.
    pub compute_nodes: u64,
    /// How many compute nodes run always.
    pub static_nodes: u64,
    /// Whether the head node gets an elastic IP address of its own.
    pub needs_address: bool,
    /// The storage that is made for all nodes.
    pub shared: Vec<SharedStorage>,
}

/// Instances that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instances {
    /// What they are for.
    pub role: Role,
    /// The types that each of them may be of: EC2 chooses. None where the capacity reservation decides.
    pub kinds: Vec<String>,
    /// How they are bought.
    pub purchase: Purchase,
    /// How many run always.
    pub least: u64,
    /// How many run at most.
    pub most: u64,
    /// The root volume of each.
    pub root_volume: Volume,
}

/// What instances of a cluster are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Slurm's daemons run on it.
    HeadNode,
    /// People log in to them.
    LoginNodes,
    /// Jobs of the queue of this name run on them.
    Compute(String),
}

/// How instances are bought; each way has quotas of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purchase {
    /// On demand, in a capacity reservation or not.
    #[default]
    OnDemand,
    /// As spot instances.
    Spot,
    /// In a Capacity Block, which counts against no quota of instances (EC2 user guide, "Capacity
    /// Blocks for ML").
    CapacityBlock,
}

impl Demand {
    /// Reads it out of a cluster configuration.
    pub fn of(config: &Value) -> Demand {
        let head_node = &config["HeadNode"];
        let mut demand = Demand {
            head_node: text(head_node, "InstanceType"),
            needs_address: head_node["Networking"]["ElasticIp"].as_bool() == Some(true),
            shared: storage::shared(config),
            ..Demand::default()
        };
        demand.instances.push(Instances {
            role: Role::HeadNode,
            kinds: vec![demand.head_node.clone()],
            purchase: Purchase::OnDemand,
            least: 1,
            most: 1,
            root_volume: Volume::root(head_node),
        });
        for pool in items(&config["LoginNodes"]["Pools"]) {
            let count = number(&pool["Count"]).unwrap_or(0);
            demand.instances.push(Instances {
                role: Role::LoginNodes,
                kinds: vec![text(pool, "InstanceType")],
                purchase: Purchase::OnDemand,
                least: count,
                most: count,
                root_volume: Volume::default(),
            });
        }
        for queue in items(&config["Scheduling"]["SlurmQueues"]) {
            for resource in items(&queue["ComputeResources"]) {
                demand.add(queue, resource);
            }
        }
        demand
    }

    fn add(&mut self, queue: &Value, resource: &Value) {
        let least = number(&resource["MinCount"]).unwrap_or(0);
        let most = number(&resource["MaxCount"])
            .unwrap_or(MAX_COUNT)
            .max(least);
        let flexible: Vec<_> = items(&resource["Instances"])
            .map(|one| text(one, "InstanceType"))
            .collect();
        let one = text(resource, "InstanceType");
        self.compute_nodes += most;
        self.static_nodes += least;
        self.instances.push(Instances {
            role: Role::Compute(text(queue, "Name")),
            kinds: match (flexible.is_empty(), one.is_empty()) {
                (false, _) => flexible,
                (true, false) => vec![one],
                (true, true) => Vec::new(),
            },
            purchase: purchase(queue),
            least,
            most,
            root_volume: Volume::root(&queue["ComputeSettings"]),
        });
    }

    /// Returns the least memory of the head node in GiB, as ParallelCluster wants it for so many
    /// nodes (its HeadNodeMemorySizeValidator).
    pub fn head_node_memory_gib(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 nodes")]
        let nodes = self.compute_nodes as f64;
        (nodes / 25.0 + 0.6).min(16.0)
    }
}

fn purchase(queue: &Value) -> Purchase {
    match queue["CapacityType"].as_str() {
        Some("SPOT") => Purchase::Spot,
        Some("CAPACITY_BLOCK") => Purchase::CapacityBlock,
        _ => Purchase::OnDemand,
    }
}

pub(super) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Returns a number, in quotes or not: ParallelCluster takes both.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_node_login_nodes_and_queues_are_counted() {
        let config: Value = serde_yaml::from_str(
            "HeadNode: {InstanceType: t3.small, Networking: {ElasticIp: true}}\n\
             LoginNodes: {Pools: [{InstanceType: t3.micro, Count: 2}]}\n\
             Scheduling: {SlurmQueues: [{CapacityType: SPOT, ComputeResources: [{InstanceType: \
             t3.small, MinCount: 1, MaxCount: '4'}, {Instances: [{InstanceType: c5.large}, \
             {InstanceType: g5.xlarge}]}]}, {CapacityType: CAPACITY_BLOCK, ComputeResources: \
             [{InstanceType: p5.48xlarge, MinCount: 2, MaxCount: 2}]}]}",
        )
        .unwrap();
        let demand = Demand::of(&config);
        let told: Vec<_> = demand
            .instances
            .iter()
            .map(|one| {
                let kinds = one.kinds.join(" ");
                format!("{kinds} {:?} {}-{}", one.purchase, one.least, one.most)
            })
            .collect();
        assert_eq!(
            told,
            [
                "t3.small OnDemand 1-1",
                "t3.micro OnDemand 2-2",
                "t3.small Spot 1-4",
                "c5.large g5.xlarge Spot 0-10",
                "p5.48xlarge CapacityBlock 2-2",
            ]
        );
        assert_eq!((demand.compute_nodes, demand.needs_address), (16, true));
        assert_eq!(demand.static_nodes, 3);
        assert!((demand.head_node_memory_gib() - 1.24).abs() < 1e-9);
    }

    /// Its type is that of the reservation, which the configuration does not say.
    #[test]
    fn a_compute_resource_of_a_reservation_has_no_type() {
        let config: Value = serde_yaml::from_str(
            "Scheduling: {SlurmQueues: [{ComputeResources: [{CapacityReservationTarget: \
             {CapacityReservationId: cr-1}, MaxCount: 2}]}]}",
        )
        .unwrap();
        let demand = Demand::of(&config);
        let last = demand.instances.last().unwrap();
        assert_eq!((last.kinds.len(), last.most), (0, 2));
    }
}
