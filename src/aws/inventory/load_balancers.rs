//! Load balancers and target groups. Their lists have no tags, which are asked for in batches.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, text};

/// As many as one question for tags may name.
const BATCH: usize = 20;

pub(super) async fn load_balancers(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client.describe_load_balancers().into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the load balancers", error))?;
        items.extend(page.load_balancers().iter().map(|balancer| {
            let state = balancer.state().and_then(|state| state.code());
            Item {
                id: text(balancer.load_balancer_arn()),
                name: text(balancer.load_balancer_name()),
                vpc: balancer.vpc_id().map(ToOwned::to_owned),
                state: text(state.map(|state| state.as_str())),
                sort: text(balancer.r#type().map(|kind| kind.as_str())),
                ..Item::default()
            }
        }));
    }
    with_tags(client, items).await
}

pub(super) async fn target_groups(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client.describe_target_groups().into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the target groups", error))?;
        items.extend(page.target_groups().iter().map(|group| Item {
            id: text(group.target_group_arn()),
            name: text(group.target_group_name()),
            vpc: group.vpc_id().map(ToOwned::to_owned),
            ..Item::default()
        }));
    }
    with_tags(client, items).await
}

async fn with_tags(client: &Client, mut items: Vec<Item>) -> Result<Vec<Item>> {
    for batch in items.chunks_mut(BATCH) {
        let arns = batch.iter().map(|item| item.id.clone()).collect();
        let mut tags = tags_of(client, arns).await?;
        for item in batch {
            item.tags = tags.remove(&item.id).unwrap_or_default();
        }
    }
    Ok(items)
}

async fn tags_of(
    client: &Client,
    mut arns: Vec<String>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let failed = "cannot look at the tags of load balancers and target groups";
    let answer = client
        .describe_tags()
        .set_resource_arns(Some(arns.clone()))
        .send()
        .await;
    let described = match answer {
        Ok(answer) => answer.tag_descriptions.unwrap_or_default(),
        // One of them went away since the list was made: ask for each, and leave that out.
        Err(error) if is_gone(&error) => {
            let mut described = Vec::new();
            for arn in arns.drain(..) {
                match client.describe_tags().resource_arns(arn).send().await {
                    Ok(answer) => described.extend(answer.tag_descriptions.unwrap_or_default()),
                    Err(error) if is_gone(&error) => {}
                    Err(error) => return Err(service(failed, error)),
                }
            }
            described
        }
        Err(error) => return Err(service(failed, error)),
    };
    let tags = described.iter().map(|one| {
        let tags = one.tags().iter();
        let tags = tags.map(|tag| (text(tag.key()), text(tag.value())));
        (text(one.resource_arn()), tags.collect())
    });
    Ok(tags.collect())
}

fn is_gone<E: aws_smithy_types::error::metadata::ProvideErrorMetadata>(error: &E) -> bool {
    is_code(
        error,
        &[
            "LoadBalancerNotFound",
            "LoadBalancerNotFoundException",
            "TargetGroupNotFound",
            "TargetGroupNotFoundException",
        ],
    )
}
