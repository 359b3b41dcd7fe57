//! A network that `up` will make: whether its address range is large enough for the cluster, who of it may
//! reach the head node, and what its zones lack. Whether the zones will do at all is told where they are chosen.

use std::collections::BTreeSet;

use crate::address_range::AddressRange;
use crate::aws::Zone;
use crate::deploy::finding::Finding;
use crate::pcluster::Demand;
use crate::pcluster::config::{ClusterConfig, DocumentPath};
use crate::pcluster::judgement::place;

use super::existing_network::OF_LOAD_BALANCER;

/// Tells of a range with too few addresses for the compute nodes.
pub(super) fn addresses(range: AddressRange, config: &ClusterConfig) -> Option<Finding> {
    let [_, first, second] = range.subnets();
    // A list of subnets with one CHANGE_ME has the first alone.
    let subnets = match config.wants_two_compute_subnets() {
        true => vec![first, second],
        false => vec![first],
    };
    // Load balancer and VPC link are in the same subnets.
    let for_nodes = |subnet: &AddressRange| subnet.free().saturating_sub(OF_LOAD_BALANCER);
    let free: u64 = subnets.iter().map(for_nodes).sum();
    let demand = Demand::of(config.document());
    let (least, most) = (demand.static_nodes, demand.compute_nodes);
    if free >= most {
        return None;
    }
    let subnets: Vec<_> = subnets.iter().map(ToString::to_string).collect();
    let text = format!(
        "a network with {range} has {free} addresses for compute nodes, in {}, and the configuration \
         has up to {most} nodes, {least} of them always",
        subnets.join(" and ")
    );
    let found = match free < least {
        true => Finding::problem("network", text),
        // Jobs that ask for more nodes than there are addresses wait.
        false => Finding::warning("network", text),
    };
    // No range is larger than the usual one.
    Some(found.then(match range.subnets().map(AddressRange::free) {
        free if free == AddressRange::default().subnets().map(AddressRange::free) => {
            "write a smaller MaxCount"
        }
        _ => "name a larger range (--vpc-cidr CIDR), or write a smaller MaxCount",
    }))
}

/// Tells of a configuration that lets the usual network's addresses reach the head node, as hpcapi's own
/// does, where the network has others.
pub(super) fn ssh(range: AddressRange, config: &ClusterConfig) -> Option<Finding> {
    const KEYS: [&str; 3] = ["HeadNode", "Ssh", "AllowedIps"];
    let usual = AddressRange::default();
    let allowed = config.document()[KEYS[0]][KEYS[1]][KEYS[2]].as_str()?;
    (range != usual && allowed == usual.to_string()).then(|| {
        let place = place(config, &DocumentPath::default().below(&KEYS));
        let text = format!(
            "{place}: {allowed} may reach port 22 of the head node, and the network has {range}"
        );
        Finding::warning("network", text)
            .because(
                "within the network nobody can, and from another one of these addresses some may",
            )
            .then(format!("write AllowedIps: {range} into the configuration"))
    })
}

/// Tells of instance types that the second zone does not offer: their nodes are in the first alone.
pub(super) fn second_zone(second: &Zone, types: &BTreeSet<String>) -> Option<Finding> {
    let lacking: Vec<_> = types.difference(&second.offers).collect();
    let names: Vec<_> = lacking.iter().map(|kind| format!("`{kind}`")).collect();
    (!names.is_empty()).then(|| {
        let text = format!(
            "{} ({}), the second zone, does not offer {}",
            second.name,
            second.id,
            names.join(", ")
        );
        Finding::warning("zones", text).because("compute nodes of it start in the first zone alone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(least: u64, most: u64, subnets: &str) -> ClusterConfig {
        let text = format!(
            "Scheduling:\n  SlurmQueues:\n  - Networking: {{SubnetIds: [{subnets}]}}\n    \
             ComputeResources:\n    - {{InstanceType: t3.micro, MinCount: {least}, MaxCount: {most}}}\n"
        );
        ClusterConfig::parse(&text, "my.yaml".as_ref()).unwrap()
    }

    #[test]
    fn a_range_has_addresses_for_what_is_there_always_and_for_what_may_come() {
        let small: AddressRange = "10.20.0.0/22".parse().unwrap();
        let look = |range, least, most, subnets| {
            let found = addresses(range, &config(least, most, subnets));
            found.map(|it| (it.verdict.word(), it.text, it.next))
        };
        let both = "CHANGE_ME, CHANGE_ME";
        assert_eq!(look(small, 0, 51, "CHANGE_ME"), None);
        assert_eq!(look(small, 102, 102, both), None);
        let (verdict, text, next) = look(small, 51, 52, "CHANGE_ME").unwrap();
        assert_eq!(verdict, "warning");
        assert_eq!(
            text,
            "a network with 10.20.0.0/22 has 51 addresses for compute nodes, in 10.20.0.64/26, and the \
             configuration has up to 52 nodes, 51 of them always"
        );
        assert!(format!("{next:?}").contains("--vpc-cidr"), "{next:?}");
        let (verdict, text, _) = look(small, 103, 103, both).unwrap();
        assert_eq!(verdict, "problem");
        assert!(
            text.contains("in 10.20.0.64/26 and 10.20.0.128/26"),
            "{text}"
        );
        let usual = AddressRange::default();
        assert_eq!(look(usual, 8166, 8166, both), None);
        let (_, _, next) = look(usual, 0, 8167, both).unwrap();
        assert!(!format!("{next:?}").contains("--vpc-cidr"), "{next:?}");
    }

    #[test]
    fn the_range_that_may_reach_the_head_node_is_that_of_the_network() {
        let text = include_str!("../../../cluster-config.yaml");
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        assert_eq!(ssh(AddressRange::default(), &config), None);
        let other: AddressRange = "10.20.0.0/16".parse().unwrap();
        let found = ssh(other, &config).unwrap();
        let at = text
            .lines()
            .position(|line| line.contains("AllowedIps"))
            .unwrap()
            + 1;
        assert!(
            found
                .text
                .starts_with(&format!("my.yaml:{at}: 10.0.0.0/16 may")),
            "{found:?}"
        );
        assert_eq!(found.verdict.word(), "warning");
        let mended = text.replace("AllowedIps: 10.0.0.0/16", "AllowedIps: 10.20.0.0/16");
        let mended = ClusterConfig::parse(&mended, "my.yaml".as_ref()).unwrap();
        assert_eq!(ssh(other, &mended), None);
    }

    #[test]
    fn what_the_second_zone_does_not_offer_is_told() {
        let types = |types: &[&str]| types.iter().map(ToString::to_string).collect();
        let second = Zone {
            name: "us-east-1c".to_owned(),
            id: "use1-az2".to_owned(),
            offers: types(&["t3.micro"]),
        };
        assert_eq!(second_zone(&second, &types(&["t3.micro"])), None);
        let found = second_zone(&second, &types(&["t3.micro", "x9.huge"])).unwrap();
        assert_eq!(found.verdict.word(), "warning");
        assert!(
            found.text.ends_with("does not offer `x9.huge`"),
            "{found:?}"
        );
    }
}
