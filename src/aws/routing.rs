//! EC2: how a VPC resolves names, routes, and filters what goes in and out of its subnets.

use std::net::Ipv4Addr;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, NetworkAclEntry, RouteState, RuleAction, VpcAttributeName,
};

use crate::error::Result;

use super::Network;
use super::error::service;

/// A route table, with its way to the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// The subnets that are associated with it.
    pub subnets: Vec<String>,
    /// Whether it is that of all subnets that are associated with none.
    pub is_main: bool,
    /// Where it sends what is for `0.0.0.0/0`.
    pub default: Option<DefaultRoute>,
}

/// Where a route table sends what is for the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// What it leads to, e.g. `nat-…` or `igw-…`.
    pub target: String,
    /// Whether that is there; else EC2 drops what goes there (a blackhole).
    pub is_active: bool,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatGateway {
    /// Its id.
    pub id: String,
    /// Its state, e.g. `available`.
    pub state: String,
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAcl {
    /// Its id.
    pub id: String,
    /// The subnets whose packets it filters.
    pub subnets: Vec<String>,
    /// Its rules for IPv4, in no order.
    pub rules: Vec<AclRule>,
}

/// A rule of a network ACL. Of those that match a packet the one with the lowest number decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRule {
    /// Its number; the last rule, which denies all, has none.
    pub number: Option<i32>,
    /// Whether it is about what goes out.
    pub is_egress: bool,
    /// Whether it lets pass.
    pub allows: bool,
    /// The addresses on the other side, as CIDR.
    pub cidr: String,
    /// First and last port, unless it is about all of them.
    pub ports: Option<(i32, i32)>,
    /// Whether it is about TCP.
    pub is_of_tcp: bool,
}

/// The number of the rule that denies all in the end, as EC2 tells it.
const LAST: i32 = 32767;

/// The protocol numbers of TCP and of all protocols.
const TCP: [&str; 2] = ["6", "-1"];

impl NetworkAcl {
    /// Returns the rule that decides about a TCP packet to or from a port of an address.
    pub fn deciding(&self, is_egress: bool, address: Ipv4Addr, port: i32) -> Option<&AclRule> {
        let matching = self.rules.iter().filter(|rule| {
            rule.is_egress == is_egress
                && rule.is_of_tcp
                && holds(&rule.cidr, address)
                && rule
                    .ports
                    .is_none_or(|(first, last)| (first..=last).contains(&port))
        });
        matching.min_by_key(|rule| rule.number.unwrap_or(LAST))
    }

    fn rule(entry: &NetworkAclEntry) -> Option<AclRule> {
        let protocol = entry.protocol().unwrap_or("-1");
        let ports = entry.port_range().filter(|_| protocol != "-1");
        Some(AclRule {
            number: entry.rule_number().filter(|number| *number < LAST),
            is_egress: entry.egress().unwrap_or_default(),
            allows: entry.rule_action() == Some(&RuleAction::Allow),
            cidr: entry.cidr_block()?.to_owned(),
            ports: ports.and_then(|range| Some((range.from()?, range.to()?))),
            is_of_tcp: TCP.contains(&protocol),
        })
    }
}

fn holds(cidr: &str, address: Ipv4Addr) -> bool {
    let Some((network, bits)) = cidr.split_once('/') else {
        return false;
    };
    let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
    u32::from(network) & mask == u32::from(address) & mask
}

impl Network {
    /// Returns whether the VPC has names resolved, and gives its instances names.
    pub async fn names(&self, vpc: &str) -> Result<(bool, bool)> {
        Ok((
            self.attribute(vpc, VpcAttributeName::EnableDnsSupport)
                .await?,
            self.attribute(vpc, VpcAttributeName::EnableDnsHostnames)
                .await?,
        ))
    }

