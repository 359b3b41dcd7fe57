//! `up --replace-cluster`: what goes with the old cluster is looked at and agreed to before
//! anything is made or deleted.

use crate::aws::{Instance, Stack};
use crate::context::{Context, OldJobs, Replacement};
use crate::error::Result;

use super::jobs::Jobs;
use super::protection;
use super::steps::{deletion, head_node};

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
    /// How another one takes its place; `None` where it is deleted first.
    beside: Option<Replacement>,
    /// Its head node's instance id, if it has one.
    head_node: Option<String>,
    jobs: Jobs,
    /// The volumes and file systems that its stacks made, e.g. `AWS::EC2::Volume vol-1`.
    storage: Vec<String>,
}

impl Replaced {
    /// Looks at the cluster that stands; `None` when there is none.
    pub(super) async fn look(context: &Context) -> Result<Option<Replaced>> {
        let beside = context.facts().replacement.clone();
        let (cluster, head_node) = match &beside {
            Some(replacement) => old(context, &replacement.from).await?,
            None => {
                let facts = context.facts();
                (facts.cluster.clone(), facts.head_node.clone())
            }
        };
        let Some(cluster) = cluster else {
            return Ok(None);
        };
        let again = context.settings.again.replacing_cluster();
        let clusters = std::slice::from_ref(&cluster);
        protection::require_none(context, &[], clusters, &again).await?;
        let jobs = Jobs::on(context, head_node.as_ref()).await;
        let head_node = head_node.map(|instance| instance.id);
        let resources = deletion::remains(context, &cluster.id).await?;
        let storage = resources
            .into_iter()
            .filter(|resource| STORAGE.contains(&resource.kind.as_str()))
            .map(|resource| format!("{} {}", resource.kind, resource.physical_id));
        Ok(Some(Replaced {
            name: cluster.name,
            beside,
            head_node,
            jobs,
            storage: storage.collect(),
        }))
    }

    /// Returns the name of the cluster that is made beside it, if one is.
    pub fn beside(&self) -> Option<&str> {
        self.beside.as_ref().map(|new| new.to.as_str())
    }

    /// Returns what is deleted, one line each.
    pub fn lines(&self) -> Vec<String> {
        let ends = match &self.beside {
            Some(_) if self.jobs.running() == Some(0) => "",
            Some(new) => match new.jobs {
                OldJobs::End => "; those that still run when the new cluster serves end",
                OldJobs::Finish => "; those that run may finish, and the others end",
            },
            None => "",
        };
        let mut lines = vec![
            format!("the cluster {}", self.name),
            self.jobs.words() + ends,
            "the key of its tokens: the new cluster takes only new ones".to_owned(),
        ];
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

/// Returns the cluster of this name, which another takes the place of, and its head node.
async fn old(context: &Context, name: &str) -> Result<(Option<Stack>, Option<Instance>)> {
    let cluster = context.aws.stacks.describe(name).await?;
    Ok((cluster, head_node::of_cluster(context, name).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::Workload;

    #[test]
    fn jobs_and_data_are_named() {
        let replaced = Replaced {
            name: "mine".to_owned(),
            beside: Some(Replacement {
                from: "mine".to_owned(),
                to: "mine-2".to_owned(),
                jobs: OldJobs::End,
            }),
            head_node: Some("i-1".to_owned()),
            jobs: Jobs::from(Ok(Workload {
                running: 2,
                pending: 1,
                nodes: 1,
            })),
            storage: vec!["AWS::EC2::Volume vol-1".to_owned()],
        };
        let lines = replaced.lines().join("\n");
        for words in [
            "mine",
            "2 running, 1 pending; those that still run",
            "tokens",
            "i-1",
            "vol-1",
        ] {
            assert!(lines.contains(words), "{lines}");
        }
        let unseen = Replaced {
            jobs: Jobs::from(Err("it is not online".to_owned())),
            ..replaced
        };
        assert!(unseen.lines()[1].contains("could not be counted: it is not online"));
    }
}
