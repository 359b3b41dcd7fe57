//! Log groups that are named like a deployment's.

use aws_sdk_cloudwatchlogs::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, Names, text};

/// Begins the log group of a cluster; its name and the minute it was made in follow.
const CLUSTER: &str = "/aws/parallelcluster/";

/// Begins the access log of the API.
const ACCESS: &str = "/aws/vendedlogs/apigateway/";

/// Begins the log groups of the functions by which ParallelCluster cleans up; the last part of
/// the cluster's stack id ends them.
const FUNCTION: &str = "/aws/lambda/pcluster-";

/// Begins the log groups of the functions of hpcapi's own stacks, which are named like their stacks.
const OWN_FUNCTION: &str = "/aws/lambda/";
const STACKS_WITH_FUNCTION: [&str; 4] = ["-operations", "-triggers", "-notifications", "-limits"];

pub(super) async fn log_groups(client: &Client, names: &Names) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for prefix in [
        // So begin those of both its clusters.
        format!("{CLUSTER}{}-", names.deployment),
        format!("{ACCESS}{}-api", names.deployment),
        FUNCTION.to_owned(),
        format!("{OWN_FUNCTION}{}-", names.deployment),
    ] {
        let mut pages = client
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot list the log groups", error))?;
            let groups = page.log_groups().iter();
            let groups = groups.filter(|group| fits(&text(group.log_group_name()), names));
            items.extend(groups.map(|group| {
                Item {
                    id: text(group.log_group_name()),
                    name: text(group.log_group_name()),
                    sort: text(group.arn().map(|arn| arn.trim_end_matches(":*"))),
                    bytes: group
                        .stored_bytes()
                        .and_then(|bytes| u64::try_from(bytes).ok()),
                    ..Item::default()
                }
            }));
        }
    }
    let mut there = Vec::new();
    for mut item in items {
        let arn = std::mem::take(&mut item.sort);
        let answer = client.list_tags_for_resource().resource_arn(arn).send();
        match answer.await {
            Ok(answer) => {
                item.tags = answer.tags.unwrap_or_default().into_iter().collect();
                there.push(item);
            }
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => {}
            Err(error) => {
                return Err(service(
                    format!("cannot look at the tags of the log group `{}`", item.id),
                    error,
                ));
            }
        }
    }
    Ok(there)
}

/// Returns whether a log group is named as one of the deployment's.
fn fits(group: &str, names: &Names) -> bool {
    let stack = group
        .strip_prefix(OWN_FUNCTION)
        .and_then(|rest| rest.strip_prefix(&names.deployment));
    if stack.is_some_and(|end| STACKS_WITH_FUNCTION.contains(&end)) {
        return true;
    }
    if group.starts_with(FUNCTION) {
        return names.cluster_guids.iter().any(|guid| group.ends_with(guid));
    }
    if let Some(name) = group.strip_prefix(ACCESS) {
        return name.strip_suffix("-api") == Some(&names.deployment);
    }
    let of_cluster = group.strip_prefix(CLUSTER);
    let of_cluster = of_cluster.and_then(|rest| rest.rsplit_once('-'));
    of_cluster.is_some_and(|(cluster, minute)| {
        names.clusters.iter().any(|own| own == cluster)
            && minute.len() == 12
            && minute.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_log_groups_of_this_very_deployment_fit() {
        let names = Names {
            deployment: "mine".to_owned(),
            clusters: vec!["mine".to_owned()],
            bucket: String::new(),
            cluster_guids: vec!["aa-bb".to_owned()],
            tag: "hpcapi:deployment",
        };
        for group in [
            "/aws/parallelcluster/mine-202611231200",
            "/aws/vendedlogs/apigateway/mine-api",
            "/aws/lambda/pcluster-CleanupResources-aa-bb",
            "/aws/lambda/mine-operations",
            "/aws/lambda/mine-triggers",
        ] {
            assert!(fits(group, &names), "{group}");
        }
        for group in [
            "/aws/parallelcluster/mine-two-202611231200",
            "/aws/parallelcluster/mine-2-202611231200",
            "/aws/parallelcluster/mine-2026",
            "/aws/vendedlogs/apigateway/mine-two-api",
            "/aws/lambda/pcluster-CleanupResources-cc-dd",
        ] {
            assert!(!fits(group, &names), "{group}");
        }
        let both = Names {
            clusters: vec!["mine".to_owned(), "mine-2".to_owned()],
            ..names
        };
        assert!(fits("/aws/parallelcluster/mine-2-202611231200", &both));
    }
}
