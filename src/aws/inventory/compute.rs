//! Instances, their volumes and snapshots, and key pairs.

use aws_sdk_ec2::Client;

use crate::aws::error::service;
use crate::error::Result;

use super::{Item, ec2_tags, gibibytes, text};

/// As many as EC2 gives at once of things that have tags.
const PAGE: i32 = 500;

pub(super) async fn instances(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_instances()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the instances", error))?;
        let found = page
            .reservations()
            .iter()
            .flat_map(|group| group.instances());
        for instance in found {
            let state = instance.state().and_then(|state| state.name());
            let state = text(state.map(|state| state.as_str()));
            if matches!(state.as_str(), "shutting-down" | "terminated") {
                continue;
            }
            let (tags, name) = ec2_tags(instance.tags());
            items.push(Item {
                id: text(instance.instance_id()),
                name,
                tags,
                vpc: instance.vpc_id().map(ToOwned::to_owned),
                state,
                sort: text(instance.instance_type().map(|kind| kind.as_str())),
                ..Item::default()
            });
        }
    }
    Ok(items)
}

pub(super) async fn volumes(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_volumes()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the volumes", error))?;
        for volume in page.volumes() {
            let state = text(volume.state().map(|state| state.as_str()));
            if matches!(state.as_str(), "deleting" | "deleted") {
                continue;
            }
            let (tags, name) = ec2_tags(volume.tags());
            items.push(Item {
                id: text(volume.volume_id()),
                name,
                tags,
                state,
                sort: text(volume.volume_type().map(|kind| kind.as_str())),
                bytes: gibibytes(volume.size()),
                attachment: volume
                    .attachments()
                    .first()
                    .and_then(|attachment| attachment.instance_id().map(ToOwned::to_owned)),
                ..Item::default()
            });
        }
    }
    Ok(items)
}

pub(super) async fn snapshots(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_snapshots()
        .owner_ids("self")
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the snapshots", error))?;
        items.extend(page.snapshots().iter().map(|snapshot| {
            let (tags, name) = ec2_tags(snapshot.tags());
            Item {
                id: text(snapshot.snapshot_id()),
                name,
                tags,
                sort: text(snapshot.storage_tier().map(|tier| tier.as_str())),
                bytes: gibibytes(snapshot.volume_size()),
                ..Item::default()
            }
        }));
    }
    Ok(items)
}

pub(super) async fn key_pairs(client: &Client) -> Result<Vec<Item>> {
    let answer = client.describe_key_pairs().send().await;
    let answer = answer.map_err(|error| service("cannot list the key pairs", error))?;
    let items = answer.key_pairs().iter().map(|pair| Item {
        id: text(pair.key_name()),
        name: text(pair.key_name()),
        tags: ec2_tags(pair.tags()).0,
        ..Item::default()
    });
    Ok(items.collect())
}
