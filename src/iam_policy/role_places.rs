//! Below which places of IAM the roles of a deployment are, as the statements about them have it: those of
//! the cluster, which ParallelCluster makes, and those of hpcapi's functions.

use crate::iam_prefix::IamPrefix;
use crate::settings::DeploymentName;

/// The path of what ParallelCluster makes where it is told no other.
const USUAL_PATH: &str = "parallelcluster/";

/// Of longer names CloudFormation may leave something out where it makes the name of a role of them.
const SURE: usize = 20;

/// How the parts of ARNs behind `role/` begin, and behind `instance-profile/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePlaces {
    /// Of all that the cluster has, as one pattern: IAM limits a policy's length.
    cluster: String,
    /// Of what its nodes have.
    nodes: String,
    /// Of what its own functions have.
    cluster_functions: String,
    /// Of what hpcapi's functions have, before the word that each is called.
    functions: String,
}

impl RolePlaces {
    /// Returns the places of a deployment whose cluster gets this `Iam.ResourcePrefix`, and whose functions
    /// this prefix.
    ///
    /// ParallelCluster (3.16.1: its `cdk_builder_utils`) makes those of nodes below a folder that is called
    /// as the cluster, and those of its functions beside it.
    pub fn of(
        name: &DeploymentName,
        cluster: Option<&str>,
        ours: Option<&IamPrefix>,
    ) -> RolePlaces {
        let [cluster, nodes, cluster_functions] = match cluster.map(parts) {
            None => [USUAL_PATH; 3].map(ToOwned::to_owned),
            Some((path, "")) => [
                format!("{path}{}", sure(name.as_str())),
                format!("{path}{name}/"),
                format!("{path}{name}-"),
            ],
            Some((path, names)) => [
                format!("{path}*{names}"),
                format!("{path}{name}/{names}"),
                format!("{path}{names}"),
            ],
        };
        let functions = match ours.map(|ours| parts(ours.as_str())) {
            None => format!("{name}-"),
            Some((path, "")) => format!("{path}{name}-"),
            Some((path, names)) => format!("{path}{names}"),
        };
        RolePlaces {
            cluster,
            nodes,
            cluster_functions,
            functions,
        }
    }

    /// Returns the template of an ARN with the places in it, as patterns.
    pub(super) fn fill(&self, template: &str) -> String {
        template
            .replace("{nodes}", &self.cluster)
            .replace("{cluster_roles}", &self.cluster)
            .replace("{functions}", &self.functions)
    }

    /// Returns the templates of an ARN with each of the places that things are really made at.
    pub(super) fn each(&self, template: &str) -> Vec<String> {
        let mut each = [&self.nodes, &self.cluster_functions]
            .map(|place| {
                template
                    .replace("{nodes}", &self.nodes)
                    .replace("{cluster_roles}", place)
                    .replace("{functions}", &self.functions)
            })
            .to_vec();
        each.dedup();
        each
    }
}

/// Returns the path, without the slash that it begins with, and how names begin.
fn parts(prefix: &str) -> (String, &str) {
    let (path, names) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    match path.trim_start_matches('/') {
        "" => (USUAL_PATH.to_owned(), names),
        path => (format!("{path}/"), names),
    }
}

/// Returns how the names of roles begin for sure that CloudFormation makes of the cluster's name.
fn sure(name: &str) -> &str {
    name.get(..SURE).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str, cluster: Option<&str>, ours: Option<&str>) -> RolePlaces {
        let name = name.parse().unwrap();
        let ours = ours.map(|ours| ours.parse().unwrap());
        RolePlaces::of(&name, cluster, ours.as_ref())
    }

    #[test]
    fn roles_are_where_the_prefix_puts_them() {
        let long = "hpc-serverless-job-mgmt";
        for (name, cluster, ours, pattern, each, functions) in [
            (
                "mine",
                None,
                None,
                "parallelcluster/",
                &["parallelcluster/"][..],
                "mine-",
            ),
            (
                "mine",
                Some("/team/"),
                Some("/team/"),
                "team/mine",
                &["team/mine/", "team/mine-"],
                "team/mine-",
            ),
            (
                long,
                Some("/a/b/"),
                Some("/a/b/"),
                "a/b/hpc-serverless-job-m",
                &[
                    "a/b/hpc-serverless-job-mgmt/",
                    "a/b/hpc-serverless-job-mgmt-",
                ],
                "a/b/hpc-serverless-job-mgmt-",
            ),
            (
                "mine",
                Some("/a/b/lab-"),
                Some("/a/b/lab-"),
                "a/b/*lab-",
                &["a/b/mine/lab-", "a/b/lab-"],
                "a/b/lab-",
            ),
            (
                "mine",
                Some("lab"),
                None,
                "parallelcluster/*lab",
                &["parallelcluster/mine/lab", "parallelcluster/lab"],
                "mine-",
            ),
        ] {
            let places = places(name, cluster, ours);
            assert_eq!(places.fill("{cluster_roles}"), pattern);
            assert_eq!(places.fill("{nodes}"), pattern);
            assert_eq!(places.fill("{functions}"), functions);
            assert_eq!(places.each("{cluster_roles}"), each);
            assert_eq!(places.each("{nodes}"), each[..1]);
        }
    }
}
