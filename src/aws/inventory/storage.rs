//! Buckets that are named like a deployment's, and those that ParallelCluster shares.

use aws_sdk_s3::Client;

use crate::aws::error::{is_code, service};
use crate::error::Result;

use super::{Item, Names, text};

/// How the bucket that ParallelCluster shares between all clusters of a region is named.
const SHARED: (&str, &str) = ("parallelcluster-", "-do-not-delete");

pub(super) async fn buckets(client: &Client, region: &str, names: &Names) -> Result<Vec<Item>> {
    let (start, end) = SHARED;
    let mut items = named(client, region, start).await?;
    items.retain(|item| item.name.ends_with(end));
    for mut item in named(client, region, &names.bucket).await? {
        let answer = client.get_bucket_tagging().bucket(&item.id).send().await;
        match answer {
            Ok(answer) => {
                let tags = answer.tag_set().iter();
                let tags = tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                item.tags = tags.collect();
            }
            Err(error) if is_code(&error, &["NoSuchTagSet"]) => {}
            Err(error) if is_code(&error, &["NoSuchBucket"]) => continue,
            Err(error) => {
                return Err(service(
                    format!("cannot look at the tags of the bucket `{}`", item.id),
                    error,
                ));
            }
        }
        items.push(item);
    }
    Ok(items)
}

async fn named(client: &Client, region: &str, prefix: &str) -> Result<Vec<Item>> {
    let mut pages = client
        .list_buckets()
        .bucket_region(region)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the buckets", error))?;
        let found = page.buckets().iter().map(|bucket| text(bucket.name()));
        let found = found.filter(|name| name.starts_with(prefix));
        items.extend(found.map(|name| Item {
            id: name.clone(),
            name,
            ..Item::default()
        }));
    }
    Ok(items)
}
