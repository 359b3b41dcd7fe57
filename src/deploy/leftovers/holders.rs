//! What others have in the deployment's VPC: it keeps the network from being deleted.

use std::collections::BTreeSet;

use crate::aws::{IN_VPC, Item, Kind, MadeFor, StackResource, TAG_GUARD_DUTY};
use crate::context::Context;
use crate::error::Result;
use crate::prices::Prices;

use super::claim::{Claim, claim};
use super::origin::Origin;
use super::removal::Commands;
use super::{Leftover, judged, look};

/// Returns what others have in the VPCs of a stack, given what the stack made, each with the command
/// that removes it, in an order in which they can be. What could not be looked at is left out.
pub(in crate::deploy) async fn holders(
    context: &Context,
    stack: &str,
    resources: &[StackResource],
) -> Vec<Leftover> {
    let origin = Origin::of_one(context, stack, resources);
    in_our_vpcs(context, &origin, |_, _| true).await
}

/// Returns what others have in the deployment's VPC while all of the deployment is there, each with the
/// command that removes it: it will keep the network from being deleted.
pub(in crate::deploy) async fn in_the_way(context: &Context) -> Result<Vec<Leftover>> {
    let origin = Origin::gather(context, &[]).await?;
    let strange = |kind, item: &Item| is_strange(&origin, kind, item);
    Ok(in_our_vpcs(context, &origin, strange).await)
}

async fn in_our_vpcs(
    context: &Context,
    origin: &Origin,
    is_meant: impl Fn(Kind, &Item) -> bool,
) -> Vec<Leftover> {
    let found = look(context, IN_VPC, &origin.names()).await;
    let found = found.into_iter().filter_map(|(kind, items)| {
        let mut items = items.ok()?;
        items.retain(|item| is_of_others(origin, kind, item) && is_meant(kind, item));
        Some((kind, Ok(items)))
    });
    let prices = Prices::of(&context.aws.region);
    judged(origin, &Commands::new(context), prices, found.collect()).left
}

/// Returns whether nothing but its place says that a thing is the deployment's, and it does not go with
/// an instance, or with what a stack of the deployment made.
fn is_strange(origin: &Origin, kind: Kind, item: &Item) -> bool {
    let goes_along = match &item.made_for {
        Some(MadeFor::MountTarget(id, _) | MadeFor::FileSystem(id) | MadeFor::Endpoint(id)) => {
            origin.resources.contains_key(id)
        }
        None => kind == Kind::NetworkInterface && item.attachment.is_some(),
    };
    let nowhere = BTreeSet::new();
    !goes_along && !matches!(claim(origin, &nowhere, kind, item), Claim::Ours(_))
}

fn is_of_others(origin: &Origin, kind: Kind, item: &Item) -> bool {
    let mut vpcs = item.vpc.iter().chain(&item.other_vpc);
    let is_in_ours = vpcs.any(|vpc| origin.vpcs.contains(vpc));
    // It goes with something else, which is listed itself.
    let is_listed_itself = !matches!(
        item.made_for,
        Some(MadeFor::MountTarget(..) | MadeFor::FileSystem(_))
    );
    let goes_along = kind == Kind::NetworkInterface && item.is_managed && is_listed_itself;
    // `teardown` removes it itself.
    let (key, value) = TAG_GUARD_DUTY;
    let is_of_guard_duty = item.tags.get(key).is_some_and(|tag| tag == value);
    is_in_ours && !goes_along && !is_of_guard_duty && !origin.resources.contains_key(&item.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_of_the_deployment_made_is_strange() {
        let mut origin = Origin::default();
        let made = |id: &str| (id.to_owned(), "mine".to_owned());
        origin.resources.extend([made("fsmt-1"), made("subnet-1")]);
        let strange = |kind, item: &Item| is_strange(&origin, kind, item);
        let item = |id: &str| Item {
            id: id.to_owned(),
            ..Item::default()
        };
        assert!(strange(Kind::Subnet, &item("subnet-2")));
        assert!(!strange(Kind::Subnet, &item("subnet-1")));
        let target = |id: &str| Item {
            made_for: Some(MadeFor::MountTarget(id.to_owned(), "fs-1".to_owned())),
            attachment: Some("eni-attach-1".to_owned()),
            is_managed: true,
            ..item("eni-1")
        };
        assert!(strange(Kind::NetworkInterface, &target("fsmt-2")));
        assert!(!strange(Kind::NetworkInterface, &target("fsmt-1")));
        let of_instance = Item {
            attachment: Some("eni-attach-2".to_owned()),
            ..item("eni-2")
        };
        assert!(!strange(Kind::NetworkInterface, &of_instance));
        assert!(strange(Kind::NetworkInterface, &item("eni-3")));
    }

    #[test]
    fn what_the_stack_made_and_what_goes_along_hold_nothing() {
        let mut origin = Origin::default();
        origin.vpcs.insert("vpc-1".to_owned());
        origin
            .resources
            .insert("subnet-1".to_owned(), "mine".to_owned());
        let item = |id: &str, vpc: &str| Item {
            id: id.to_owned(),
            vpc: Some(vpc.to_owned()),
            ..Item::default()
        };
        let holds = |kind, item: &Item| is_of_others(&origin, kind, item);
        assert!(holds(Kind::Subnet, &item("subnet-2", "vpc-1")));
        assert!(!holds(Kind::Subnet, &item("subnet-1", "vpc-1")));
        assert!(!holds(Kind::Subnet, &item("subnet-3", "vpc-2")));
        let of_nat_gateway = Item {
            is_managed: true,
            ..item("eni-1", "vpc-1")
        };
        assert!(!holds(Kind::NetworkInterface, &of_nat_gateway));
        let target = MadeFor::MountTarget("fsmt-1".to_owned(), "fs-1".to_owned());
        let of_file_system = Item {
            made_for: Some(target),
            ..of_nat_gateway
        };
        assert!(holds(Kind::NetworkInterface, &of_file_system));
        let mut of_guard_duty = item("vpce-1", "vpc-1");
        let (key, value) = TAG_GUARD_DUTY;
        of_guard_duty.tags.insert(key.to_owned(), value.to_owned());
        assert!(!holds(Kind::VpcEndpoint, &of_guard_duty));
        let accepted = Item {
            other_vpc: Some("vpc-1".to_owned()),
            ..item("pcx-1", "vpc-9")
        };
        assert!(holds(Kind::Peering, &accepted));
    }
}
