//! A network that was there before the deployment: its subnets as the user names them, or as their tags
//! say, and what the requirements stack knows of them. Nothing of it is ever changed.

use std::fmt::Write as _;

use crate::aws::{Stack, Subnet};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint};
use crate::settings::NetworkChoice;

/// The tag that says what a subnet is for.
const TAG_ROLE: &str = "hpcapi:role";

/// The parameters of the requirements stack that say where the deployment is: a subnet cannot move.
pub(super) const PLACE: [&str; 7] = [
    "AvailabilityZone1",
    "AvailabilityZone2",
    EXISTING_VPC,
    HEAD_NODE_SUBNET,
    COMPUTE_SUBNETS[0],
    COMPUTE_SUBNETS[1],
    API_SUBNETS,
];

pub(super) const EXISTING_VPC: &str = "ExistingVpc";
pub(super) const HEAD_NODE_SUBNET: &str = "HeadNodeSubnet";
pub(super) const COMPUTE_SUBNETS: [&str; 2] = ["ComputeSubnet1", "ComputeSubnet2"];
const API_SUBNETS: &str = "ApiSubnets";

/// A network that is there, with the subnets that the deployment uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct ExistingNetwork {
    pub(in crate::deploy) vpc: String,
    pub(in crate::deploy) head_node: Subnet,
    /// The first and the second, or twice the same.
    pub(in crate::deploy) compute: [Subnet; 2],
    /// Two at least.
    pub(in crate::deploy) api: Vec<Subnet>,
}

impl ExistingNetwork {
    /// Returns each of the subnets of compute nodes once.
    pub(in crate::deploy) fn compute_subnets(&self) -> &[Subnet] {
        let [first, second] = &self.compute;
        let count = if first.id == second.id { 1 } else { 2 };
        &self.compute[..count]
    }

    /// Returns the parameters of the requirements stack that say all this.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let [first, second] = &self.compute;
        let api: Vec<_> = self.api.iter().map(|subnet| subnet.id.as_str()).collect();
        let other_zone = self.api.last().unwrap_or(second).zone.clone();
        let values = [
            self.head_node.zone.clone(),
            other_zone,
            self.vpc.clone(),
            self.head_node.id.clone(),
            first.id.clone(),
            second.id.clone(),
            api.join(","),
        ];
        PLACE.into_iter().zip(values).collect()
    }
}

/// Returns the network that the user means; fails with all that is missing or not in it.
pub(in crate::deploy) async fn find(
    context: &Context,
    choice: &NetworkChoice,
) -> Result<ExistingNetwork> {
    let network = &context.aws.network;
    let vpc = &choice.vpc;
    if !network.has_vpc(vpc).await? {
        let (region, account) = (&context.aws.region, &context.identity.account);
        return Err(Error::usage(format!(
            "there is no VPC `{vpc}` in {region} of account {account}"
        ))
        .hint(Hint::run(AwsCall::here("ec2 describe-vpcs")).because("see which there are")));
    }
    chosen(choice, &network.subnets(vpc).await?)
}

/// Returns the subnets that a choice means among those of its VPC.
fn chosen(choice: &NetworkChoice, subnets: &[Subnet]) -> Result<ExistingNetwork> {
    let all = Subnets {
        vpc: &choice.vpc,
        all: subnets,
    };
    let named: Vec<_> = choice.head_node_subnet.iter().cloned().collect();
    let head_node = all.of("--head-node-subnet", "head-node", &named, 1..=1);
    let compute = all.of(
        "--compute-subnets",
        "compute",
        &choice.compute_subnets,
        1..=2,
    );
    let api = match (&choice.api_subnets, &compute) {
        (named, Ok(compute))
            if named.is_empty() && all.tagged("api").is_empty() && compute.len() == 2 =>
        {
            Ok(compute.clone())
        }
        // Where those are missing, these may not be.
        (named, Err(_)) if named.is_empty() && all.tagged("api").is_empty() => Ok(Vec::new()),
        (named, _) => all.of("--api-subnets", "api", named, 2..=usize::MAX),
    };
    match (head_node, compute, api) {
        (Ok(head_node), Ok(compute), Ok(api)) => {
            let only = |subnets: &[Subnet], at: usize| subnets[at.min(subnets.len() - 1)].clone();
            Ok(ExistingNetwork {
                vpc: choice.vpc.clone(),
                head_node: only(&head_node, 0),
                compute: [only(&compute, 0), only(&compute, 1)],
                api,
            })
        }
        (head_node, compute, api) => {
            let all = [head_node.err(), compute.err(), api.err()];
            let error = Error::all(all.into_iter().flatten().collect());
            let error = error.unwrap_or_else(|| Error::usage("the subnets are not known"));
            Err(error.because(listed(subnets)))
        }
    }
}

/// The subnets of a VPC.
struct Subnets<'s> {
    vpc: &'s str,
    all: &'s [Subnet],
}

