//! A network that is there already: whether the deployment would work in it. Each finding is told at
//! once, since whoever has the network mended by somebody else asks only once.

use std::collections::BTreeMap;

use tokio::try_join;

use crate::aws::{Subnet, vpc_link_zones};
use crate::context::{Context, VpcEndpoints};
use crate::deploy::finding::Finding;
use crate::deploy::path::turn_names_on;
use crate::deploy::steps;
use crate::deploy::steps::existing_network::{self, ExistingNetwork};
use crate::deploy::ways::Ways;
use crate::error::Result;
use crate::pcluster::Demand;
use crate::pcluster::config::ClusterConfig;

use super::vpc_endpoints;

pub(super) const SUBJECT: &str = "network";

/// So many free addresses a load balancer asks for in each of its subnets (Elastic Load Balancing user
/// guide, "Subnets for your load balancer").
pub(super) const OF_LOAD_BALANCER: u64 = 8;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    if let Err(error) = steps::vpc_endpoints::require_network_of_user(context) {
        return vec![Finding::of_error(SUBJECT, &error)];
    }
    // Of a network that is in use, `doctor` tells.
    let Some(choice) = context
        .settings
        .network
        .as_ref()
        .filter(|_| context.requirements().is_none())
    else {
        return Vec::new();
    };
    let findings = async {
        let network = existing_network::find(context, choice).await?;
        judge(context, &network).await
    };
    findings
        .await
        .unwrap_or_else(|error| vec![Finding::of_error(SUBJECT, &error)])
}

async fn judge(context: &Context, network: &ExistingNetwork) -> Result<Vec<Finding>> {
    let aws = &context.aws;
    let vpc = network.vpc.as_str();
    let (names, ways, own) = try_join!(
        aws.network.names(vpc),
        Ways::of(&aws.network, vpc),
        steps::vpc_endpoints::wanted(context, None)
    )?;
    let endpoints = own.as_ref().map(|own| own.endpoints.clone());
    let account = &context.identity.account;
    let mut findings = unnamed(vpc, names);
    findings.extend(zones(&network.api, &aws.region));
    findings.extend(addresses(
        network,
        &context.config,
        &endpoints.unwrap_or_default(),
    ));
    let compute = network.compute_subnets();
    let lacking =
        |ways: &Ways| ways.lacking(&context.config, &network.head_node, compute, &aws.region);
    findings.extend(vpc_endpoints::lacks(lacking(&ways), own.as_ref()));
    findings.extend(second_subnet(compute, &context.config));
    if let Some(own) = &own {
        findings.extend(vpc_endpoints::unmakeable(network, account, own));
    }
    if findings.is_empty() {
        let text = match own.as_ref().and_then(vpc_endpoints::made) {
            Some(made) => format!("`{vpc}` can be used, with VPC endpoints that are made: {made}"),
            None => format!("`{vpc}` can be used as it is"),
        };
        findings.push(Finding::good(SUBJECT, text));
    }
    findings.extend(vpc_endpoints::borrowed(&ways, lacking));
    findings.extend(shared(network, account));
    Ok(findings)
}

/// Tells of names that the VPC does not resolve or give.
fn unnamed(vpc: &str, (resolves, gives): (bool, bool)) -> Vec<Finding> {
    let off: Vec<_> = [
        (resolves, "enableDnsSupport"),
        (gives, "enableDnsHostnames"),
    ]
    .into_iter()
    .filter(|(is_on, _)| !is_on)
    .map(|(_, name)| name)
    .collect();
    if off.is_empty() {
        return Vec::new();
    }
    let text = format!("`{vpc}` has {} turned off", off.join(" and "));
    let cause = "head node and compute nodes find one another by name";
    let finding = Finding::problem(SUBJECT, text).because(cause);
    vec![finding.then(turn_names_on(vpc))]
}

/// Tells of zones in which load balancer and VPC link cannot be.
fn zones(api: &[Subnet], region: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_zone: BTreeMap<&str, Vec<&Subnet>> = BTreeMap::new();
    for subnet in api {
        by_zone.entry(&subnet.zone).or_default().push(subnet);
    }
    for (zone, subnets) in &by_zone {
        if let [_, _, ..] = subnets.as_slice() {
            let ids: Vec<_> = subnets.iter().map(|it| format!("`{}`", it.id)).collect();
            let text = format!(
                "the API's subnets {} are in one zone, {zone}",
                ids.join(", ")
            );
            let cause = "a load balancer takes one subnet of each zone, and asks for two zones";
            let next = "name subnets in different zones: --api-subnets ID,ID";
            findings.push(Finding::problem(SUBJECT, text).because(cause).then(next));
        }
    }
    let linked = vpc_link_zones(region);
    let takes = |subnet: &&Subnet| {
        let linked = linked.as_ref();
        linked.is_none_or(|linked| linked.contains(&subnet.zone_id.as_str()))
    };
    for subnet in api.iter().filter(|subnet| !takes(subnet)) {
        let text = format!(
            "the API's subnet `{}` is in {} ({}), where VPC links for HTTP APIs do not go",
            subnet.id, subnet.zone, subnet.zone_id
        );
        let zones = linked.as_ref().map(|it| it.join(", ")).unwrap_or_default();
        let next = format!("name others, in two of {zones}: --api-subnets ID,ID");
        findings.push(Finding::problem(SUBJECT, text).then(next));
    }
    findings
}

