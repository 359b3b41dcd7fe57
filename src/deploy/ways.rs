//! How the subnets of a network that was there reach the services of AWS that nodes call: by a default
//! route, or by VPC endpoints.

use std::collections::BTreeSet;

use futures_util::future::try_join3;

use serde_yaml::Value;

use crate::aws::{EndpointReach, NatGateway, Network, RouteTable, Subnet, VpcEndpoint};
use crate::error::Result;
use crate::pcluster::config::ClusterConfig;

/// What the head node calls, by the last parts of the names of endpoints. Sources: "AWS ParallelCluster in
/// a single subnet with no internet access" for all but SSM, by which tokens come.
const OF_HEAD_NODE: &[&str] = &[
    "s3",
    "dynamodb",
    "cloudformation",
    "ec2",
    "logs",
    "ssm",
    "ssmmessages",
];

/// What compute nodes call.
const OF_COMPUTE_NODES: &[&str] = &["s3", "dynamodb", "ec2", "logs"];

/// Services with endpoints that are free, and entries in route tables.
pub(super) const WITH_GATEWAYS: &[&str] = &["s3", "dynamodb"];

/// The ways out of a VPC.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    tables: Vec<RouteTable>,
    endpoints: Vec<VpcEndpoint>,
    /// Of a VPC that is shared with us EC2 tells none.
    gateways: Vec<NatGateway>,
}

/// Nodes in a subnet.
#[derive(Debug, Clone, Copy)]
struct Nodes<'n> {
    /// Who they are, e.g. `the head node`.
    who: &'static str,
    subnet: &'n str,
    zone: &'n str,
    /// Whether they get public addresses, without which an internet gateway is no way.
    have_public_addresses: bool,
    /// What they call.
    services: &'static [&'static str],
}

impl<'n> Nodes<'n> {
    /// Returns the nodes of a configuration in these subnets, without those that call AWS by a proxy.
    fn of(config: &ClusterConfig, head_node: &'n Subnet, compute: &'n [Subnet]) -> Vec<Nodes<'n>> {
        let document = config.document();
        let networking = &document["HeadNode"]["Networking"];
        let address = &networking["ElasticIp"];
        let mut nodes = Vec::new();
        if !has_proxy(networking) {
            nodes.push(Nodes {
                who: "the head node",
                subnet: &head_node.id,
                zone: &head_node.zone,
                have_public_addresses: head_node.gives_public_addresses
                    || address.as_bool() == Some(true)
                    || address.is_string(),
                services: OF_HEAD_NODE,
            });
        }
        let queues = document["Scheduling"]["SlurmQueues"].as_sequence();
        let queues: Vec<_> = queues.into_iter().flatten().collect();
        let of_each = |is_so: fn(&Value) -> bool| {
            !queues.is_empty() && queues.iter().all(|queue| is_so(&queue["Networking"]))
        };
        if of_each(has_proxy) {
            return nodes;
        }
        let are_given = of_each(|networking| networking["AssignPublicIp"].as_bool() == Some(true));
        nodes.extend(compute.iter().map(|subnet| Nodes {
            who: "compute nodes",
            subnet: &subnet.id,
            zone: &subnet.zone,
            have_public_addresses: subnet.gives_public_addresses || are_given,
            services: OF_COMPUTE_NODES,
        }));
        nodes
    }
}

fn has_proxy(networking: &Value) -> bool {
    networking["Proxy"]["HttpProxyAddress"].is_string()
}

/// Services that nodes do not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreached {
    /// What is so.
    pub(super) text: String,
    /// What is to be done about it.
    pub(super) next: String,
    /// The VPC endpoints that would do, too; none where no endpoint would.
    pub(super) endpoints: Vec<MissingEndpoint>,
}

/// A VPC endpoint by which nodes would reach a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingEndpoint {
    pub(super) service: &'static str,
    /// The subnet of the nodes.
    pub(super) subnet: String,
    /// The name of its zone.
    pub(super) zone: String,
    /// Its route table, if it is known.
    pub(super) table: Option<String>,
}

impl Ways {
    pub(super) async fn of(network: &Network, vpc: &str) -> Result<Ways> {
        let (tables, endpoints, gateways) = try_join3(
            network.route_tables(vpc),
            network.endpoints(vpc),
            network.nat_gateways(vpc),
        )
        .await?;
        Ok(Ways {
            tables,
            endpoints,
            gateways,
        })
    }

    /// Returns what the nodes of a configuration do not reach from these subnets in a region, subnet by
    /// subnet.
    pub(super) fn lacking(
        &self,
        config: &ClusterConfig,
        head_node: &Subnet,
        compute: &[Subnet],
        region: &str,
    ) -> Vec<Unreached> {
        let nodes = Nodes::of(config, head_node, compute);
        let lacking = nodes.iter().filter_map(|it| self.unreached(it, region));
        let of_names = nodes.iter().filter_map(|it| self.unnamed(it, config));
        lacking.chain(of_names).collect()
    }

