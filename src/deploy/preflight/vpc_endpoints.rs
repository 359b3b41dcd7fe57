//! VPC endpoints in a network that is there: those that nodes lack, whether `up` can make them, and those of
//! other deployments.

use std::collections::BTreeSet;

use crate::context::TAG_DEPLOYMENT;
use crate::deploy::finding::Finding;
use crate::deploy::path::have_endpoints_made;
use crate::deploy::steps::existing_network::ExistingNetwork;
use crate::deploy::steps::wanted_endpoints::{RANGES, Wanted, is_gateway};
use crate::deploy::ways::{Unreached, Ways};

use super::existing_network::SUBJECT;

/// Tells of what nodes do not reach and, where endpoints are made, will not reach by those either.
pub(super) fn lacks(unreached: Vec<Unreached>, own: Option<&Wanted>) -> Vec<Finding> {
    let is_met = |it: &Unreached| {
        let own = own.map(|own| &own.endpoints);
        let mut services = it.endpoints.iter().map(|endpoint| endpoint.service);
        !it.endpoints.is_empty()
            && services.all(|service| own.is_some_and(|own| own.contains_key(service)))
    };
    let unmet: Vec<_> = unreached.into_iter().filter(|it| !is_met(it)).collect();
    let last = unmet.iter().rposition(|it| !it.endpoints.is_empty());
    let told = unmet.into_iter().enumerate().map(|(at, it)| {
        let finding = Finding::problem(SUBJECT, it.text).then(it.next);
        // What makes all of them is said once.
        match own.is_none() && last == Some(at) {
            true => finding.then(have_endpoints_made()),
            false => finding,
        }
    });
    told.collect()
}

/// Tells of what keeps `up` from making endpoints.
pub(super) fn unmakeable(network: &ExistingNetwork, account: &str, own: &Wanted) -> Vec<Finding> {
    if own.endpoints.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let all = [&network.head_node].into_iter().chain(&network.compute);
    let of_others = all.filter(|it| !it.owner.is_empty() && it.owner != account);
    let of_others: BTreeSet<_> = of_others.map(|it| format!("`{}`", it.id)).collect();
    if !of_others.is_empty() {
        let list: Vec<_> = of_others.into_iter().collect();
        let list = list.join(", ");
        let text = format!("VPC endpoints cannot be made: another account owns {list}");
        // Amazon VPC user guide, "Responsibilities and permissions for owners and participants".
        let cause = "the endpoints of a VPC that is shared are its owner's to make";
        let next =
            "leave out --vpc-endpoints: then those that are missing are named, for the owner";
        findings.push(Finding::problem(SUBJECT, text).because(cause).then(next));
    }
    let most = RANGES.len();
    if own.ranges.len() > most {
        let (vpc, count) = (&network.vpc, own.ranges.len());
        let text = format!(
            "`{vpc}` has {count} address ranges, and VPC endpoints that `up` makes let in {most}"
        );
        let next =
            "make the endpoints yourself, and leave out --vpc-endpoints: then they are named";
        findings.push(Finding::problem(SUBJECT, text).then(next));
    }
    findings
}

/// Tells of services that nodes reach by endpoints of other deployments alone; `lacking` returns what nodes
/// do not reach by some ways.
pub(super) fn borrowed(ways: &Ways, lacking: impl Fn(&Ways) -> Vec<Unreached>) -> Option<Finding> {
    let (others, owners) = ways.without_tagged(TAG_DEPLOYMENT);
    let services = |ways: &Ways| -> BTreeSet<&'static str> {
        let all = lacking(ways).into_iter().flat_map(|it| it.endpoints);
        all.map(|endpoint| endpoint.service).collect()
    };
    let now = services(ways);
    let borrowed: Vec<_> = services(&others).difference(&now).copied().collect();
    if borrowed.is_empty() {
        return None;
    }
    let owners: Vec<_> = owners.iter().map(|owner| format!("`{owner}`")).collect();
    let text = format!(
        "nodes reach {} by VPC endpoints that another deployment has made: {}",
        borrowed.join(", "),
        owners.join(", ")
    );
    Some(Finding::warning(SUBJECT, text).because("its teardown takes them away"))
}