/// Tells of subnets with too few free addresses, of which VPC endpoints take some.
fn addresses(
    network: &ExistingNetwork,
    config: &ClusterConfig,
    endpoints: &VpcEndpoints,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subnet in &network.api {
        let free = subnet.free_addresses;
        if free < OF_LOAD_BALANCER {
            let text = format!(
                "the API's subnet `{}` ({}) has {free} free addresses, and a load balancer asks for \
                 {OF_LOAD_BALANCER}",
                subnet.id, subnet.cidr
            );
            findings
                .push(Finding::problem(SUBJECT, text).then("name another: --api-subnets ID,ID"));
        }
    }
    let head_node = &network.head_node;
    let (free, needed) = (
        head_node.free_addresses,
        1 + of_endpoints(endpoints, head_node),
    );
    if free < needed {
        let text = match needed {
            1 => format!(
                "the head node's subnet `{}` has no free address",
                head_node.id
            ),
            _ => format!(
                "the head node's subnet `{}` has {free} free addresses, and the head node and VPC \
                 endpoints ask for {needed}",
                head_node.id
            ),
        };
        findings.push(Finding::problem(SUBJECT, text).then("name another: --head-node-subnet ID"));
    }
    let demand = Demand::of(config.document());
    let (least, most) = (demand.static_nodes, demand.compute_nodes);
    let compute = network.compute_subnets();
    let free: u64 = compute
        .iter()
        .map(|subnet| {
            free_for_nodes(network, subnet).saturating_sub(of_endpoints(endpoints, subnet))
        })
        .sum();
    if free < most {
        let ids: Vec<_> = compute.iter().map(|it| format!("`{}`", it.id)).collect();
        let text = format!(
            "there are {free} addresses for compute nodes in {}, and the configuration has up to {most} \
             nodes, {least} of them always",
            ids.join(", ")
        );
        let next = "name larger subnets (--compute-subnets ID,ID), or write a smaller MaxCount";
        let found = match free < least {
            true => Finding::problem(SUBJECT, text),
            // Jobs that ask for more nodes than there are addresses wait.
            false => Finding::warning(SUBJECT, text),
        };
        findings.push(found.then(next));
    }
    findings
}

/// Returns how many addresses of a subnet VPC endpoints take: one each.
fn of_endpoints(endpoints: &VpcEndpoints, subnet: &Subnet) -> u64 {
    let places = endpoints.values().flatten();
    places.filter(|place| **place == subnet.id).count() as u64
}

/// Returns how many addresses of a subnet are left to compute nodes, and to VPC endpoints.
fn free_for_nodes(network: &ExistingNetwork, subnet: &Subnet) -> u64 {
    let of_api = network.api.iter().any(|it| it.id == subnet.id);
    let of_head_node = u64::from(network.head_node.id == subnet.id);
    let of_others = of_head_node + if of_api { OF_LOAD_BALANCER } else { 0 };
    subnet.free_addresses.saturating_sub(of_others)
}

/// Tells of a configuration that leaves two subnets to hpcapi, of which there is one.
fn second_subnet(compute: &[Subnet], config: &ClusterConfig) -> Option<Finding> {
    let [one] = compute else {
        return None;
    };
    config.wants_two_compute_subnets().then(|| {
        let text = format!(
            "the configuration has CHANGE_ME twice in a list of SubnetIds, and there is one subnet for \
             compute nodes, `{}`",
            one.id
        );
        let next = "name a second one (--compute-subnets ID,ID), or write CHANGE_ME once in each list";
        Finding::problem(SUBJECT, text).then(next)
    })
}

