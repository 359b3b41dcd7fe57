//! What of its partitions and their nodes keeps a job that waits from starting.

use crate::slurm::jobs::{Job, reasons};
use crate::slurm::nodes::Node;
use crate::slurm::partitions::Partition;

use super::surroundings::Surroundings;
use super::{Advice, Awaited, Explanation, capacity, fit, machines};

/// What keeps a job from starting in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It asks for more than there is.
    TooMuch,
    /// EC2 has no instance for a node.
    Capacity,
    /// The partition takes no jobs.
    Partition,
    /// So many nodes are down or drained that too few are left for it.
    OutOfService,
}

/// Tells how the nodes of its partitions are; returns what of them keeps it from starting.
pub(super) fn explain(
    job: &Job,
    around: &Surroundings,
    explanation: &mut Explanation,
) -> Option<Obstacle> {
    if around.partitions.is_empty() || !depends_on_nodes(job) {
        return None;
    }
    let mut obstacles = Vec::new();
    for name in job.partition.as_deref().unwrap_or_default().split(',') {
        obstacles.push(
            match around.partitions.iter().find(|own| own.name == name) {
                Some(partition) => one(job, partition, around, explanation),
                None => {
                    let text = format!("partition {name}, which does not exist any more");
                    explanation.waits_for.push(tell(name, None, text));
                    Some(Obstacle::Partition)
                }
            },
        );
    }
    // One of several partitions is enough to start in.
    obstacles.into_iter().reduce(|one, other| one.and(other))?
}

fn one(
    job: &Job,
    partition: &Partition,
    around: &Surroundings,
    explanation: &mut Explanation,
) -> Option<Obstacle> {
    let name = &partition.name;
    let nodes: Vec<&Node> = machines::of_partition(&around.nodes, partition);
    let could_look = !around.nodes.is_empty();
    if could_look {
        explanation.waits_for.push(machines::summary(name, &nodes));
    }
    let out_of_service = machines::out_of_service(&nodes);
    let names = out_of_service.iter().filter_map(|it| it.name.clone());
    let names = names.collect::<Vec<_>>().join(",");
    explanation.waits_for.extend(out_of_service);
    capacity::explain(&nodes, explanation);
    let state = partition.state.as_deref().filter(|state| *state != "UP");
    if let Some(state) = state {
        let text = format!("partition {name} is {state}: no job starts in it");
        explanation.waits_for.push(tell(name, Some(state), text));
    }
    let too_much = fit::too_much(job, partition, &nodes);
    for what in &too_much {
        let text = format!("it asks for {what}");
        explanation.waits_for.push(tell(name, None, text));
    }
    let asked = job.node_count.and_then(|count| usize::try_from(count).ok());
    let asked = asked.unwrap_or(1);
    let healthy = machines::in_service(&nodes);
    let are_tried_again = nodes.iter().filter(|node| machines::code(node).is_some());
    let left = healthy + are_tried_again.count();
    let lacks_nodes = !nodes.is_empty() && left < asked && too_much.is_empty();
    if lacks_nodes {
        let text = format!(
            "nodes that it asks for: {asked}; nodes of partition {name} that are neither down nor \
             drained: {left}"
        );
        explanation.waits_for.push(tell(name, None, text));
        let command = format!("scontrol update nodename={names} state=resume");
        let advice = "return them to service, on the head node as root";
        explanation.advice.push(Advice::command(advice, command));
    }
    if !too_much.is_empty() {
        Some(Obstacle::TooMuch)
    } else if state.is_some() {
        Some(Obstacle::Partition)
    } else if lacks_nodes {
        Some(Obstacle::OutOfService)
    } else {
        (!nodes.is_empty() && healthy < asked).then_some(Obstacle::Capacity)
    }
}

fn tell(name: &str, state: Option<&str>, text: String) -> Awaited {
    Awaited {
        kind: "partition",
        name: Some(name.to_owned()),
        state: state.map(ToOwned::to_owned),
        text,
    }
}

/// Returns whether it is the nodes that a job waits for.
pub(super) fn depends_on_nodes(job: &Job) -> bool {
    let reason = job.reason.as_deref().and_then(reasons::find);
    let is_tried_again = job.restarts > 0;
    reason.is_none_or(|reason| match reason.name {
        "BeginTime" => is_tried_again,
        "Priority" | "Resources" | "ReqNodeNotAvail" | "NodeDown" | "BadConstraints"
        | "Constraints" | "MaxPoweredUpNodes" | "PartitionNodeLimit" | "PartitionTimeLimit"
        | "PartitionConfig" | "PartitionDown" | "PartitionInactive" | "MaxMemPerLimit" => true,
        _ => false,
    })
}