/// Returns what is made, in words.
pub(super) fn made(own: &Wanted) -> Option<String> {
    let all = own.endpoints.iter().map(|(service, places)| {
        let kind = match is_gateway(service) {
            true => "Gateway",
            false => "Interface",
        };
        format!("{service} ({kind}: {})", places.join(", "))
    });
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then(|| all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Subnet;
    use crate::context::VpcEndpoints;
    use crate::deploy::ways::MissingEndpoint;

    fn own(services: &[&'static str], ranges: usize) -> Wanted {
        let lacking = services.iter().map(|service| lack(service)).collect();
        let ranges = (0..ranges).map(|at| format!("10.{at}.0.0/16")).collect();
        Wanted::of("vpc-1".to_owned(), VpcEndpoints::new(), lacking, ranges)
    }

    fn lack(service: &'static str) -> MissingEndpoint {
        MissingEndpoint {
            service,
            subnet: "subnet-1".to_owned(),
            zone: "us-east-1a".to_owned(),
            table: Some("rtb-1".to_owned()),
        }
    }

    fn unreached(text: &str, services: &[&'static str]) -> Unreached {
        Unreached {
            text: text.to_owned(),
            next: "route it".to_owned(),
            endpoints: services.iter().map(|service| lack(service)).collect(),
        }
    }

    fn network(owner: &str) -> ExistingNetwork {
        let subnet = Subnet {
            id: "subnet-1".to_owned(),
            owner: owner.to_owned(),
            ..Subnet::default()
        };
        ExistingNetwork {
            vpc: "vpc-1".to_owned(),
            head_node: subnet.clone(),
            compute: [subnet.clone(), subnet],
            api: Vec::new(),
        }
    }

    #[test]
    fn who_does_not_ask_for_endpoints_is_told_of_the_option_once() {
        let all = || {
            vec![
                unreached("head node", &["s3", "ssm"]),
                unreached("compute nodes", &["s3"]),
                unreached("names", &[]),
            ]
        };
        let told = lacks(all(), None);
        let next: Vec<_> = told.iter().map(|it| it.next.len()).collect();
        assert_eq!(next, [1, 2, 1]);
        let option = told[1].next[1].to_string();
        assert!(option.ends_with("hpcapi up --vpc-endpoints"), "{option}");
        // What endpoints do not help against stays.
        let told = lacks(all(), Some(&own(&["s3", "ssm"], 1)));
        let texts: Vec<_> = told.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts, ["names"]);
        // One that cannot be made does not help.
        assert_eq!(lacks(all(), Some(&own(&["s3"], 1))).len(), 2);
    }

    #[test]
    fn endpoints_in_subnets_of_others_and_for_too_many_ranges_are_refused() {
        let endpoints = own(&["ec2"], 5);
        assert_eq!(unmakeable(&network("1"), "1", &endpoints), []);
        let told = unmakeable(&network("2"), "1", &endpoints);
        assert_eq!(told.len(), 1);
        assert!(told[0].text.ends_with("another account owns `subnet-1`"));
        let told = unmakeable(&network("1"), "1", &own(&["ec2"], 6));
        assert!(told[0].text.contains("has 6 address ranges"), "{told:?}");
        assert_eq!(unmakeable(&network("2"), "1", &own(&[], 6)), []);
    }

    #[test]
    fn what_is_made_is_said_with_its_places() {
        let text = made(&own(&["ec2", "s3"], 1)).unwrap();
        assert_eq!(text, "ec2 (Interface: subnet-1); s3 (Gateway: rtb-1)");
        assert_eq!(made(&own(&[], 1)), None);
    }
}
