//! `up --replace-cluster`: what goes with the old cluster is looked at and agreed to before
//! anything is deleted.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::slurm::{Workload, look_at_workload};

use super::protection;
use super::steps::deletion;

/// The resource types of a cluster's stacks that hold data of users.
const STORAGE: [&str; 3] = [
    "AWS::EC2::Volume",
    "AWS::EFS::FileSystem",
    "AWS::FSx::FileSystem",
];

/// A cluster that is about to be deleted, and what goes with it.
#[derive(Debug)]
pub struct Replaced {
    /// The cluster's name.
    name: String,
    /// Its head node's instance id, if it has one.
    head_node: Option<String>,
    /// Its jobs that have not ended, or why they could not be counted.
    jobs: std::result::Result<Workload, String>,
    /// The volumes and file systems that its stacks made, e.g. `AWS::EC2::Volume vol-1`.
    storage: Vec<String>,
}

impl Replaced {
    /// Looks at the cluster that stands; `None` when there is none.
    pub(super) async fn look(context: &Context) -> Result<Option<Replaced>> {
        let (cluster, head_node) = {
            let facts = context.facts();
            (facts.cluster.clone(), facts.head_node.clone())
        };
        let Some(cluster) = cluster else {
            return Ok(None);
        };
        let again = context.settings.again.replacing_cluster();
        protection::require_none(context, &[], Some(&cluster), &again).await?;
        let head_node = head_node.map(|instance| instance.id);
        let resources = deletion::remains(context, &cluster.id).await?;
        let storage = resources
            .into_iter()
            .filter(|resource| STORAGE.contains(&resource.kind.as_str()))
            .map(|resource| format!("{} {}", resource.kind, resource.physical_id));
        let jobs = match &head_node {
            Some(instance) => look_at_workload(&context.aws.commands, instance).await,
            None => Err(Error::failed("no head node is found")),
        };
        Ok(Some(Replaced {
            name: cluster.name,
            head_node,
            jobs: jobs.map_err(|error| format!("{error:#}")),
            storage: storage.collect(),
        }))
    }

    /// Returns what is deleted, one line each.
    pub fn lines(&self) -> Vec<String> {
        let jobs = match &self.jobs {
            Ok(Workload {
                running: 0,
                pending: 0,
                ..
            }) => "it has no jobs now".to_owned(),
            Ok(Workload {
                running, pending, ..
            }) => {
                format!("its jobs: {running} running, {pending} pending")
            }
            Err(why) => format!("its jobs, which could not be counted: {why}"),
        };
        let mut lines = vec![format!("the cluster {}", self.name), jobs];
        if let Some(head_node) = &self.head_node {
            lines.push(format!(
                "the disk of its head node {head_node}, with the home folders"
            ));
        }
        for storage in &self.storage {
            let kept = "unless its DeletionPolicy is Retain";
            lines.push(format!("{storage} and the data on it, {kept}"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_data_are_named() {
        let replaced = Replaced {
            name: "mine".to_owned(),
            head_node: Some("i-1".to_owned()),
            jobs: Ok(Workload {
                running: 2,
                pending: 1,
                nodes: 1,
            }),
            storage: vec!["AWS::EC2::Volume vol-1".to_owned()],
        };
        let lines = replaced.lines().join("\n");
        for words in ["mine", "2 running, 1 pending", "i-1", "vol-1"] {
            assert!(lines.contains(words), "{lines}");
        }
        let unseen = Replaced {
            jobs: Err("it is not online".to_owned()),
            ..replaced
        };
        assert!(unseen.lines()[1].contains("could not be counted: it is not online"));
    }
}
