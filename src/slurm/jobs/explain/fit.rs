//! Whether what a job asks for can be had in a partition at all: only what is certain is said.

use crate::slurm::jobs::Job;
use crate::slurm::nodes::Node;
use crate::slurm::partitions::Partition;

/// Returns what a job asks for that a partition does not have, however long it waits.
pub(super) fn too_much(job: &Job, partition: &Partition, nodes: &[&Node]) -> Vec<String> {
    let name = &partition.name;
    let mut found = Vec::new();
    let count = u64::try_from(nodes.len()).ok().filter(|count| *count > 0);
    let all = count.or(partition.node_count);
    let largest = |of: fn(&Node) -> Option<u64>| nodes.iter().filter_map(|node| of(node)).max();
    if let (Some(asked), Some(all)) = (job.node_count, all)
        && asked > all
    {
        found.push(format!("{asked} nodes, and partition {name} has {all}"));
    }
    if let (Some(asked), Some(most)) = (job.node_count, partition.nodes_per_job)
        && asked > most
    {
        found.push(format!(
            "{asked} nodes, and a job in partition {name} may have {most}"
        ));
    }
    if let (Some(asked), Some(most)) = (job.time_limit_seconds, partition.time_limit_seconds)
        && asked > most
    {
        let [asked, most] = [asked, most].map(minutes);
        found.push(format!(
            "a time limit of {asked}, and partition {name} allows {most}"
        ));
    }
    let has_all = nodes.iter().all(|node| node.cpus.is_some());
    let cpus: u64 = nodes.iter().filter_map(|node| node.cpus).sum();
    if let Some(asked) = job
        .cpus
        .filter(|asked| has_all && cpus > 0 && *asked > cpus)
    {
        found.push(format!(
            "{asked} CPUs, and all nodes of {name} together have {cpus}"
        ));
    }
    if let (Some(asked), Some(largest)) = (job.demands.cpus_per_task, largest(|node| node.cpus))
        && asked > largest
    {
        found.push(format!(
            "{asked} CPUs for a task, and the largest node of {name} has {largest}"
        ));
    }
    let per_task = job.demands.cpus_per_task.unwrap_or(1);
    let per_cpu = job
        .memory_per_cpu_mb
        .map(|each| each.saturating_mul(per_task));
    if let (Some(asked), Some(largest)) = (
        job.memory_per_node_mb.or(per_cpu),
        largest(|node| node.memory_mb),
    ) && asked > largest
    {
        found.push(format!(
            "{asked} MiB of memory on a node, and the largest node of {name} has {largest} MiB"
        ));
    }
    found.extend(missing(job, name, nodes));
    found
}

/// Returns the GPUs and the feature that no node has.
fn missing(job: &Job, partition: &str, nodes: &[&Node]) -> Vec<String> {
    let mut found = Vec::new();
    let asks_gpu = job
        .demands
        .resources_per_node
        .as_deref()
        .filter(|asked| asked.contains("gpu"));
    let has_gpu = |node: &&Node| {
        let gres = node.gres.as_deref();
        gres.is_some_and(|gres| gres.contains("gpu"))
    };
    if let Some(asked) = asks_gpu
        && !nodes.is_empty()
        && !nodes.iter().any(has_gpu)
    {
        found.push(format!(
            "GPUs ({asked}), and no node of {partition} has one"
        ));
    }
    let is_word = |text: &&str| {
        // Anything else is an expression of several.
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if let Some(feature) = job.constraints.as_deref().filter(is_word)
        && !nodes.is_empty()
        && !nodes
            .iter()
            .any(|node| node.features.iter().any(|own| own == feature))
    {
        found.push(format!(
            "the feature {feature}, and no node of {partition} has it"
        ));
    }
    found
}

fn minutes(seconds: u64) -> String {
    format!("{} minutes", seconds.div_ceil(60))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::machines::tests::node;
    use super::*;
    use crate::slurm::jobs::raw::RawJob;

    fn told(job: serde_json::Value) -> Vec<String> {
        let mut raw = json!({"job_id": 1, "job_state": "PENDING"});
        for (name, value) in job.as_object().unwrap() {
            raw[name] = value.clone();
        }
        let raw: RawJob = serde_json::from_value(raw).unwrap();
        let partition = json!({"name": "q", "node_count": 2, "time_limit_seconds": 3600,
            "nodes_per_job": 2});
        let partition: Partition = serde_json::from_value(partition).unwrap();
        let nodes = [node("n1", "IDLE", ""), node("n2", "DOWN", "")];
        too_much(
            &raw.job().unwrap(),
            &partition,
            &nodes.iter().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn what_no_node_has_is_told() {
        for (job, words) in [
            (json!({"node_count": 3}), "3 nodes, and partition q has 2"),
            (
                json!({"cpus": 5}),
                "5 CPUs, and all nodes of q together have 4",
            ),
            (
                json!({"cpus_per_task": 3}),
                "3 CPUs for a task, and the largest node of q has 2",
            ),
            (
                json!({"memory_per_node": 2000}),
                "2000 MiB of memory on a node",
            ),
            (
                json!({"memory_per_cpu": 600, "cpus_per_task": 2}),
                "1200 MiB of memory",
            ),
            (
                json!({"time_limit": 61}),
                "61 minutes, and partition q allows 60 minutes",
            ),
            (json!({"tres_per_node": "gres:gpu:1"}), "GPUs (gres:gpu:1)"),
            (json!({"features": "a100"}), "the feature a100"),
        ] {
            let told = told(job.clone());
            assert!(
                told.iter().any(|one| one.contains(words)),
                "{job}: {told:?}"
            );
        }
    }

    #[test]
    fn what_fits_is_not_blamed() {
        let job = json!({"node_count": 2, "cpus": 4, "cpus_per_task": 2, "memory_per_node": 1000,
            "time_limit": 60, "features": "a|b"});
        assert_eq!(told(job), Vec::<String>::new());
    }
}
