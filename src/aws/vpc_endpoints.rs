//! EC2: the endpoints by which a VPC reaches AWS's services without the internet.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, VpcEndpointType};

use crate::error::Result;

use super::Network;
use super::error::service;

/// A VPC endpoint that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// The last part of its service's name, e.g. `s3` of `com.amazonaws.us-east-1.s3`.
    pub service: String,
    /// Who reaches the service by it.
    pub reach: EndpointReach,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
}

/// Who reaches a service by an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointReach {
    /// The subnets of these route tables.
    RouteTables(Vec<String>),
    /// The whole VPC, by the service's own name.
    Vpc,
    /// Who calls it by a name of its own, which nothing on the nodes does.
    NamedOnly,
}

impl Network {
    /// Returns the endpoints of a VPC that work.
    pub async fn endpoints(&self, vpc: &str) -> Result<Vec<VpcEndpoint>> {
        let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
        let pages = self.0.describe_vpc_endpoints().filters(of_vpc);
        let pages = pages.into_paginator().items().send();
        let found: std::result::Result<Vec<_>, _> = pages.try_collect().await;
        let found = found.map_err(|error| {
            service(
                format!("cannot look at the VPC endpoints of `{vpc}`"),
                error,
            )
        })?;
        Ok(found.iter().filter_map(VpcEndpoint::from_sdk).collect())
    }
}

impl VpcEndpoint {
    fn from_sdk(endpoint: &aws_sdk_ec2::types::VpcEndpoint) -> Option<VpcEndpoint> {
        // EC2's model has `Available`, and its answers have `available`.
        let state = endpoint.state()?.as_str();
        if !state.eq_ignore_ascii_case("available") {
            return None;
        }
        let service = endpoint.service_name()?.rsplit('.').next()?;
        let reach = match endpoint.vpc_endpoint_type()? {
            VpcEndpointType::Gateway => {
                EndpointReach::RouteTables(endpoint.route_table_ids().to_vec())
            }
            _ if endpoint.private_dns_enabled() == Some(true) => EndpointReach::Vpc,
            _ => EndpointReach::NamedOnly,
        };
        let tags = endpoint.tags().iter();
        let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        Some(VpcEndpoint {
            service: service.to_owned(),
            reach,
            tags: tags.collect(),
        })
    }
}