impl Subnets<'_> {
    /// Returns the subnets that an option names, else those whose tag says that they are for this. There
    /// are never none.
    fn of(
        &self,
        option: &str,
        role: &str,
        named: &[String],
        count: std::ops::RangeInclusive<usize>,
    ) -> Result<Vec<Subnet>> {
        let vpc = self.vpc;
        let number = match (*count.start(), *count.end()) {
            (1, 1) => "one subnet",
            (1, _) => "one subnet or two",
            _ => "two subnets or more",
        };
        let many = if *count.end() == 1 { "ID" } else { "ID,ID" };
        let hint = format!("name {number} of those: {option} {many}");
        let found = match named {
            [] => self.tagged(role),
            named => self.named(option, named)?,
        };
        match found.len() {
            0 => Err(Error::usage(format!(
                "{option} is missing, and no subnet of `{vpc}` has the tag {TAG_ROLE}={role}"
            ))
            .hint(hint)),
            have if count.contains(&have) => Ok(found),
            have if named.is_empty() => Err(Error::usage(format!(
                "{option} is missing, and {have} subnets of `{vpc}` have the tag {TAG_ROLE}={role}, \
                 where {number} can"
            ))
            .hint(hint)),
            have => Err(Error::usage(format!("{option} takes {number}, and names {have}")).hint(hint)),
        }
    }

    fn tagged(&self, role: &str) -> Vec<Subnet> {
        let is_it = |subnet: &&Subnet| subnet.tags.get(TAG_ROLE).map(String::as_str) == Some(role);
        self.all.iter().filter(is_it).cloned().collect()
    }

    fn named(&self, option: &str, ids: &[String]) -> Result<Vec<Subnet>> {
        let (mut found, mut lost) = (Vec::new(), Vec::new());
        for id in ids {
            match self.all.iter().find(|subnet| subnet.id == *id) {
                Some(subnet) => found.push(subnet.clone()),
                None => lost.push(format!("`{id}`")),
            }
        }
        match lost.as_slice() {
            [] => Ok(found),
            lost => Err(Error::usage(format!(
                "{option}: {} not in `{}`",
                match lost {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(", ")),
                },
                self.vpc
            ))),
        }
    }
}

/// Returns the subnets as lines: id, zone, addresses, name.
fn listed(subnets: &[Subnet]) -> String {
    let mut text = match subnets {
        [] => "the VPC has no subnets".to_owned(),
        _ => "the subnets of the VPC are:".to_owned(),
    };
    for subnet in subnets {
        let name = subnet.tags.get("Name").map_or("", String::as_str);
        let line = format!("{}  {}  {}  {name}", subnet.id, subnet.zone, subnet.cidr);
        // Writing to a text cannot fail.
        let _ = write!(text, "\n{}", line.trim_end());
    }
    text
}

/// Returns whether the requirements stack uses a network that was there.
pub(in crate::deploy) fn is_used_by(stack: &Stack) -> bool {
    given(stack, EXISTING_VPC).is_some()
}

/// Fails when the user means another network than the one that the requirements stack has.
pub(super) fn require_same(context: &Context, stack: &Stack) -> Result<()> {
    let Some(choice) = &context.settings.network else {
        return Ok(());
    };
    if stack.must_be_replaced() || stack.is_in_review() {
        return Ok(());
    }
    let Some(difference) = difference(choice, stack) else {
        return Ok(());
    };
    let again = &context.settings.again;
    Err(
        Error::usage(format!("a deployment cannot move: {difference}"))
            .hint(
                "leave out --vpc and the options of its subnets, to go on with the network it has",
            )
            .hint(format!(
                "or make it anew in the other: {} && {}",
                again.command("teardown"),
                again.command("up")
            )),
    )
}

/// Says how a choice differs from what a stack has, if it does.
fn difference(choice: &NetworkChoice, stack: &Stack) -> Option<String> {
    let Some(vpc) = given(stack, EXISTING_VPC) else {
        let asked = &choice.vpc;
        return Some(format!(
            "it is in the network that `up` made for it, and not in `{asked}`"
        ));
    };
    if vpc != choice.vpc {
        return Some(format!("it is in `{vpc}`, and not in `{}`", choice.vpc));
    }
    let has = |key| given(stack, key).unwrap_or_default().to_owned();
    let mut compute = COMPUTE_SUBNETS.map(has).to_vec();
    compute.dedup();
    let head_node: Vec<_> = choice.head_node_subnet.iter().cloned().collect();
    let parts = [
        ("head node is", &head_node, has(HEAD_NODE_SUBNET)),
        (
            "compute nodes are",
            &choice.compute_subnets,
            compute.join(","),
        ),
        ("API is", &choice.api_subnets, has(API_SUBNETS)),
    ];
    parts.into_iter().find_map(|(what, asked, has)| {
        let mut is: Vec<_> = has.split(',').collect();
        let mut other: Vec<_> = asked.iter().map(String::as_str).collect();
        is.sort_unstable();
        other.sort_unstable();
        let differs = !other.is_empty() && other != is;
        let asked = asked.join(",");
        differs.then(|| format!("its {what} in {has}, and not in {asked}"))
    })
}

