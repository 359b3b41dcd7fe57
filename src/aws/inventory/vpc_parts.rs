//! What a VPC is divided into and tied to: subnets, route tables, network ACLs, internet gateways,
//! endpoints, peerings. AWS deletes no VPC that has one of them, but for those that it came with.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Tag;

use crate::aws::error::service;
use crate::error::Result;

use super::{Item, ec2_tags, text};

/// As many as EC2 gives at once.
const PAGE: i32 = 1000;

/// As many peerings as EC2 gives at once.
const PEERINGS: i32 = 100;

pub(super) async fn subnets(client: &Client) -> Result<Vec<Item>> {
    let pages = client.describe_subnets().into_paginator().page_size(PAGE);
    let found: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the subnets", error))?;
    let items = found.iter().map(|subnet| Item {
        vpc: subnet.vpc_id().map(ToOwned::to_owned),
        ..tagged(subnet.subnet_id(), subnet.tags())
    });
    Ok(items.collect())
}

pub(super) async fn route_tables(client: &Client) -> Result<Vec<Item>> {
    let pages = client.describe_route_tables().into_paginator();
    let found: std::result::Result<Vec<_>, _> =
        pages.page_size(100).items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the route tables", error))?;
    // Every VPC has a main one, which comes and goes with it.
    let own = found.iter().filter(|table| {
        let mut associations = table.associations().iter();
        !associations.any(|association| association.main() == Some(true))
    });
    let items = own.map(|table| Item {
        vpc: table.vpc_id().map(ToOwned::to_owned),
        ..tagged(table.route_table_id(), table.tags())
    });
    Ok(items.collect())
}

pub(super) async fn network_acls(client: &Client) -> Result<Vec<Item>> {
    let pages = client
        .describe_network_acls()
        .into_paginator()
        .page_size(PAGE);
    let found: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the network ACLs", error))?;
    let own = found.iter().filter(|acl| acl.is_default() != Some(true));
    let items = own.map(|acl| Item {
        vpc: acl.vpc_id().map(ToOwned::to_owned),
        ..tagged(acl.network_acl_id(), acl.tags())
    });
    Ok(items.collect())
}

pub(super) async fn internet_gateways(client: &Client) -> Result<Vec<Item>> {
    let pages = client
        .describe_internet_gateways()
        .into_paginator()
        .page_size(PAGE);
    let found: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the internet gateways", error))?;
    let items = found.iter().map(|gateway| {
        let vpc = gateway.attachments().first().and_then(|one| one.vpc_id());
        Item {
            vpc: vpc.map(ToOwned::to_owned),
            attachment: vpc.map(ToOwned::to_owned),
            ..tagged(gateway.internet_gateway_id(), gateway.tags())
        }
    });
    Ok(items.collect())
}

pub(super) async fn endpoints(client: &Client) -> Result<Vec<Item>> {
    let pages = client
        .describe_vpc_endpoints()
        .into_paginator()
        .page_size(PAGE);
    let found: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the VPC endpoints", error))?;
    let mut items = Vec::new();
    for endpoint in &found {
        let state = text(endpoint.state().map(|state| state.as_str())).to_lowercase();
        if matches!(state.as_str(), "deleting" | "deleted") {
            continue;
        }
        let (tags, name) = ec2_tags(endpoint.tags());
        items.push(Item {
            id: text(endpoint.vpc_endpoint_id()),
            name: if name.is_empty() {
                text(endpoint.service_name())
            } else {
                name
            },
            tags,
            vpc: endpoint.vpc_id().map(ToOwned::to_owned),
            state,
            sort: text(endpoint.vpc_endpoint_type().map(|kind| kind.as_str())),
            ..Item::default()
        });
    }
    Ok(items)
}

pub(super) async fn peerings(client: &Client) -> Result<Vec<Item>> {
    let pages = client
        .describe_vpc_peering_connections()
        .into_paginator()
        .page_size(PEERINGS);
    let found: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    let found = found.map_err(|error| service("cannot list the VPC peerings", error))?;
    let mut items = Vec::new();
    for peering in &found {
        let state = peering.status().and_then(|status| status.code());
        let state = text(state.map(|state| state.as_str()));
        if !matches!(
            state.as_str(),
            "initiating-request" | "pending-acceptance" | "active" | "provisioning"
        ) {
            continue;
        }
        let requester = peering.requester_vpc_info().and_then(|side| side.vpc_id());
        let accepter = peering.accepter_vpc_info().and_then(|side| side.vpc_id());
        items.push(Item {
            vpc: requester.map(ToOwned::to_owned),
            other_vpc: accepter.map(ToOwned::to_owned),
            state,
            ..tagged(peering.vpc_peering_connection_id(), peering.tags())
        });
    }
    Ok(items)
}

fn tagged(id: Option<&str>, tags: &[Tag]) -> Item {
    let (tags, name) = ec2_tags(tags);
    Item {
        id: text(id),
        name,
        tags,
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::recorded::answered;
    use super::super::{Kind, Names};

    async fn listed(kind: Kind, action: &str, list: &str, items: &str) -> Vec<super::Item> {
        let body = format!("<{action}Response><{list}>{items}</{list}></{action}Response>");
        let aws = answered(&[(200, &body)]).await;
        let names = Names {
            deployment: "mine".to_owned(),
            clusters: vec!["mine".to_owned()],
            bucket: String::new(),
            cluster_guids: vec![],
            tag: "hpcapi:deployment",
        };
        aws.inventory.list(kind, &names).await.unwrap()
    }

    #[tokio::test]
    async fn what_a_vpc_came_with_goes_with_it() {
        let tables = "<item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><associationSet>\
                      <item><main>true</main></item></associationSet></item>\
                      <item><routeTableId>rtb-2</routeTableId><vpcId>vpc-1</vpcId></item>";
        let found = listed(
            Kind::RouteTable,
            "DescribeRouteTables",
            "routeTableSet",
            tables,
        )
        .await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "rtb-2");
        let acls = "<item><networkAclId>acl-1</networkAclId><default>true</default></item>\
                    <item><networkAclId>acl-2</networkAclId><default>false</default></item>";
        let found = listed(
            Kind::NetworkAcl,
            "DescribeNetworkAcls",
            "networkAclSet",
            acls,
        )
        .await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "acl-2");
    }

    #[tokio::test]
    async fn a_peering_holds_the_vpcs_of_both_sides_until_it_is_deleted() {
        let side = |name: &str, vpc: &str| format!("<{name}><vpcId>{vpc}</vpcId></{name}>");
        let peering = |id: &str, code: &str| {
            format!(
                "<item><vpcPeeringConnectionId>{id}</vpcPeeringConnectionId>{}{}<status><code>\
                 {code}</code></status></item>",
                side("requesterVpcInfo", "vpc-9"),
                side("accepterVpcInfo", "vpc-1"),
            )
        };
        let both = peering("pcx-1", "deleted") + &peering("pcx-2", "active");
        let found = listed(
            Kind::Peering,
            "DescribeVpcPeeringConnections",
            "vpcPeeringConnectionSet",
            &both,
        )
        .await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "pcx-2");
        assert_eq!(found[0].vpc.as_deref(), Some("vpc-9"));
        assert_eq!(found[0].other_vpc.as_deref(), Some("vpc-1"));
    }
}
