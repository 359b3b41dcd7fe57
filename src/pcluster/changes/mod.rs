//! How one cluster configuration differs from another, by the places that ParallelCluster names, and what
//! it takes to change a cluster from the one to the other: by the policies of `pcluster` itself.

mod clusters;
mod defaults;
mod difference;
mod policies;
mod rules;
mod takes;
mod told;
mod values;
mod whole;

use serde_yaml::Value;

pub use takes::Takes;
pub use values::without_digest;
pub use whole::Changes;

use clusters::Clusters;

/// One difference between the configuration that a cluster has and the one that it is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its place: `Scheduling.SlurmQueues[queue1].ComputeResources[small].MaxCount`.
    pub path: String,
    /// What the cluster has there, if anything.
    pub from: Option<Value>,
    /// What it is to have there, if anything.
    pub to: Option<Value>,
    /// What the change takes.
    pub takes: Takes,
}

/// Returns all that makes `to` another configuration than `from`, in the order of `to`. Both are whole
/// documents, with merge keys resolved. What means the same is no difference: a default that only one
/// of them spells out, a number in quotes, the script of another version of hpcapi.
pub fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let found = difference::between(from, to);
    let clusters = Clusters { from, to };
    let changes = found.iter().map(|difference| Change {
        path: difference.path.clone(),
        from: difference.from.cloned(),
        to: difference.to.cloned(),
        takes: rules::of(difference, &found, &clusters),
    });
    changes.collect()
}
