//! Hosted zones that are named as ParallelCluster names a cluster's.

use aws_sdk_route53::Client;
use aws_sdk_route53::types::TagResourceType;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, Names, text};

pub(super) async fn hosted_zones(client: &Client, names: &Names) -> Result<Vec<Item>> {
    let of_cluster = |cluster: &String| format!("{}.pcluster.", cluster.to_lowercase());
    let wanted: Vec<String> = names.clusters.iter().map(of_cluster).collect();
    let mut pages = client.list_hosted_zones().into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the hosted zones", error))?;
        let zones = page.hosted_zones().iter();
        let zones = zones.filter(|zone| wanted.iter().any(|wanted| wanted == zone.name()));
        items.extend(zones.map(|zone| Item {
            id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
            name: zone.name().trim_end_matches('.').to_owned(),
            ..Item::default()
        }));
    }
    let mut there = Vec::new();
    for mut item in items {
        let asked = client
            .list_tags_for_resource()
            .resource_type(TagResourceType::Hostedzone)
            .resource_id(&item.id);
        match asked.send().await {
            Ok(answer) => {
                let tags = answer.resource_tag_set().into_iter();
                let tags = tags.flat_map(|set| set.tags());
                item.tags = tags
                    .map(|tag| (text(tag.key()), text(tag.value())))
                    .collect();
                there.push(item);
            }
            Err(error) if is_code(&error, &["NoSuchHostedZone"]) => {}
            Err(error) => {
                return Err(service(
                    format!("cannot look at the tags of the hosted zone `{}`", item.id),
                    error,
                ));
            }
        }
    }
    Ok(there)
}
