//! The network of the deployment: names, ways to the internet, network ACLs. Without them the head
//! node does not reach SSM and S3, and compute nodes do not boot.

use std::net::Ipv4Addr;

use futures_util::future::{try_join, try_join4};

use crate::aws::{NatGateway, NetworkAcl, RouteTable};
use crate::context::{Context, NetworkOwner, Requirements};
use crate::deploy::finding::{Finding, Verdict};
use crate::deploy::repair::Repair;
use crate::deploy::steps::requirements::internet_gateway;
use crate::deploy::steps::vpc_endpoints;
use crate::deploy::ways::Ways;
use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint, Verb};

use super::Layer;

const SUBJECT: &str = "network";

/// An address of nobody's that is not in any VPC (RFC 5737), for the whole internet.
const INTERNET: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// The port that AWS's APIs are called at, and one of those that their answers come to.
const HTTPS: i32 = 443;
const ANSWERS: i32 = 40_000;

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let made = context.requirements();
    let made = made.ok_or_else(|| Error::failed("the network is not known"))?;
    let network = &context.aws.network;
    let vpc = made.vpc.as_str();
    let (names, tables, gateways, acls) = try_join4(
        network.names(vpc),
        network.route_tables(vpc),
        network.nat_gateways(vpc),
        network.network_acls(vpc),
    )
    .await?;
    if names != (true, true) {
        let what = if names.0 {
            "gives its instances no names"
        } else {
            "resolves no names"
        };
        let finding = Finding::problem(SUBJECT, format!("the VPC `{vpc}` {what}"));
        if made.network == NetworkOwner::User {
            return Ok(finding.then(turn_names_on(vpc)).into());
        }
        return Ok(finding.repaired_by(context, Repair::Names(made.vpc)));
    }
    if made.network == NetworkOwner::User {
        return Ok(network_of_user(context, &made, &acls).await?.into());
    }
    let internet_gateway = internet_gateway(context).await?;
    let routes = Routes {
        tables: &tables,
        nat: gateways.iter().find(|gateway| gateway.state == "available"),
        gateways: &gateways,
        internet_gateway: &internet_gateway,
    };
    for (subnet, is_public) in subnets(&made) {
        if let Some((finding, repair)) = routes.missing(subnet, is_public) {
            return Ok(finding.repaired_by(context, repair));
        }
    }
    for (subnet, _) in subnets(&made) {
        if let Some(finding) = filtered(&acls, subnet, &context.aws.region) {
            return Ok(finding.into());
        }
    }
    Ok(Finding::good(
        SUBJECT,
        "its subnets reach the internet, and names are resolved",
    )
    .into())
}

/// Looks at the ways of a network that was there: `up` changes none of them. They may lead further than can
/// be seen, so that what seems to be missing is a warning, and the layers behind are looked at.
async fn network_of_user(
    context: &Context,
    made: &Requirements,
    acls: &[NetworkAcl],
) -> Result<Finding> {
    let network = &context.aws.network;
    let region = &context.aws.region;
    let (subnets, ways) =
        try_join(network.subnets(&made.vpc), Ways::of(network, &made.vpc)).await?;
    let of = |id: &String| subnets.iter().find(|subnet| subnet.id == *id).cloned();
    let compute: Vec<_> = made.compute_subnets.iter().filter_map(of).collect();
    let Some(head_node) = of(&made.head_node_subnet) else {
        let text = format!("the head node's subnet `{}` is gone", made.head_node_subnet);
        return Ok(Finding::problem(SUBJECT, text).then(context.settings.again.command("teardown")));
    };
    if let Some(lack) = vpc_endpoints::look(context).await? {
        let name = context.settings.name.requirements_stack();
        let text = format!("the stack `{name}` is not what it should be: {lack}");
        let finding = Finding::problem(SUBJECT, text);
        return Ok(finding.then(context.settings.again.command("up")));
    }
    let lacking = ways.lacking(&context.config, &head_node, &compute, region);
    if let Some(lack) = lacking.into_iter().next() {
        let can_be_made = !lack.endpoints.is_empty();
        let finding = Finding::warning(SUBJECT, lack.text).then(lack.next);
        return Ok(match can_be_made {
            true => finding.then(have_endpoints_made()),
            false => finding,
        });
    }
    for (subnet, _) in self::subnets(made) {
        if let Some(finding) = filtered(acls, subnet, region) {
            return Ok(Finding {
                verdict: Verdict::Warning,
                ..finding
            });
        }
    }
    let text = "its subnets reach AWS's services, and names are resolved";
    Ok(Finding::good(SUBJECT, text))
}