/// Returns a parameter of a stack, unless it is empty.
pub(super) fn given<'s>(stack: &'s Stack, key: &str) -> Option<&'s str> {
    let value = stack.parameters.get(key).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn subnet(id: &str, role: Option<&str>) -> Subnet {
        let tags = role.map(|role| (TAG_ROLE.to_owned(), role.to_owned()));
        Subnet {
            id: id.to_owned(),
            zone: "us-east-1a".to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            tags: tags.into_iter().collect(),
            ..Subnet::default()
        }
    }

    fn choice(head_node: Option<&str>, compute: &[&str], api: &[&str]) -> NetworkChoice {
        let owned = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
        NetworkChoice {
            vpc: "vpc-1".to_owned(),
            head_node_subnet: head_node.map(ToOwned::to_owned),
            compute_subnets: owned(compute),
            api_subnets: owned(api),
        }
    }

    fn ids(subnets: &[Subnet]) -> Vec<&str> {
        subnets.iter().map(|subnet| subnet.id.as_str()).collect()
    }

    #[test]
    fn subnets_are_those_that_are_named_else_those_with_the_tag() {
        let all = [
            subnet("s-0", Some("head-node")),
            subnet("s-1", Some("compute")),
            subnet("s-2", Some("compute")),
            subnet("s-3", None),
        ];
        let found = chosen(&choice(None, &[], &[]), &all).unwrap();
        assert_eq!(found.head_node.id, "s-0");
        assert_eq!(ids(&found.compute), ["s-1", "s-2"]);
        assert_eq!(ids(&found.api), ["s-1", "s-2"]);
        let named = choice(Some("s-3"), &["s-2"], &["s-3", "s-1"]);
        let found = chosen(&named, &all).unwrap();
        assert_eq!(found.head_node.id, "s-3");
        assert_eq!(ids(&found.compute), ["s-2", "s-2"]);
        assert_eq!(ids(found.compute_subnets()), ["s-2"]);
        assert_eq!(ids(&found.api), ["s-3", "s-1"]);
    }

    #[test]
    fn all_that_is_missing_is_told_at_once_with_the_subnets_that_there_are() {
        let all = [
            subnet("s-0", None),
            subnet("s-1", Some("head-node")),
            subnet("s-2", Some("head-node")),
        ];
        let error = chosen(&choice(None, &[], &[]), &all).unwrap_err();
        let told = format!("{error:#}");
        assert!(
            told.contains("--head-node-subnet is missing, and 2 subnets"),
            "{told}"
        );
        assert!(
            told.contains("--compute-subnets is missing, and no subnet"),
            "{told}"
        );
        assert!(!told.contains("--api-subnets"), "{told}");
        assert!(told.contains("\ns-0  us-east-1a  10.0.0.0/24"), "{told}");
        let named = choice(Some("s-9"), &["s-0"], &[]);
        let told = chosen(&named, &all).unwrap_err().to_string();
        assert!(
            told.contains("--head-node-subnet: `s-9` is not in `vpc-1`"),
            "{told}"
        );
        assert!(told.contains("--api-subnets is missing"), "{told}");
    }

    #[test]
    fn what_a_stack_has_differs_only_from_what_is_said_otherwise() {
        let stack = |parameters: &[(&str, &str)]| Stack {
            id: String::new(),
            name: "x-requirements".to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            outputs: BTreeMap::new(),
            parameters: parameters
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            tags: BTreeMap::new(),
            role: None,
            is_protected: false,
            created: None,
        };
        let there = stack(&[
            (EXISTING_VPC, "vpc-1"),
            (HEAD_NODE_SUBNET, "s-0"),
            (COMPUTE_SUBNETS[0], "s-1"),
            (COMPUTE_SUBNETS[1], "s-1"),
            (API_SUBNETS, "s-1,s-2"),
        ]);
        let differs = |head_node, compute: &[&str], api: &[&str]| {
            difference(&choice(head_node, compute, api), &there)
        };
        assert_eq!(differs(None, &[], &[]), None);
        assert_eq!(differs(Some("s-0"), &["s-1"], &["s-2", "s-1"]), None);
        let told = differs(None, &["s-1", "s-2"], &[]).unwrap();
        assert_eq!(told, "its compute nodes are in s-1, and not in s-1,s-2");
        // `up` made its network, with this template or with one of before.
        for made in [stack(&[]), stack(&[(EXISTING_VPC, "")])] {
            let told = difference(&choice(None, &[], &[]), &made).unwrap();
            assert!(told.contains("that `up` made for it"), "{told}");
        }
    }
}