    /// Returns what nodes do not reach, in the region; `None` when they reach all that they call.
    fn unreached(&self, nodes: &Nodes<'_>, region: &str) -> Option<Unreached> {
        let subnet = nodes.subnet;
        let table = self.table(subnet);
        let no_way = self.no_way(table, nodes.have_public_addresses)?;
        let table = table.map(|table| table.id.as_str());
        let lacking: Vec<_> = nodes
            .services
            .iter()
            .filter(|service| !self.has_endpoint(service, table))
            .copied()
            .collect();
        if lacking.is_empty() {
            return None;
        }
        let who = nodes.who;
        let services = lacking.join(", ");
        let names: Vec<_> = lacking
            .iter()
            .map(|service| endpoint(service, region))
            .collect();
        let endpoints = lacking.iter().map(|service| MissingEndpoint {
            service,
            subnet: subnet.to_owned(),
            zone: nodes.zone.to_owned(),
            table: table.map(ToOwned::to_owned),
        });
        Some(Unreached {
            text: format!(
                "{who} in `{subnet}` cannot reach {services}: {no_way}, and there are no VPC endpoints \
                 for them"
            ),
            next: format!(
                "route 0.0.0.0/0 of `{subnet}` to a NAT gateway or a transit gateway, or make VPC \
                 endpoints: {}",
                names.join(", ")
            ),
            endpoints: endpoints.collect(),
        })
    }

    /// Returns what the head node does not reach where ParallelCluster keeps the names of nodes in Route 53,
    /// which has no VPC endpoints.
    fn unnamed(&self, nodes: &Nodes<'_>, config: &ClusterConfig) -> Option<Unreached> {
        let dns = &config.document()["Scheduling"]["SlurmSettings"]["Dns"];
        let is_off = dns["DisableManagedDns"].as_bool() == Some(true);
        if nodes.services != OF_HEAD_NODE || is_off {
            return None;
        }
        let table = self.table(nodes.subnet);
        let no_way = self.no_way(table, nodes.have_public_addresses)?;
        Some(Unreached {
            text: format!(
                "the head node in `{}` cannot reach Route 53, where the names of nodes are: {no_way}",
                nodes.subnet
            ),
            next: "write DisableManagedDns: true and UseEc2Hostnames: true at \
                   Scheduling.SlurmSettings.Dns of the configuration"
                .to_owned(),
            endpoints: Vec::new(),
        })
    }

    /// Returns the route table of a subnet.
    fn table(&self, subnet: &str) -> Option<&RouteTable> {
        let has = |table: &&RouteTable| table.subnets.iter().any(|it| it == subnet);
        let own = self.tables.iter().find(has);
        own.or_else(|| self.tables.iter().find(|table| table.is_main))
    }

    /// Returns why a route table does not lead to the internet; `None` when it does, as far as can be
    /// seen: what lies behind a transit gateway or a firewall is its owner's.
    fn no_way(&self, table: Option<&RouteTable>, have_public_addresses: bool) -> Option<String> {
        let Some(table) = table else {
            return Some("it has no route table".to_owned());
        };
        let id = &table.id;
        let Some(route) = &table.default else {
            return Some(format!("its route table `{id}` has no route for 0.0.0.0/0"));
        };
        let target = &route.target;
        let gateway = self.gateways.iter().find(|gateway| gateway.id == *target);
        // EC2 tells only after a while that a route leads to a NAT gateway that was deleted.
        let is_gone =
            gateway.is_some_and(|it| !["available", "pending"].contains(&it.state.as_str()));
        if is_gone || !route.is_active {
            return Some(format!(
                "its route table `{id}` leads to `{target}`, which is gone"
            ));
        }
        (target.starts_with("igw-") && !have_public_addresses).then(|| {
            format!("its route table `{id}` leads to the internet gateway `{target}`, and the nodes get no public addresses")
        })
    }

    /// Returns the same ways without the endpoints that have a tag of this key, and the values of those.
    pub(super) fn without_tagged(&self, key: &str) -> (Ways, BTreeSet<String>) {
        let mut others = self.clone();
        others.endpoints.retain(|it| !it.tags.contains_key(key));
        let values = self.endpoints.iter().filter_map(|it| it.tags.get(key));
        (others, values.cloned().collect())
    }

    fn has_endpoint(&self, service: &str, table: Option<&str>) -> bool {
        let mut endpoints = self.endpoints.iter().filter(|it| it.service == service);
        endpoints.any(|endpoint| match &endpoint.reach {
            EndpointReach::RouteTables(tables) => {
                tables.iter().any(|it| Some(it.as_str()) == table)
            }
            EndpointReach::Vpc => true,
            EndpointReach::NamedOnly => false,
        })
    }
}