/// Tells of subnets that are somebody else's.
fn shared(network: &ExistingNetwork, account: &str) -> Option<Finding> {
    let all = [&network.head_node]
        .into_iter()
        .chain(&network.compute)
        .chain(&network.api);
    let mut of_others: Vec<_> = all
        .filter(|subnet| !subnet.owner.is_empty() && subnet.owner != account)
        .map(|subnet| format!("`{}` of account {}", subnet.id, subnet.owner))
        .collect();
    of_others.sort();
    of_others.dedup();
    let list = of_others.join(", ");
    (!of_others.is_empty()).then(|| {
        let text = format!("shared with this account: {list}");
        let cause = "routes, endpoints and network ACLs are their owner's to change";
        Finding::warning(SUBJECT, text).because(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, free: u64) -> Subnet {
        Subnet {
            id: id.to_owned(),
            zone: format!("us-east-1{zone}"),
            zone_id: format!("use1-az{}", if zone == "e" { "3" } else { "4" }),
            owner: "1".to_owned(),
            free_addresses: free,
            ..Subnet::default()
        }
    }

    fn network(compute: [Subnet; 2], api: Vec<Subnet>) -> ExistingNetwork {
        ExistingNetwork {
            vpc: "vpc-1".to_owned(),
            head_node: subnet("subnet-0", "a", 9),
            compute,
            api,
        }
    }

    fn config(nodes: (u64, u64), subnets: &str) -> ClusterConfig {
        let (least, most) = nodes;
        let text = format!(
            "Scheduling:\n  SlurmQueues:\n  - Networking: {{SubnetIds: [{subnets}]}}\n    \
             ComputeResources:\n    - {{InstanceType: t3.micro, MinCount: {least}, MaxCount: {most}}}\n"
        );
        ClusterConfig::parse(&text, "my.yaml".as_ref()).unwrap()
    }

    fn told(findings: &[Finding]) -> Vec<(&'static str, &str)> {
        let told = findings
            .iter()
            .map(|it| (it.verdict.word(), it.text.as_str()));
        told.collect()
    }

    #[test]
    fn each_attribute_that_is_off_is_named() {
        assert_eq!(unnamed("vpc-1", (true, true)), []);
        let found = unnamed("vpc-1", (true, false));
        assert_eq!(
            told(&found),
            [("problem", "`vpc-1` has enableDnsHostnames turned off")]
        );
    }

    #[test]
    fn api_subnets_are_in_different_zones_that_take_vpc_links() {
        let two = [subnet("subnet-1", "a", 9), subnet("subnet-2", "b", 9)];
        assert_eq!(zones(&two, "us-east-1"), []);
        let one_zone = [subnet("subnet-1", "a", 9), subnet("subnet-2", "a", 9)];
        let found = zones(&one_zone, "us-east-1");
        let text = "the API's subnets `subnet-1`, `subnet-2` are in one zone, us-east-1a";
        assert_eq!(told(&found), [("problem", text)]);
        let unlinked = [subnet("subnet-1", "a", 9), subnet("subnet-2", "e", 9)];
        let found = zones(&unlinked, "us-east-1");
        assert!(
            found[0]
                .text
                .contains("`subnet-2` is in us-east-1e (use1-az3)"),
            "{found:?}"
        );
        assert_eq!(zones(&unlinked, "af-south-1"), []);
    }

    #[test]
    fn addresses_are_enough_for_what_is_there_always_and_told_for_what_may_come() {
        let compute = || [subnet("subnet-1", "a", 12), subnet("subnet-2", "b", 12)];
        let apart = network(compute(), compute().to_vec());
        let addresses = |network: &ExistingNetwork, config: &ClusterConfig| {
            super::addresses(network, config, &VpcEndpoints::new())
        };
        // Of 24 free addresses load balancer and VPC link get 16.
        assert_eq!(addresses(&apart, &config((0, 8), "CHANGE_ME")), []);
        let found = addresses(&apart, &config((0, 9), "CHANGE_ME"));
        assert_eq!(found[0].verdict.word(), "warning");
        assert!(
            found[0].text.starts_with("there are 8 addresses"),
            "{found:?}"
        );
        let found = addresses(&apart, &config((9, 9), "CHANGE_ME"));
        assert_eq!(found[0].verdict.word(), "problem");
        let api = vec![subnet("subnet-3", "a", 7), subnet("subnet-4", "b", 8)];
        let found = addresses(&network(compute(), api), &config((0, 24), "CHANGE_ME"));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].text.contains("`subnet-3` () has 7 free"),
            "{found:?}"
        );
        // Each endpoint takes one, of the head node's subnet, too.
        let places = |subnet: &str, count: usize| -> VpcEndpoints {
            let services = ["ec2", "logs", "ssm", "ssmmessages", "cloudformation"];
            let services = services.into_iter().take(count);
            services
                .map(|service| (service, vec![subnet.to_owned()]))
                .collect()
        };
        let eight = config((0, 8), "CHANGE_ME");
        let found = super::addresses(&apart, &eight, &places("subnet-2", 1));
        assert!(
            found[0].text.starts_with("there are 7 addresses"),
            "{found:?}"
        );
        let mut small = network(compute(), compute().to_vec());
        small.head_node.free_addresses = 5;
        let of_head_node = |count| super::addresses(&small, &eight, &places("subnet-0", count));
        assert_eq!(of_head_node(4), []);
        assert!(of_head_node(5)[0].text.contains("ask for 6"));
    }

    #[test]
    fn one_subnet_is_enough_for_a_configuration_that_names_one() {
        let one = [subnet("subnet-1", "a", 9)];
        assert_eq!(second_subnet(&one, &config((0, 1), "CHANGE_ME")), None);
        assert!(second_subnet(&one, &config((0, 1), "CHANGE_ME, CHANGE_ME")).is_some());
    }

    #[test]
    fn subnets_of_another_account_are_told_once() {
        let compute = [subnet("subnet-1", "a", 9), subnet("subnet-2", "b", 9)];
        let all = network(compute.clone(), compute.to_vec());
        assert_eq!(shared(&all, "1"), None);
        let found = shared(&all, "2").unwrap();
        let list = "`subnet-0` of account 1, `subnet-1` of account 1, `subnet-2` of account 1";
        assert_eq!(found.text, format!("shared with this account: {list}"));
    }
}
