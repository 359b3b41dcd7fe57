//! The deployments of an account in a region, as far as the stacks tell.

use std::collections::BTreeSet;

use crate::aws::{Aws, Stack};
use crate::context::TAG_DEPLOYMENT;
use crate::error::Result;
use crate::settings::DeploymentName;

use super::steps::api;

/// A deployment, as its stacks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub condition: Condition,
    /// When the first of its stacks was made, in seconds since 1970.
    pub created: Option<u64>,
    /// Its public URL, once there is one.
    pub endpoint: Option<String>,
}

/// How far a deployment is. Whether it answers is for `status` to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Network, cluster and API are made.
    Complete,
    /// The same, and `pause` took away what costs.
    Resting,
    /// Something is being made or changed.
    Changing,
    /// Something is being deleted.
    Deleting,
    /// Something could not be made or deleted.
    Failed,
    /// Something is missing, and nothing is being done.
    Incomplete,
}

impl Condition {
    /// Returns it as one word, for people and for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Condition::Complete => "complete",
            Condition::Resting => "resting",
            Condition::Changing => "changing",
            Condition::Deleting => "deleting",
            Condition::Failed => "failed",
            Condition::Incomplete => "incomplete",
        }
    }

    /// Returns how far a deployment is whose stacks these are; `parts` have to be there.
    fn of(stacks: &[&Stack], parts: &[String]) -> Condition {
        let any = |is: fn(&str) -> bool| stacks.iter().any(|stack| is(&stack.status));
        let is_there = |part: &String| {
            let mut stacks = stacks.iter();
            stacks.any(|stack| stack.name == *part && stack.is_usable())
        };
        if any(|status| status == "DELETE_IN_PROGRESS") {
            Condition::Deleting
        } else if stacks
            .iter()
            .any(|stack| !stack.is_settled() && !stack.is_in_review())
        {
            Condition::Changing
        } else if stacks.iter().any(|stack| stack.must_be_replaced())
            || any(|status| status.ends_with("_FAILED"))
        {
            Condition::Failed
        } else if parts.iter().all(is_there) {
            match stacks.iter().any(|stack| api::is_resting(stack)) {
                true => Condition::Resting,
                false => Condition::Complete,
            }
        } else {
            Condition::Incomplete
        }
    }
}

/// Returns the deployments in the region of `aws`, by name.
pub async fn deployments(aws: &Aws) -> Result<Vec<Deployment>> {
    Ok(among(&aws.stacks.all().await?))
}

/// Returns the deployments whose stacks are among these.
fn among(stacks: &[Stack]) -> Vec<Deployment> {
    let tagged = stacks
        .iter()
        .filter_map(|stack| stack.tags.get(TAG_DEPLOYMENT));
    let names: BTreeSet<&String> = tagged.collect();
    let names = names.into_iter().filter_map(|name| name.parse().ok());
    names.map(|name| deployment(&name, stacks)).collect()
}

fn deployment(name: &DeploymentName, stacks: &[Stack]) -> Deployment {
    let own = name.own_stacks();
    let is_there = |name: &str| stacks.iter().any(|stack| stack.name == name);
    // A second cluster cannot be told from that of another deployment of this name, but where there is none.
    let is_cluster = |stack: &Stack| {
        let is_of_another = || {
            let other = stack.name.parse::<DeploymentName>();
            other.is_ok_and(|other| is_there(&other.requirements_stack()))
        };
        stack.name == name.as_str()
            || name.second_cluster().as_ref() == Some(&stack.name) && !is_of_another()
    };
    let is_own = |stack: &&Stack| own.contains(&stack.name) || is_cluster(stack);
    let stacks: Vec<&Stack> = stacks.iter().filter(is_own).collect();
    let mut clusters = stacks.iter().filter(|stack| is_cluster(stack));
    let cluster = clusters.find(|stack| stack.is_usable());
    let cluster = cluster.map_or_else(|| name.to_string(), |stack| stack.name.clone());
    let parts = [name.requirements_stack(), cluster, name.api_stack()];
    let api = stacks.iter().find(|stack| stack.name == name.api_stack());
    Deployment {
        name: name.to_string(),
        condition: Condition::of(&stacks, &parts),
        created: stacks.iter().filter_map(|stack| stack.created).min(),
        endpoint: api.and_then(|stack| stack.outputs.get(api::ENDPOINT).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str, status: &str, created: u64) -> Stack {
        let tag = (TAG_DEPLOYMENT.to_owned(), "mine".to_owned());
        Stack {
            id: format!("arn:{name}"),
            name: name.to_owned(),
            status: status.to_owned(),
            outputs: [(api::ENDPOINT.to_owned(), "https://x".to_owned())].into(),
            parameters: Default::default(),
            tags: [tag].into(),
            role: None,
            is_protected: false,
            created: Some(created),
        }
    }

    /// A deployment with a cluster and an API of these statuses.
    fn of(cluster: &str, api: &str) -> Deployment {
        let stacks = [
            stack("mine-requirements", "UPDATE_COMPLETE", 100),
            stack("mine", cluster, 300),
            stack("mine-api", api, 200),
        ];
        let mut found = among(&stacks);
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn a_deployment_is_as_its_stacks_are() {
        let complete = of("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(complete.name, "mine");
        assert_eq!(complete.created, Some(100));
        assert_eq!(complete.endpoint.as_deref(), Some("https://x"));
        assert_eq!(complete.condition, Condition::Complete);
        for (cluster, api, condition) in [
            ("CREATE_IN_PROGRESS", "CREATE_COMPLETE", Condition::Changing),
            (
                "CREATE_COMPLETE",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                Condition::Changing,
            ),
            (
                "CREATE_IN_PROGRESS",
                "DELETE_IN_PROGRESS",
                Condition::Deleting,
            ),
            ("CREATE_FAILED", "CREATE_COMPLETE", Condition::Failed),
            (
                "CREATE_COMPLETE",
                "UPDATE_ROLLBACK_FAILED",
                Condition::Failed,
            ),
            (
                "CREATE_COMPLETE",
                "REVIEW_IN_PROGRESS",
                Condition::Incomplete,
            ),
        ] {
            assert_eq!(of(cluster, api).condition, condition, "{cluster}, {api}");
        }
    }

    #[test]
    fn a_cluster_of_the_second_name_is_of_the_deployment_unless_another_is_called_so() {
        let stacks = [
            stack("mine-requirements", "CREATE_COMPLETE", 100),
            stack("mine-2", "CREATE_COMPLETE", 300),
            stack("mine-api", "CREATE_COMPLETE", 200),
        ];
        assert_eq!(among(&stacks)[0].condition, Condition::Complete);
        let other = stack("mine-2-requirements", "CREATE_COMPLETE", 100);
        let found = among(&[&stacks[..], &[other]].concat());
        assert_eq!(found[0].condition, Condition::Incomplete);
    }

    #[test]
    fn what_is_missing_is_seen_and_what_is_of_others_is_not() {
        let mut foreign = stack("theirs-requirements", "CREATE_COMPLETE", 1);
        foreign.tags.clear();
        assert_eq!(among(&[foreign]), []);
        let found = among(&[stack("mine-requirements", "CREATE_COMPLETE", 1)]);
        assert_eq!(found[0].condition, Condition::Incomplete);
        assert_eq!(found[0].endpoint, None);
    }
}