/// Returns what has `up` make the VPC endpoints that are missing.
pub(in crate::deploy) fn have_endpoints_made() -> Hint {
    Hint::run(Verb::Up.with("--vpc-endpoints")).because("or have VPC endpoints made")
}

/// Returns what turns the names of a VPC on, for who may change it.
pub(in crate::deploy) fn turn_names_on(vpc: &str) -> Hint {
    let call = |option: &str| {
        let call = AwsCall::here("ec2 modify-vpc-attribute");
        call.with(format!("--vpc-id {vpc} {option}"))
    };
    Hint::run(call("--enable-dns-support"))
        .then(" && ")
        .then_run(call("--enable-dns-hostnames"))
}

/// Returns the subnets, and whether each is the public one.
fn subnets(made: &Requirements) -> [(&str, bool); 3] {
    let [first, second] = &made.compute_subnets;
    [
        (&made.head_node_subnet, true),
        (first, false),
        (second, false),
    ]
}

/// How the VPC routes, and where it should.
struct Routes<'n> {
    tables: &'n [RouteTable],
    gateways: &'n [NatGateway],
    nat: Option<&'n NatGateway>,
    internet_gateway: &'n str,
}

impl Routes<'_> {
    /// Returns what keeps a subnet from the internet. Where it leads otherwise is its owner's choice.
    fn missing(&self, subnet: &str, is_public: bool) -> Option<(Finding, Repair)> {
        let who = if is_public {
            "the head node"
        } else {
            "compute nodes"
        };
        let problem = |text: String| {
            let cause =
                format!("without it nothing in `{subnet}` reaches the internet, such as {who}");
            Finding::problem(SUBJECT, text).because(cause)
        };
        let own = self
            .tables
            .iter()
            .find(|table| table.subnets.iter().any(|it| it == subnet));
        let table = own.or_else(|| self.tables.iter().find(|table| table.is_main))?;
        let lost = match &table.default {
            Some(route) if route.is_active && self.is_there(&route.target) => return None,
            Some(route) => problem(format!(
                "the route table `{}` leads to `{}`, which is gone",
                table.id, route.target
            )),
            None if own.is_none() => problem(format!(
                "`{subnet}` is associated with no route table, and the main one `{}` has no route for \
                 0.0.0.0/0",
                table.id
            )),
            None => problem(format!(
                "the route table `{}` has no route for 0.0.0.0/0",
                table.id
            )),
        };
        if own.is_none() {
            let mut others = self.tables.iter().filter(|it| !it.is_main);
            let leads = |it: &&RouteTable| {
                let default = it.default.as_ref();
                default.is_some_and(|route| route.target.starts_with("igw-") == is_public)
            };
            if let Some(other) = others.find(leads) {
                return Some((lost, Repair::Associate(subnet.to_owned(), other.id.clone())));
            }
        }
        let target = match (is_public, self.nat) {
            (true, _) => self.internet_gateway.to_owned(),
            (false, Some(nat)) => nat.id.clone(),
            (false, None) => return Some((lost, Repair::NatGateway)),
        };
        let replaces = table.default.is_some();
        Some((
            lost,
            Repair::Route {
                table: table.id.clone(),
                target,
                replaces,
            },
        ))
    }

    /// EC2 tells only after a while that a route leads to a NAT gateway that was deleted.
    fn is_there(&self, target: &str) -> bool {
        let gateway = self.gateways.iter().find(|gateway| gateway.id == target);
        match gateway {
            Some(gateway) => matches!(gateway.state.as_str(), "available" | "pending"),
            None => !target.starts_with("nat-"),
        }
    }
}

