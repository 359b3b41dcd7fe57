//! `upgrade`: a cluster of the ParallelCluster version that is meant takes the place of one of another version.
//! `pcluster` changes a cluster only with the version that made it, and deletes one of every version from 3.0 on
//! (`update_cluster` and `delete_cluster` in `cluster_operations_controller.py`, 3.16.1).

use crate::aws::Stack;
use crate::context::{Context, OldJobs};
use crate::error::{Error, Kind, Result};

use super::steps::{node_script, ownership};
use super::{ClusterFate, changes, clusters};

/// The tag with which `pcluster` says its version (`pcluster/constants.py`).
const TAG_VERSION: &str = "parallelcluster:version";

/// From which version of ParallelCluster to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The version of the cluster that serves.
    pub from: String,
    /// The version that is meant.
    pub to: String,
}

impl Upgrade {
    /// Returns whether the cluster is of another version than is meant.
    pub fn is_needed(&self) -> bool {
        self.from != self.to
    }

    /// Returns what becomes of the cluster, and of its jobs if it is replaced.
    pub fn fate(&self, jobs: OldJobs) -> ClusterFate {
        match self.is_needed() {
            true => ClusterFate::Beside(jobs),
            false => ClusterFate::Unchanged,
        }
    }
}

/// Looks which version the cluster has that serves; fails where there is none, and where it is not known
/// what the one in its place is to be made from.
pub async fn look_before_upgrade(context: &Context) -> Result<Upgrade> {
    clusters::identify(context).await?;
    let cluster = serving(context).await?;
    let from = cluster.tags.get(TAG_VERSION).cloned().ok_or_else(|| {
        Error::failed(format!(
            "the stack of the cluster `{}` does not say its version of ParallelCluster",
            cluster.name
        ))
        .because(format!("it lacks the tag {TAG_VERSION}"))
    })?;
    let to = context.pcluster_search().meant_version().await?;
    let upgrade = Upgrade { from, to };
    if upgrade.is_needed() && !context.settings.has_config {
        require_own_configuration(context).await?;
    }
    Ok(upgrade)
}

async fn serving(context: &Context) -> Result<Stack> {
    let name = context.cluster_name();
    let again = &context.settings.again;
    match context.aws.stacks.describe(&name).await? {
        Some(cluster) if cluster.is_usable() && ownership::is_ours(context, &cluster).await? => {
            Ok(cluster)
        }
        _ => Err(Error::new(
            Kind::NotReady,
            format!("`{}` has no cluster to upgrade", context.settings.name),
        )
        .hint(format!("make one: {}", again.command("up")))),
    }
}

/// Fails where the cluster was made from a configuration of the user's: the new one would be made from
/// hpcapi's own.
async fn require_own_configuration(context: &Context) -> Result<()> {
    super::survey(context).await?;
    // That of another version of hpcapi is there, as a rule.
    node_script::expect(context);
    let Some(paths) = changes::from_own(context).await? else {
        return Ok(());
    };
    let again = &context.settings.again;
    Err(
        Error::usage("the cluster was not made from hpcapi's own configuration")
            .because(paths)
            .hint(format!(
                "name the one that the new cluster is to have: {} --config FILE",
                again.command("upgrade")
            )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cluster_of_another_version_is_replaced() {
        let upgrade = |from: &str| Upgrade {
            from: from.to_owned(),
            to: "3.16.1".to_owned(),
        };
        for jobs in [OldJobs::End, OldJobs::Finish] {
            let beside = ClusterFate::Beside(jobs);
            assert_eq!(upgrade("3.15.0").fate(jobs), beside);
            // Whoever means an older one gets it.
            assert_eq!(upgrade("3.17.0").fate(jobs), beside);
            assert_eq!(upgrade("3.16.1").fate(jobs), ClusterFate::Unchanged);
        }
    }
}
