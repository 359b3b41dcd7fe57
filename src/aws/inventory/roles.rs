//! IAM roles that are named like a deployment's, or stand below a cluster's path:
//! `/parallelcluster/CLUSTER/`, or that which `Iam.ResourcePrefix` of its configuration begins. Where
//! names begin as somebody wants, they end as this deployment's do.

use aws_sdk_iam::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;
use crate::iam_prefix;

use super::{Item, Names};

/// As many as IAM gives at once.
const PAGE: i32 = 1000;

pub(super) async fn roles(client: &Client, region: &str, names: &Names) -> Result<Vec<Item>> {
    let mut pages = client.list_roles().into_paginator().page_size(PAGE).send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the roles", error))?;
        let roles = page.roles().iter();
        let roles = roles.filter(|role| {
            let (path, role) = (role.path(), role.role_name());
            is_named_alike(names, path, role) || ends_alike(names, region, path, role)
        });
        found.extend(roles.map(|role| (role.role_name().to_owned(), role.path().to_owned())));
    }
    let mut items = Vec::new();
    for (name, path) in found {
        let mut pages = client
            .list_role_tags()
            .role_name(&name)
            .into_paginator()
            .send();
        let mut item = Item {
            id: name.clone(),
            name: format!("{path}{name}"),
            ..Item::default()
        };
        let mut is_there = true;
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => item.tags.extend(
                    page.tags()
                        .iter()
                        .map(|tag| (tag.key().to_owned(), tag.value().to_owned())),
                ),
                Err(error) if is_code(&error, &["NoSuchEntity", "NoSuchEntityException"]) => {
                    is_there = false;
                    break;
                }
                Err(error) => {
                    return Err(service(
                        format!("cannot look at the tags of the role `{name}`"),
                        error,
                    ));
                }
            }
        }
        if is_there {
            items.push(item);
        }
    }
    Ok(items)
}

/// Returns whether a role is named like a deployment's, or stands below a cluster's path.
fn is_named_alike(names: &Names, path: &str, role: &str) -> bool {
    let mut clusters = names.clusters.iter();
    clusters.any(|cluster| path.ends_with(&format!("/{cluster}/")))
        || role.starts_with(&format!("{}-", names.deployment))
}

/// Returns whether the name of a role ends as those of functions of a deployment do, which begin otherwise.
fn ends_alike(names: &Names, region: &str, path: &str, role: &str) -> bool {
    let endings = iam_prefix::endings(&names.deployment, &names.clusters, path, region);
    endings.iter().any(|ending| role.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(deployment: &str, clusters: &[&str]) -> Names {
        Names {
            deployment: deployment.to_owned(),
            clusters: clusters.iter().map(ToString::to_string).collect(),
            bucket: String::new(),
            cluster_guids: Vec::new(),
            tag: "hpcapi:deployment",
        }
    }

    #[test]
    fn a_role_below_a_path_of_the_cluster_is_found_wherever_that_begins() {
        let names = names("mine", &["mine", "mine-2"]);
        for path in ["/parallelcluster/mine/", "/team/mine-2/", "/a/b/mine/"] {
            assert!(is_named_alike(&names, path, "lab-RoleHeadNode-1"), "{path}");
        }
        for path in [
            "/",
            "/team/",
            "/not-mine/",
            "/mine/other/",
            "/parallelcluster/mine-two/",
        ] {
            assert!(
                !is_named_alike(&names, path, "lab-RoleHeadNode-1"),
                "{path}"
            );
        }
        assert!(is_named_alike(&names, "/team/", "mine-operations-Role-1"));
        assert!(!is_named_alike(&names, "/team/", "mine"));
    }

    #[test]
    fn a_role_whose_name_begins_otherwise_is_found_by_its_end() {
        let prefix: iam_prefix::IamPrefix = "/team/lab-".parse().unwrap();
        let role = prefix
            .function_role("triggers", "mine", "us-east-1")
            .unwrap();
        let names = |name: &str| names(name, &["mine", "mine-2"]);
        let ends =
            |name: &str, region: &str, role: &str| ends_alike(&names(name), region, "/team/", role);
        assert!(ends("mine", "us-east-1", &role), "{role}");
        assert!(!ends("mine", "eu-west-1", &role), "{role}");
        assert!(!ends("other", "us-east-1", &role), "{role}");
        let second = ["mine-2".to_owned()];
        let of_second = iam_prefix::endings("mine", &second, "/team/", "us-east-1");
        let of_second = of_second.last().unwrap();
        assert!(ends("mine", "us-east-1", &format!("lab-{of_second}")));
    }
}