/// Tells of a network ACL that keeps a subnet from AWS's APIs.
fn filtered(acls: &[NetworkAcl], subnet: &str, region: &str) -> Option<Finding> {
    let acl = acls
        .iter()
        .find(|acl| acl.subnets.iter().any(|it| it == subnet))?;
    for (is_egress, port, what) in [
        (true, HTTPS, "lets no HTTPS out"),
        (false, ANSWERS, "lets no answers in"),
    ] {
        let decides = acl.deciding(is_egress, INTERNET, port);
        if decides.is_some_and(|rule| rule.allows) {
            continue;
        }
        let way = if is_egress { " --egress" } else { " --ingress" };
        let command = match decides.and_then(|rule| rule.number) {
            Some(number) => AwsCall::in_region(region, "ec2 delete-network-acl-entry").with(
                format!("--network-acl-id {}{way} --rule-number {number}", acl.id),
            ),
            None => AwsCall::in_region(region, "ec2 create-network-acl-entry").with(format!(
                "--network-acl-id {}{way} --rule-number 100 --protocol -1 --rule-action allow \
                 --cidr-block 0.0.0.0/0",
                acl.id
            )),
        };
        let text = format!("the network ACL `{}` of `{subnet}` {what}", acl.id);
        return Some(Finding::problem(SUBJECT, text).then(Hint::run(command)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AclRule, DefaultRoute};

    fn table(id: &str, subnets: &[&str], is_main: bool, target: Option<&str>) -> RouteTable {
        RouteTable {
            id: id.to_owned(),
            subnets: subnets.iter().map(ToString::to_string).collect(),
            is_main,
            default: target.map(|target| DefaultRoute {
                target: target.to_owned(),
                is_active: true,
            }),
        }
    }

    fn repair(tables: &[RouteTable], gateways: &[(&str, &str)], is_public: bool) -> Option<Repair> {
        let gateways = gateways.iter().map(|(id, state)| NatGateway {
            id: (*id).to_owned(),
            state: (*state).to_owned(),
        });
        let gateways: Vec<_> = gateways.collect();
        let routes = Routes {
            tables,
            nat: gateways.iter().find(|gateway| gateway.state == "available"),
            gateways: &gateways,
            internet_gateway: "igw-1",
        };
        routes
            .missing("subnet-1", is_public)
            .map(|(_, repair)| repair)
    }

    #[test]
    fn each_way_to_lose_the_internet_has_its_repair() {
        let nat = [("nat-1", "available")];
        let gone = [("nat-0", "deleted"), ("nat-1", "available")];
        let route = |replaces, target: &str| Repair::Route {
            table: "rtb-1".to_owned(),
            target: target.to_owned(),
            replaces,
        };
        let whole = [table("rtb-1", &["subnet-1"], false, Some("nat-1"))];
        assert_eq!(repair(&whole, &nat, false), None);
        let elsewhere = [table("rtb-1", &["subnet-1"], false, Some("tgw-1"))];
        assert_eq!(repair(&elsewhere, &nat, false), None, "its owner's choice");
        let none = [table("rtb-1", &["subnet-1"], false, None)];
        assert_eq!(repair(&none, &nat, false), Some(route(false, "nat-1")));
        assert_eq!(repair(&none, &nat, true), Some(route(false, "igw-1")));
        assert_eq!(repair(&none, &[], false), Some(Repair::NatGateway));
        let other = [table("rtb-1", &["subnet-1"], false, Some("nat-0"))];
        assert_eq!(repair(&other, &gone, false), Some(route(true, "nat-1")));
        assert_eq!(repair(&other, &gone[..1], false), Some(Repair::NatGateway));
        let loose = [
            table("rtb-0", &[], true, None),
            table("rtb-2", &["subnet-0"], false, Some("igw-1")),
            table("rtb-1", &["subnet-2"], false, Some("nat-1")),
        ];
        let associate =
            |table: &str| Some(Repair::Associate("subnet-1".to_owned(), table.to_owned()));
        assert_eq!(repair(&loose, &nat, false), associate("rtb-1"));
        assert_eq!(repair(&loose, &nat, true), associate("rtb-2"));
    }

    #[test]
    fn an_acl_that_denies_or_allows_nothing_is_told_with_what_opens_it() {
        let rule = |number: i32, is_egress, allows| AclRule {
            number: Some(number),
            is_egress,
            allows,
            cidr: "0.0.0.0/0".to_owned(),
            ports: None,
            is_of_tcp: true,
        };
        let acl = |rules: Vec<AclRule>| {
            let id = "acl-1".to_owned();
            let acl = NetworkAcl {
                id,
                subnets: vec!["subnet-1".to_owned()],
                rules,
            };
            filtered(&[acl], "subnet-1", "eu-west-1").map(|finding| finding.next[0].to_string())
        };
        let open = || vec![rule(100, true, true), rule(100, false, true)];
        assert_eq!(acl(open()), None);
        let mut denying = open();
        denying.push(rule(7, false, false));
        let delete = "aws ec2 delete-network-acl-entry --region eu-west-1 --network-acl-id acl-1 --ingress \
                      --rule-number 7";
        assert_eq!(acl(denying).as_deref(), Some(delete));
        let create = acl(vec![rule(100, false, true)]).unwrap();
        assert!(
            create.contains("create-network-acl-entry") && create.contains("--egress"),
            "{create}"
        );
    }
}