    async fn attribute(&self, vpc: &str, name: VpcAttributeName) -> Result<bool> {
        let asked = self.0.describe_vpc_attribute().vpc_id(vpc).attribute(name);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| service(format!("cannot look at `{vpc}`"), error))?;
        let value = answer
            .enable_dns_support()
            .or(answer.enable_dns_hostnames());
        Ok(value
            .and_then(AttributeBooleanValue::value)
            .unwrap_or_default())
    }

    /// Has the VPC resolve names, and give its instances names. EC2 takes one of them at a time.
    pub async fn turn_names_on(&self, vpc: &str) -> Result<()> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let failed = || format!("cannot turn on the names of `{vpc}`");
        let support = self.0.modify_vpc_attribute().vpc_id(vpc);
        let support = support.enable_dns_support(on.clone()).send().await;
        support.map_err(|error| service(failed(), error))?;
        let names = self.0.modify_vpc_attribute().vpc_id(vpc);
        let names = names.enable_dns_hostnames(on).send().await;
        names.map_err(|error| service(failed(), error))?;
        Ok(())
    }

    /// Returns the route tables of the VPC.
    pub async fn route_tables(&self, vpc: &str) -> Result<Vec<RouteTable>> {
        let pages = self.0.describe_route_tables().filters(of_vpc(vpc));
        let pages = pages.into_paginator().items().send();
        let tables: std::result::Result<Vec<_>, _> = pages.try_collect().await;
        let tables = tables
            .map_err(|error| service(format!("cannot look at the routes of `{vpc}`"), error))?;
        let tables = tables.iter().map(|table| {
            let associations = table.associations();
            let subnets = associations.iter().filter_map(|one| one.subnet_id());
            let mut routes = table.routes().iter();
            let default = routes.find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
            RouteTable {
                id: table.route_table_id().unwrap_or_default().to_owned(),
                subnets: subnets.map(ToOwned::to_owned).collect(),
                is_main: associations.iter().any(|one| one.main() == Some(true)),
                default: default.map(|route| DefaultRoute {
                    target: [
                        route.gateway_id(),
                        route.nat_gateway_id(),
                        route.transit_gateway_id(),
                        route.network_interface_id(),
                        route.vpc_peering_connection_id(),
                    ]
                    .into_iter()
                    .flatten()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                    is_active: route.state() != Some(&RouteState::Blackhole),
                }),
            }
        });
        Ok(tables.collect())
    }

    /// Sends what is for the internet to an internet gateway or a NAT gateway.
    pub async fn route_to(&self, table: &str, target: &str, replaces: bool) -> Result<()> {
        let failed = || format!("cannot add a route to `{table}`");
        let (nat, gateway) = match target.starts_with("nat-") {
            true => (Some(target.to_owned()), None),
            false => (None, Some(target.to_owned())),
        };
        if replaces {
            let asked = self.0.replace_route().route_table_id(table);
            let asked = asked.destination_cidr_block("0.0.0.0/0");
            let asked = asked.set_nat_gateway_id(nat).set_gateway_id(gateway);
            let replaced = asked.send().await;
            replaced.map_err(|error| service(failed(), error))?;
        } else {
            let asked = self.0.create_route().route_table_id(table);
            let asked = asked.destination_cidr_block("0.0.0.0/0");
            let asked = asked.set_nat_gateway_id(nat).set_gateway_id(gateway);
            let created = asked.send().await;
            created.map_err(|error| service(failed(), error))?;
        }
        Ok(())
    }

    /// Has a subnet use a route table.
    pub async fn associate(&self, subnet: &str, table: &str) -> Result<()> {
        let asked = self.0.associate_route_table().subnet_id(subnet);
        let associated = asked.route_table_id(table).send().await;
        associated.map_err(|error| {
            service(format!("cannot associate `{subnet}` with `{table}`"), error)
        })?;
        Ok(())
    }

    /// Returns the NAT gateways of the VPC, those too that were deleted lately.
    pub async fn nat_gateways(&self, vpc: &str) -> Result<Vec<NatGateway>> {
        let pages = self.0.describe_nat_gateways().filter(of_vpc(vpc));
        let pages = pages.into_paginator().items().send();
        let found: std::result::Result<Vec<_>, _> = pages.try_collect().await;
        let found = found.map_err(|error| {
            service(format!("cannot look at the NAT gateways of `{vpc}`"), error)
        })?;
        let gateways = found.iter().map(|gateway| NatGateway {
            id: gateway.nat_gateway_id().unwrap_or_default().to_owned(),
            state: gateway
                .state()
                .map_or("", |state| state.as_str())
                .to_owned(),
        });
        Ok(gateways.collect())
    }

    /// Returns the network ACLs of the VPC.
    pub async fn network_acls(&self, vpc: &str) -> Result<Vec<NetworkAcl>> {
        let pages = self.0.describe_network_acls().filters(of_vpc(vpc));
        let pages = pages.into_paginator().items().send();
        let found: std::result::Result<Vec<_>, _> = pages.try_collect().await;
        let found = found.map_err(|error| {
            service(format!("cannot look at the network ACLs of `{vpc}`"), error)
        })?;
        let acls = found.iter().map(|acl| {
            let subnets = acl.associations().iter().filter_map(|one| one.subnet_id());
            NetworkAcl {
                id: acl.network_acl_id().unwrap_or_default().to_owned(),
                subnets: subnets.map(ToOwned::to_owned).collect(),
                rules: acl.entries().iter().filter_map(NetworkAcl::rule).collect(),
            }
        });
        Ok(acls.collect())
    }
}

fn of_vpc(vpc: &str) -> Filter {
    Filter::builder().name("vpc-id").values(vpc).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(number: i32, allows: bool, cidr: &str, ports: Option<(i32, i32)>) -> AclRule {
        AclRule {
            number: Some(number),
            is_egress: true,
            allows,
            cidr: cidr.to_owned(),
            ports,
            is_of_tcp: true,
        }
    }

    #[test]
    fn the_matching_rule_with_the_lowest_number_decides() {
        let acl = NetworkAcl {
            id: "acl-1".to_owned(),
            subnets: Vec::new(),
            rules: vec![
                rule(100, true, "0.0.0.0/0", None),
                rule(90, false, "198.51.100.0/24", Some((443, 443))),
                rule(80, false, "10.0.0.0/8", None),
            ],
        };
        let decides = |address: [u8; 4], port| {
            let rule = acl.deciding(true, address.into(), port).unwrap();
            (rule.number.unwrap(), rule.allows)
        };
        assert_eq!(decides([198, 51, 100, 7], 443), (90, false));
        assert_eq!(decides([198, 51, 100, 7], 80), (100, true));
        assert_eq!(decides([10, 1, 2, 3], 443), (80, false));
        assert!(acl.deciding(false, [10, 1, 2, 3].into(), 443).is_none());
    }
}
