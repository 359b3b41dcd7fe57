//! Whose a thing is. A tag of ours, a stack of ours or our VPC makes it the deployment's; a name
//! alone does not.

use std::collections::BTreeSet;

use crate::aws::{Item, Kind, MadeFor, TAG_CLUSTER, TAG_GUARD_DUTY};
use crate::context::TAG_DEPLOYMENT;
use crate::deploy::steps::kept_bucket::TAG_KEPT;
use crate::settings::DeploymentName;

use super::origin::Origin;

/// The tags by which CloudFormation marks what a stack made.
pub(super) const TAG_STACK: &str = "aws:cloudformation:stack-name";
pub(super) const TAG_STACK_ID: &str = "aws:cloudformation:stack-id";

/// Why storage stays.
const RETAINED: &str = "the configuration says so (DeletionPolicy: Retain)";

/// Why log groups stay.
const LOGS: &str = "logs of the cluster, kept by ParallelCluster";

/// Whose a thing is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The deployment's.
    Ours(String),
    /// It stays on purpose.
    Kept(&'static str),
    /// It is only named like the deployment's.
    LookAlike(String),
    /// It has nothing to do with the deployment.
    Nobodys,
}

/// Returns the deployment's VPCs.
pub(super) fn vpcs(origin: &Origin, items: &[(Kind, Item)]) -> BTreeSet<String> {
    let mut vpcs = origin.vpcs.clone();
    let none = BTreeSet::new();
    for (kind, item) in items.iter().filter(|(kind, _)| *kind == Kind::Vpc) {
        if matches!(claim(origin, &none, *kind, item), Claim::Ours(_)) {
            vpcs.insert(item.id.clone());
        }
    }
    vpcs
}

/// Returns whose a thing is; `vpcs` are the deployment's.
pub(super) fn claim(origin: &Origin, vpcs: &BTreeSet<String>, kind: Kind, item: &Item) -> Claim {
    if origin.has_deleted(kind, item) {
        return Claim::Nobodys;
    }
    if is_shared(kind, item) {
        return Claim::Kept("shared by all ParallelCluster clusters of a region");
    }
    if let Some(deployment) = item.tags.get(TAG_KEPT) {
        return match *deployment == origin.name {
            true => Claim::Kept("kept by `teardown --keep-bucket`, for `up --bucket`"),
            false => Claim::Nobodys,
        };
    }
    let claim = by_sign(origin, vpcs, kind, item);
    let is_log = ["/aws/parallelcluster/", "/aws/lambda/pcluster-"]
        .iter()
        .any(|prefix| item.name.starts_with(prefix));
    // A function that runs while its log group is deleted makes a new one, which has no tags; the
    // id of the cluster's stack in its name says whose it is.
    let is_function = item.name.starts_with("/aws/lambda/pcluster-");
    match claim {
        Claim::Ours(_) if is_storage(kind) && origin.retained.contains(&item.id) => {
            Claim::Kept(RETAINED)
        }
        Claim::Ours(_) if kind == Kind::LogGroup && is_log => Claim::Kept(LOGS),
        Claim::LookAlike(_) if kind == Kind::LogGroup && is_function => Claim::Kept(LOGS),
        claim => claim,
    }
}

/// Returns whether it is the bucket of all ParallelCluster clusters of a region.
pub(super) fn is_shared(kind: Kind, item: &Item) -> bool {
    kind == Kind::Bucket && item.name.ends_with("-do-not-delete")
}

/// Returns whether things of a kind hold files of users.
fn is_storage(kind: Kind) -> bool {
    matches!(kind, Kind::Volume | Kind::FileSystem | Kind::FsxFileSystem)
}

