//! What a job asks for beside what is shown of it: `jobs explain` looks whether it can be had.

/// What else a job asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// The most nodes that it takes; without a limit there is none.
    pub max_nodes: Option<u64>,
    /// CPUs for each task, all on one node.
    pub cpus_per_task: Option<u64>,
    /// What each node has to have beside CPUs and memory, e.g. `gres:gpu:1`.
    pub resources_per_node: Option<String>,
    /// Its licenses, e.g. `matlab:2`.
    pub licenses: Option<String>,
    /// The reservation that it uses.
    pub reservation: Option<String>,
    /// The nodes that it has to have, folded.
    pub required_nodes: Option<String>,
}
