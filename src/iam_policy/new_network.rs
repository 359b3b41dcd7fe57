//! What is needed to make a network and to remove it, and for nothing else: a deployment in a network that
//! is there needs none of it, and whoever keeps that network allows none of it.

use std::collections::BTreeSet;

use crate::settings::EndpointFate;

use super::resources::TYPES;
use super::{Use, pcluster};

/// The types of resources of a network.
const NETWORK: &[&str] = &[
    "AWS::EC2::VPC",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EC2::Subnet",
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
    "AWS::EC2::RouteTable",
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    ENDPOINT,
];

/// The one that can be made in a network that is there, too.
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";

/// Returns the actions that only who makes a network needs, beside those of VPC endpoints if they are made
/// in one that is there.
pub fn of_new_network(endpoints: EndpointFate) -> BTreeSet<&'static str> {
    let is_of_network = move |kind: &str| {
        NETWORK.contains(&kind) && (kind != ENDPOINT || endpoints == EndpointFate::AsItIs)
    };
    let changing = |of_network: bool| {
        let types = TYPES.iter();
        let types = types.filter(move |kind| is_of_network(kind.name) == of_network);
        types.flat_map(|kind| kind.make.iter().chain(kind.delete).copied())
    };
    let of_clusters = pcluster::statements();
    let of_clusters = of_clusters
        .iter()
        .filter(|statement| statement.serves(Use::Pcluster))
        .flat_map(|statement| statement.actions.iter().copied());
    let of_others: BTreeSet<_> = changing(false).chain(of_clusters).collect();
    changing(true)
        .filter(|action| !of_others.contains(action))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_security_groups_and_clusters_need_stays() {
        let only = of_new_network(EndpointFate::AsItIs);
        for action in ["ec2:CreateVpc", "ec2:CreateNatGateway", "ec2:DeleteSubnet"] {
            assert!(only.contains(action), "{action}");
        }
        for action in [
            "ec2:CreateTags",
            "ec2:CreateSecurityGroup",
            "ec2:DescribeVpcs",
        ] {
            assert!(!only.contains(action), "{action}");
        }
        let with_endpoints = of_new_network(EndpointFate::Made);
        for action in [
            "ec2:CreateVpcEndpoint",
            "ec2:ModifyVpcEndpoint",
            "ec2:DeleteVpcEndpoints",
        ] {
            assert!(only.contains(action), "{action}");
            assert!(!with_endpoints.contains(action), "{action}");
        }
        assert!(with_endpoints.contains("ec2:CreateVpc"));
        let types: BTreeSet<_> = TYPES.iter().map(|kind| kind.name).collect();
        assert!(NETWORK.iter().all(|kind| types.contains(kind)));
    }
}