fn by_sign(origin: &Origin, vpcs: &BTreeSet<String>, kind: Kind, item: &Item) -> Claim {
    let tag = |key: &str| item.tags.get(key).map(String::as_str);
    let name = origin.name.as_str();
    let made_elsewhere = |id: &str| {
        id.split(':')
            .nth(3)
            .is_some_and(|region| region != origin.region)
    };
    if tag(TAG_STACK_ID).is_some_and(made_elsewhere) {
        return Claim::Nobodys;
    }
    if let Some(deployment) = tag(TAG_DEPLOYMENT) {
        return if deployment == name {
            Claim::Ours(format!("tag {TAG_DEPLOYMENT}"))
        } else {
            Claim::Nobodys
        };
    }
    if let Some(stack) = origin.resources.get(&item.id) {
        return Claim::Ours(format!("made by the stack {stack}"));
    }
    if kind == Kind::Stack && origin.live.contains(&item.name) {
        return Claim::Ours("stack of the deployment".to_owned());
    }
    if let Some(cluster) = tag(TAG_CLUSTER) {
        return if !origin.has_cluster(cluster) {
            Claim::Nobodys
        } else if origin.foreign.contains(cluster) {
            Claim::LookAlike(format!(
                "of the cluster {cluster}, which hpcapi did not make"
            ))
        } else if kind.is_global() && tag(TAG_STACK_ID).is_none() {
            Claim::LookAlike("may be of a cluster with this name in another region".to_owned())
        } else {
            Claim::Ours(format!("tag {TAG_CLUSTER}"))
        };
    }
    if let Some(stack) = tag(TAG_STACK) {
        return if !origin.has_cluster(stack) && !is_our_stack_name(name, stack) {
            Claim::Nobodys
        } else if origin.foreign.contains(stack) {
            Claim::LookAlike(format!("of the stack {stack}, which hpcapi did not make"))
        } else {
            Claim::Ours(format!("tag {TAG_STACK}"))
        };
    }
    let mut of_item = item.vpc.iter().chain(&item.other_vpc);
    if let Some(vpc) = of_item.find(|vpc| vpcs.contains(*vpc)) {
        return Claim::Ours(in_our_vpc(vpc, kind, item));
    }
    if is_named_alike(name, kind, item) {
        return Claim::LookAlike("named like the deployment's, without its tag".to_owned());
    }
    Claim::Nobodys
}

/// Says of what is in the deployment's VPC whose it is, as far as that is known.
fn in_our_vpc(vpc: &str, kind: Kind, item: &Item) -> String {
    let (key, value) = TAG_GUARD_DUTY;
    let owner = match item.tags.get(key).map(String::as_str) {
        Some(managed) if managed == value => "; GuardDuty made it",
        _ => "",
    };
    let names = match item.names_groups.as_slice() {
        [] => String::new(),
        groups => format!("; its rules name {}", groups.join(", ")),
    };
    match (&item.made_for, kind) {
        (Some(MadeFor::MountTarget(_, file_system)), _) => format!(
            "a mount target of the file system {file_system} in {vpc}, the deployment's VPC; without \
             it the files stay"
        ),
        (Some(MadeFor::FileSystem(file_system)), _) => format!(
            "of the file system {file_system} in {vpc}, the deployment's VPC; the command deletes it \
             with its files"
        ),
        (_, Kind::Peering) => format!("ties {vpc}, the deployment's VPC, to another"),
        _ => format!("is in {vpc}, the deployment's VPC{owner}{names}"),
    }
}

fn is_our_stack_name(name: &str, stack: &str) -> bool {
    let own = name.parse().map(|name: DeploymentName| name.own_stacks());
    stack == name || own.is_ok_and(|own| own.iter().any(|own| own == stack))
}

