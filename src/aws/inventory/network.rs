//! VPCs and what stands in them: network interfaces, addresses, NAT gateways, security groups.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::SecurityGroup;

use crate::aws::error::service;
use crate::aws::network::Interface;
use crate::error::Result;

use super::{Item, ec2_tags, text};

/// As many as EC2 gives at once.
const PAGE: i32 = 1000;

pub(super) async fn interfaces(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_network_interfaces()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the network interfaces", error))?;
        items.extend(page.network_interfaces().iter().map(|interface| {
            let association = interface.association();
            let owner = association.and_then(|association| association.ip_owner_id());
            let (tags, name) = ec2_tags(interface.tag_set());
            let attachment = Interface::from_sdk(interface);
            Item {
                id: text(interface.network_interface_id()),
                name: if name.is_empty() {
                    text(interface.description())
                } else {
                    name
                },
                tags,
                vpc: interface.vpc_id().map(ToOwned::to_owned),
                state: text(interface.status().map(|status| status.as_str())),
                made_for: attachment.made_for(),
                attachment: attachment.attachment,
                is_managed: attachment.is_managed || attachment.goes_with_instance,
                has_public_address: owner == Some("amazon"),
                ..Item::default()
            }
        }));
    }
    Ok(items)
}

pub(super) async fn addresses(client: &Client) -> Result<Vec<Item>> {
    let answer = client.describe_addresses().send().await;
    let answer = answer.map_err(|error| service("cannot list the elastic IPs", error))?;
    let items = answer.addresses().iter().map(|address| {
        let (tags, name) = ec2_tags(address.tags());
        Item {
            id: text(address.allocation_id()),
            name: if name.is_empty() {
                text(address.public_ip())
            } else {
                name
            },
            tags,
            attachment: address.association_id().map(ToOwned::to_owned),
            ..Item::default()
        }
    });
    Ok(items.collect())
}

pub(super) async fn nat_gateways(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_nat_gateways()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the NAT gateways", error))?;
        for gateway in page.nat_gateways() {
            let state = text(gateway.state().map(|state| state.as_str()));
            if matches!(state.as_str(), "deleting" | "deleted") {
                continue;
            }
            let (tags, name) = ec2_tags(gateway.tags());
            items.push(Item {
                id: text(gateway.nat_gateway_id()),
                name,
                tags,
                vpc: gateway.vpc_id().map(ToOwned::to_owned),
                state,
                ..Item::default()
            });
        }
    }
    Ok(items)
}

pub(super) async fn security_groups(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_security_groups()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    let mut named = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the security groups", error))?;
        for group in page.security_groups() {
            let names_groups = named_groups(group);
            named.extend(names_groups.clone());
            // Every VPC has one, which comes and goes with it.
            if group.group_name() == Some("default") {
                continue;
            }
            items.push(Item {
                id: text(group.group_id()),
                name: text(group.group_name()),
                tags: ec2_tags(group.tags()).0,
                vpc: group.vpc_id().map(ToOwned::to_owned),
                names_groups,
                ..Item::default()
            });
        }
    }
    for item in &mut items {
        item.is_named_by_groups = named.contains(&item.id);
    }
    Ok(items)
}

/// Returns the ids of the other groups that a group's rules name.
fn named_groups(group: &SecurityGroup) -> Vec<String> {
    let rules = group.ip_permissions().iter();
    let pairs = rules
        .chain(group.ip_permissions_egress())
        .flat_map(|rule| rule.user_id_group_pairs());
    let others = pairs
        .filter_map(|pair| pair.group_id())
        .filter(|other| group.group_id() != Some(other));
    let others: BTreeSet<_> = others.map(ToOwned::to_owned).collect();
    others.into_iter().collect()
}

pub(super) async fn vpcs(client: &Client) -> Result<Vec<Item>> {
    let mut pages = client
        .describe_vpcs()
        .into_paginator()
        .page_size(PAGE)
        .send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service("cannot list the VPCs", error))?;
        items.extend(page.vpcs().iter().map(|vpc| {
            let (tags, name) = ec2_tags(vpc.tags());
            Item {
                id: text(vpc.vpc_id()),
                name,
                tags,
                ..Item::default()
            }
        }));
    }
    Ok(items)
}
