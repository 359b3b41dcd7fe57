//! EC2: a VPC and its subnets.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Filter, Vpc, VpcCidrBlockAssociation, VpcCidrBlockState, VpcCidrBlockStateCode,
};

use crate::error::Result;

use super::Network;
use super::error::{is_code, service};

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// The name of its zone in this account, e.g. `us-east-1a`.
    pub zone: String,
    /// The id of its zone, the same in every account, e.g. `use1-az4`.
    pub zone_id: String,
    /// Its addresses.
    pub cidr: String,
    /// The account that owns it: another than ours where it is shared with us.
    pub owner: String,
    /// How many of its addresses are free.
    pub free_addresses: u64,
    /// Whether each instance in it gets a public address.
    pub gives_public_addresses: bool,
    /// Its tags by key. Of a subnet that is shared with us EC2 tells only our own.
    pub tags: BTreeMap<String, String>,
}

impl Network {
    /// Returns whether there is a VPC of this id, or one is shared with the account.
    pub async fn has_vpc(&self, id: &str) -> Result<bool> {
        match self.0.describe_vpcs().vpc_ids(id).send().await {
            Ok(answer) => Ok(!answer.vpcs().is_empty()),
            Err(error) if is_code(&error, &["InvalidVpcID.NotFound"]) => Ok(false),
            Err(error) => Err(service(format!("cannot look at the VPC `{id}`"), error)),
        }
    }

    /// Returns the address ranges of a VPC, the first one first.
    pub async fn ranges(&self, vpc: &str) -> Result<Vec<String>> {
        let answer = self.0.describe_vpcs().vpc_ids(vpc).send().await;
        let answer =
            answer.map_err(|error| service(format!("cannot look at the VPC `{vpc}`"), error))?;
        Ok(answer.vpcs().first().map(ranges).unwrap_or_default())
    }

    /// Returns the subnets of a VPC, by zone and id.
    pub async fn subnets(&self, vpc: &str) -> Result<Vec<Subnet>> {
        let of_vpc = Filter::builder().name("vpc-id").values(vpc).build();
        let pages = self.0.describe_subnets().filters(of_vpc);
        let pages = pages.into_paginator().items().send();
        let found: std::result::Result<Vec<_>, _> = pages.try_collect().await;
        let found = found
            .map_err(|error| service(format!("cannot look at the subnets of `{vpc}`"), error))?;
        let mut subnets: Vec<_> = found.iter().map(Subnet::from_sdk).collect();
        subnets.sort_by(|one, other| (&one.zone, &one.id).cmp(&(&other.zone, &other.id)));
        Ok(subnets)
    }
}

/// Returns the ranges that a VPC has, and not those that it had or is about to have.
fn ranges(vpc: &Vpc) -> Vec<String> {
    let has = |range: &&VpcCidrBlockAssociation| {
        let state = range.cidr_block_state().and_then(VpcCidrBlockState::state);
        state == Some(&VpcCidrBlockStateCode::Associated)
    };
    let more = vpc.cidr_block_association_set().iter().filter(has);
    let mut more: Vec<_> = more.filter_map(|range| range.cidr_block()).collect();
    more.sort_unstable();
    let first = vpc.cidr_block();
    let all = first
        .into_iter()
        .chain(more.into_iter().filter(|it| Some(*it) != first));
    all.map(ToOwned::to_owned).collect()
}

impl Subnet {
    fn from_sdk(subnet: &aws_sdk_ec2::types::Subnet) -> Subnet {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let free = subnet.available_ip_address_count().unwrap_or_default();
        let tags = subnet.tags().iter().filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        });
        Subnet {
            id: text(subnet.subnet_id()),
            zone: text(subnet.availability_zone()),
            zone_id: text(subnet.availability_zone_id()),
            cidr: text(subnet.cidr_block()),
            owner: text(subnet.owner_id()),
            free_addresses: u64::try_from(free).unwrap_or_default(),
            gives_public_addresses: subnet.map_public_ip_on_launch().unwrap_or_default(),
            tags: tags.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_of_a_vpc_are_those_that_it_has_the_first_one_first() {
        let range = |cidr: &str, state| {
            let state = VpcCidrBlockState::builder().state(state).build();
            let range = VpcCidrBlockAssociation::builder().cidr_block(cidr);
            range.cidr_block_state(state).build()
        };
        let vpc = Vpc::builder()
            .cidr_block("10.9.0.0/16")
            .cidr_block_association_set(range("10.9.0.0/16", VpcCidrBlockStateCode::Associated))
            .cidr_block_association_set(range("10.8.0.0/16", VpcCidrBlockStateCode::Associated))
            .cidr_block_association_set(range("10.7.0.0/16", VpcCidrBlockStateCode::Failed))
            .cidr_block_association_set(range("10.10.0.0/16", VpcCidrBlockStateCode::Associated))
            .build();
        assert_eq!(ranges(&vpc), ["10.9.0.0/16", "10.10.0.0/16", "10.8.0.0/16"]);
    }
}