/// Returns whether a thing is named as the deployment's would be.
fn is_named_alike(name: &str, kind: Kind, item: &Item) -> bool {
    let begins = |end: &str| {
        let rest = item.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(end))
    };
    match kind {
        Kind::Stack => is_our_stack_name(name, &item.name),
        // Only what is named so is listed.
        Kind::LogGroup | Kind::Bucket | Kind::Role | Kind::Table | Kind::HostedZone => true,
        Kind::KeyPair => item.name == name,
        Kind::Rule
        | Kind::Function
        | Kind::Queue
        | Kind::Topic
        | Kind::Document
        | Kind::Parameter
        | Kind::Api
        | Kind::VpcLink
        | Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Alarm
        | Kind::Dashboard
        | Kind::AutoScalingGroup
        | Kind::LaunchTemplate
        | Kind::FileSystem
        | Kind::FsxFileSystem
        | Kind::PlacementGroup => item.name == name || begins("-"),
        Kind::SecurityGroup => item.name == name || begins("-") || begins(" "),
        // `Name` tags of the requirements stack are the name and what it is: `mine NAT`.
        Kind::Instance
        | Kind::NatGateway
        | Kind::ElasticIp
        | Kind::NetworkInterface
        | Kind::Volume
        | Kind::Snapshot
        | Kind::VpcEndpoint
        | Kind::Subnet
        | Kind::RouteTable
        | Kind::NetworkAcl
        | Kind::InternetGateway
        | Kind::Peering
        | Kind::Vpc => item.name == name || begins(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        let mut origin = Origin::default();
        origin.name = "mine".to_owned();
        origin.clusters.push("mine".to_owned());
        origin.region = "us-east-1".to_owned();
        origin
    }

    fn item(name: &str, tags: &[(&str, &str)]) -> Item {
        Item {
            id: "id-1".to_owned(),
            name: name.to_owned(),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Item::default()
        }
    }

    fn judged(origin: &Origin, kind: Kind, item: &Item) -> Claim {
        claim(origin, &BTreeSet::from(["vpc-1".to_owned()]), kind, item)
    }

    fn is_ours(claim: &Claim) -> bool {
        matches!(claim, Claim::Ours(_))
    }

    fn is_look_alike(claim: &Claim) -> bool {
        matches!(claim, Claim::LookAlike(_))
    }

    #[test]
    fn a_tag_makes_it_ours_whatever_its_name() {
        for (key, value) in [
            (TAG_DEPLOYMENT, "mine"),
            (TAG_CLUSTER, "mine"),
            (TAG_STACK, "mine-api"),
        ] {
            let claim = judged(&origin(), Kind::Volume, &item("other", &[(key, value)]));
            assert!(is_ours(&claim), "{key}: {claim:?}");
        }
    }

    #[test]
    fn another_deployments_tag_makes_it_nobodys_although_the_name_is_alike() {
        for (key, value) in [
            (TAG_DEPLOYMENT, "mine-2"),
            (TAG_CLUSTER, "mine-2"),
            (TAG_STACK, "mine-2-api"),
        ] {
            let claim = judged(&origin(), Kind::Volume, &item("mine", &[(key, value)]));
            assert_eq!(claim, Claim::Nobodys, "{key}");
        }
    }

    #[test]
    fn what_a_second_cluster_left_is_ours_once_there_was_one() {
        let mut origin = origin();
        origin.clusters.push("mine-2".to_owned());
        for tag in [(TAG_CLUSTER, "mine-2"), (TAG_STACK, "mine-2")] {
            let claim = judged(&origin, Kind::Volume, &item("", &[tag]));
            assert!(is_ours(&claim), "{claim:?}");
        }
        let stack = item("", &[(TAG_STACK, "mine-2-api")]);
        assert_eq!(judged(&origin, Kind::Volume, &stack), Claim::Nobodys);
        origin.foreign.insert("mine-2".to_owned());
        let tagged = item("", &[(TAG_CLUSTER, "mine-2")]);
        assert!(is_look_alike(&judged(&origin, Kind::Volume, &tagged)));
    }

    #[test]
    fn a_name_alone_is_a_look_alike_of_every_kind() {
        for kind in crate::aws::SERVICES.iter().copied().flatten() {
            let claim = judged(&origin(), *kind, &item("mine", &[]));
            assert!(is_look_alike(&claim), "{kind:?}: {claim:?}");
        }
        let unlike = judged(&origin(), Kind::Vpc, &item("mines", &[]));
        assert_eq!(unlike, Claim::Nobodys);
    }

    #[test]
    fn what_guard_duty_made_in_our_vpc_is_told_as_such() {
        let (key, value) = TAG_GUARD_DUTY;
        let endpoint = Item {
            vpc: Some("vpc-1".to_owned()),
            ..item("", &[(key, value)])
        };
        let why = "is in vpc-1, the deployment's VPC; GuardDuty made it".to_owned();
        let claim = judged(&origin(), Kind::NetworkInterface, &endpoint);
        assert_eq!(claim, Claim::Ours(why));
    }

    #[test]
    fn what_is_in_our_vpc_is_left() {
        let stranger = Item {
            vpc: Some("vpc-1".to_owned()),
            ..item("", &[])
        };
        assert!(is_ours(&judged(
            &origin(),
            Kind::NetworkInterface,
            &stranger
        )));
        let peering = Item {
            vpc: Some("vpc-2".to_owned()),
            other_vpc: Some("vpc-1".to_owned()),
            ..item("", &[])
        };
        assert!(is_ours(&judged(&origin(), Kind::Peering, &peering)));
        let elsewhere = Item {
            vpc: Some("vpc-2".to_owned()),
            ..stranger
        };
        let claim = judged(&origin(), Kind::NetworkInterface, &elsewhere);
        assert_eq!(claim, Claim::Nobodys);
    }

    #[test]
    fn what_a_stack_of_ours_made_is_ours_without_a_tag() {
        let mut origin = origin();
        origin
            .resources
            .insert("id-1".to_owned(), "mine".to_owned());
        assert!(is_ours(&judged(&origin, Kind::Role, &item("r", &[]))));
    }

    #[test]
    fn storage_that_is_to_stay_is_kept_and_what_is_around_it_is_left() {
        let mut origin = origin();
        origin.retained.insert("id-1".to_owned());
        let tagged = item("", &[(TAG_CLUSTER, "mine")]);
        for kind in [Kind::Volume, Kind::FileSystem, Kind::FsxFileSystem] {
            assert_eq!(judged(&origin, kind, &tagged), Claim::Kept(RETAINED));
        }
        assert!(is_ours(&judged(&origin, Kind::SecurityGroup, &tagged)));
        origin.retained.clear();
        assert!(is_ours(&judged(&origin, Kind::Volume, &tagged)));
    }

    #[test]
    fn the_parts_of_a_foreign_cluster_are_look_alikes() {
        let mut origin = origin();
        origin.foreign.insert("mine".to_owned());
        for tag in [(TAG_CLUSTER, "mine"), (TAG_STACK, "mine")] {
            let claim = judged(&origin, Kind::Instance, &item("HeadNode", &[tag]));
            assert!(is_look_alike(&claim), "{claim:?}");
        }
    }

    #[test]
    fn a_role_of_the_same_cluster_name_is_ours_in_this_region_only() {
        let of = |region: &str| {
            let id = format!("arn:aws:cloudformation:{region}:1:stack/mine/guid");
            let tags = [(TAG_CLUSTER, "mine"), (TAG_STACK_ID, id.as_str())];
            judged(&origin(), Kind::Role, &item("r", &tags))
        };
        assert!(is_ours(&of("us-east-1")));
        assert_eq!(of("eu-west-1"), Claim::Nobodys);
        let unsaid = item("r", &[(TAG_CLUSTER, "mine")]);
        assert!(is_look_alike(&judged(&origin(), Kind::Role, &unsaid)));
    }

    #[test]
    fn logs_of_the_cluster_and_the_shared_bucket_are_kept() {
        let logs = item(
            "/aws/parallelcluster/mine-202611231200",
            &[(TAG_CLUSTER, "mine")],
        );
        assert!(matches!(
            judged(&origin(), Kind::LogGroup, &logs),
            Claim::Kept(_)
        ));
        let function = item("/aws/lambda/pcluster-CleanupResources-guid", &[]);
        assert!(matches!(
            judged(&origin(), Kind::LogGroup, &function),
            Claim::Kept(_)
        ));
        let bucket = item("parallelcluster-abc-v1-do-not-delete", &[]);
        assert!(matches!(
            judged(&origin(), Kind::Bucket, &bucket),
            Claim::Kept(_)
        ));
        let own = item("/aws/lambda/mine-operations", &[(TAG_DEPLOYMENT, "mine")]);
        assert!(is_ours(&judged(&origin(), Kind::LogGroup, &own)));
        let untagged = item("/aws/lambda/mine-operations", &[]);
        assert!(is_look_alike(&judged(&origin(), Kind::LogGroup, &untagged)));
        let access = item(
            "/aws/vendedlogs/apigateway/mine-api",
            &[(TAG_DEPLOYMENT, "mine")],
        );
        assert!(is_ours(&judged(&origin(), Kind::LogGroup, &access)));
    }
}
