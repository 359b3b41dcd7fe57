//! How many tasks a job has, and on how many nodes, as `sbatch` derives one from the other.

use crate::slurm::client::ApiVersion;

use super::body::LISTS;
use super::derived::{number, text};
use super::value::Value;
use super::{Description, Fields};

/// Derives tasks from nodes and nodes from tasks.
pub(super) fn count(description: &Description, fields: &mut Fields, version: ApiVersion) {
    let own = |name| number(&description.fields, name);
    let (least, most) = (own("minimum_nodes"), own("maximum_nodes"));
    let is_list = fields.contains_key("nodes");
    let per_node = number(fields, "tasks_per_node");
    match (number(fields, "tasks"), per_node) {
        (None, Some(per_node)) => {
            let tasks = least.unwrap_or(1).saturating_mul(per_node);
            fields.insert("tasks", Value::Number(tasks));
        }
        (None, None) if fields.contains_key("ntasks_per_tres") => {
            let per_gpu = number(fields, "ntasks_per_tres").unwrap_or_default();
            let tasks = gpus(fields).saturating_mul(per_gpu);
            if tasks > 0 {
                fields.insert("tasks", Value::Number(tasks));
            }
        }
        (None, None) if fields.contains_key("required_nodes") && is_placed(description) => {
            place(fields);
        }
        (None, None) => {
            let parts = ["sockets_per_node", "cores_per_socket", "threads_per_core"];
            let factors: Vec<i64> = parts
                .iter()
                .filter_map(|part| number(fields, part))
                .collect();
            let is_fixed = (least.is_some() && least == most && !is_list)
                || (least.is_none() && description.given.contains("extra-node-info"));
            if is_fixed && !factors.is_empty() {
                let tasks = factors
                    .into_iter()
                    .fold(least.unwrap_or(1), i64::saturating_mul);
                fields.insert("tasks", Value::Number(tasks));
            }
        }
        (Some(tasks), _) if least.is_some() && !is_list => {
            if least.is_some_and(|least| tasks < least) {
                fields.insert("minimum_nodes", Value::Number(tasks));
            }
            if most.is_some_and(|most| tasks < most) {
                fields.insert("maximum_nodes", Value::Number(tasks));
            }
        }
        // Old servers do this themselves, and know no least without a most.
        (Some(tasks), Some(per_node)) if least.is_none() && version >= LISTS && !is_list => {
            let nodes = tasks.saturating_add(per_node - 1) / per_node;
            fields.insert("minimum_nodes", Value::Number(nodes));
        }
        _ => {}
    }
}

/// Returns whether `sbatch` tells the job how many tasks it has: not where it leaves them to Slurm, as
/// that of 22.05 does for a range of nodes alone.
pub(super) fn are_told(description: &Description, version: ApiVersion) -> bool {
    let own = |field| description.fields.get(field);
    let (least, most) = (own("minimum_nodes"), own("maximum_nodes"));
    let is_left = match version < LISTS {
        true => least != most,
        false => own("tasks_per_node").is_some(),
    };
    own("tasks").is_some() || !(is_left || own("ntasks_per_tres").is_some())
}

/// Returns how many nodes a list names: `n1,n[2-4,7]` are five.
fn count_nodes(names: &[String]) -> Option<i64> {
    let in_brackets = |list: &str| {
        let parts = list.split(',').map(|part| match part.split_once('-') {
            None => Some(1),
            Some((first, last)) => {
                let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
                last.checked_sub(first)?.checked_add(1)
            }
        });
        parts.sum::<Option<i64>>()
    };
    let counts = names.iter().map(|name| {
        let mut brackets = name.split('[').skip(1);
        brackets.try_fold(1_i64, |product, rest| {
            product.checked_mul(in_brackets(rest.split(']').next()?)?)
        })
    });
    counts.sum()
}

/// Returns whether its list of nodes says where each task runs.
fn is_placed(description: &Description) -> bool {
    let way = description.text("distribution").unwrap_or_default();
    ["arbitrary", "hostfile"].contains(&way)
}

/// Takes one task for each node that is listed.
fn place(fields: &mut Fields) {
    if let Some(Value::Words(names)) = fields.get("required_nodes")
        && let Some(count) = count_nodes(names)
    {
        fields.insert("tasks", Value::Number(count));
    }
}

/// Returns the GPUs of the whole job.
fn gpus(fields: &Fields) -> i64 {
    let all = text(fields, "tres_per_job").unwrap_or_default();
    let counts = all.split(',').map(|part| {
        let (_, count) = part.rsplit_once([':', '=']).unwrap_or_default();
        count.parse::<i64>().unwrap_or_default()
    });
    counts.fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn job(lines: &str) -> Description {
        let mut job = Description::read("j", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        job.fill(&super::super::owner::me()).unwrap();
        job
    }

    fn sent(lines: &str) -> Json {
        job(lines).body(ApiVersion::new(42)).unwrap()["job"].clone()
    }

    #[test]
    fn tasks_are_those_of_all_nodes() {
        let tasks = |lines| sent(lines)["tasks"].clone();
        assert_eq!(tasks("#SBATCH -N 2 --ntasks-per-node=2"), 4);
        assert_eq!(tasks("#SBATCH -N 2-3 --ntasks-per-node=2"), 4);
        assert_eq!(tasks("#SBATCH --ntasks-per-node=2"), 2);
        assert_eq!(tasks("#SBATCH -n 3 -N 2 --ntasks-per-node=2"), 3);
        assert_eq!(tasks("#SBATCH -N 2"), Json::Null);
        assert_eq!(tasks("#SBATCH -N 2 -B 2:*:2"), 8);
        assert_eq!(tasks("#SBATCH -N 2 --sockets-per-node=2"), 4);
        let nodes = |lines| sent(lines)["minimum_nodes"].clone();
        assert_eq!(nodes("#SBATCH -n 5 --ntasks-per-node=2"), 3);
        assert_eq!(nodes("#SBATCH -n 1 -N 2-4"), 1);
        assert_eq!(job("#SBATCH -n 1 -N 2").remarks().len(), 1);
    }

    #[test]
    fn tasks_are_those_of_all_gpus_or_of_the_nodes_that_are_listed() {
        let tasks = |lines| sent(lines)["tasks"].clone();
        assert_eq!(tasks("#SBATCH -G a:2,b:1 --ntasks-per-gpu=2"), 6);
        assert_eq!(tasks("#SBATCH -G a --ntasks-per-gpu=2"), Json::Null);
        assert_eq!(tasks("#SBATCH -m arbitrary -w n1,n[2-4,7]"), 5);
        assert_eq!(tasks("#SBATCH -m arbitrary -w n1,n2 -n 6"), 6);
        assert_eq!(tasks("#SBATCH -w n1,n2"), Json::Null);
    }
}