/// Returns the endpoint that would be made for a service.
fn endpoint(service: &str, region: &str) -> String {
    let kind = match WITH_GATEWAYS.contains(&service) {
        true => "Gateway",
        false => "Interface, with private DNS names",
    };
    let domain = match region.starts_with("cn-") {
        true => "cn.com.amazonaws",
        false => "com.amazonaws",
    };
    format!("{domain}.{region}.{service} ({kind})")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::aws::DefaultRoute;

    fn ways(target: Option<(&str, bool)>) -> Ways {
        let table = RouteTable {
            id: "rtb-1".to_owned(),
            subnets: vec!["subnet-1".to_owned()],
            is_main: false,
            default: target.map(|(target, is_active)| DefaultRoute {
                target: target.to_owned(),
                is_active,
            }),
        };
        Ways {
            tables: vec![table],
            ..Ways::default()
        }
    }

    fn unreached(ways: &Ways, have_public_addresses: bool) -> Option<String> {
        let nodes = Nodes {
            who: "compute nodes",
            subnet: "subnet-1",
            zone: "us-east-1a",
            have_public_addresses,
            services: &["s3", "ec2"],
        };
        ways.unreached(&nodes, "eu-west-1")
            .map(|it| it.text + "; " + &it.next)
    }

    #[test]
    fn a_default_route_is_a_way_unless_its_target_is_gone_or_needs_an_address() {
        for target in ["nat-1", "tgw-1", "vpce-1", "eni-1"] {
            assert_eq!(
                unreached(&ways(Some((target, true))), false),
                None,
                "{target}"
            );
        }
        assert_eq!(unreached(&ways(Some(("igw-1", true))), true), None);
        let told = unreached(&ways(Some(("igw-1", true))), false).unwrap();
        assert!(told.contains("get no public addresses"), "{told}");
        let told = unreached(&ways(Some(("nat-1", false))), false).unwrap();
        assert!(told.contains("`nat-1`, which is gone"), "{told}");
        let mut deleted = ways(Some(("nat-1", true)));
        deleted.gateways.push(NatGateway {
            id: "nat-1".to_owned(),
            state: "deleted".to_owned(),
        });
        assert!(unreached(&deleted, false).unwrap().contains("is gone"));
    }

    #[test]
    fn the_main_route_table_is_that_of_a_subnet_without_one() {
        let mut others = ways(Some(("nat-1", true)));
        others.tables[0].subnets.clear();
        assert!(
            unreached(&others, false)
                .unwrap()
                .contains("no route table")
        );
        others.tables[0].is_main = true;
        assert_eq!(unreached(&others, false), None);
    }

    #[test]
    fn endpoints_are_a_way_too_and_those_that_are_missing_are_named() {
        let mut private = ways(None);
        let endpoint = |service: &str, reach| VpcEndpoint {
            service: service.to_owned(),
            reach,
            tags: BTreeMap::new(),
        };
        let of_table = |table: &str| EndpointReach::RouteTables(vec![table.to_owned()]);
        private.endpoints = vec![
            endpoint("s3", of_table("rtb-2")),
            endpoint("ec2", EndpointReach::NamedOnly),
        ];
        let told = unreached(&private, true).unwrap();
        assert!(
            told.contains("cannot reach s3, ec2: its route table `rtb-1` has no"),
            "{told}"
        );
        assert!(
            told.contains("com.amazonaws.eu-west-1.s3 (Gateway)"),
            "{told}"
        );
        private.endpoints.push(endpoint("s3", of_table("rtb-1")));
        let told = unreached(&private, true).unwrap();
        assert!(told.contains("cannot reach ec2: "), "{told}");
        private.endpoints.push(endpoint("ec2", EndpointReach::Vpc));
        assert_eq!(unreached(&private, false), None);
        let owner = ("hpcapi:deployment".to_owned(), "other".to_owned());
        private.endpoints[3].tags.extend([owner]);
        let (others, owners) = private.without_tagged("hpcapi:deployment");
        assert!(owners.iter().eq(["other"]), "{owners:?}");
        assert!(unreached(&others, false).unwrap().contains("reach ec2: "));
    }

    #[test]
    fn names_in_route_53_need_the_internet_unless_the_configuration_has_none() {
        let told = |target, dns: &str| {
            let text = format!("Scheduling: {{SlurmSettings: {{Dns: {dns}}}}}\n");
            let config = ClusterConfig::parse(&text, "my.yaml".as_ref()).unwrap();
            let subnet = Subnet {
                id: "subnet-1".to_owned(),
                ..Subnet::default()
            };
            let lacking = ways(target).lacking(&config, &subnet, &[], "eu-west-1");
            lacking.iter().any(|it| it.text.contains("Route 53"))
        };
        assert!(told(None, "{}"));
        assert!(!told(None, "{DisableManagedDns: true}"));
        assert!(!told(Some(("nat-1", true)), "{}"));
    }
}
