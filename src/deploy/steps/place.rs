//! Where a deployment is: in a network that was there, or in one that `up` makes in two zones, with an
//! address range of its own. Neither can change once it is made.

use std::collections::BTreeSet;

use crate::address_range::AddressRange;
use crate::aws::{Stack, Zone};
use crate::context::{Context, NewNetwork};
use crate::deploy::zones;
use crate::error::{Error, Result};
use crate::settings::NewNetworkChoice;
use crate::step::Step;

use super::existing_network;

/// Parameters of the requirements stack.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// The parameters of the requirements stack with the zones of a network that is made.
const ZONES: [&str; 2] = [existing_network::PLACE[0], existing_network::PLACE[1]];

/// The parameter with the address range of a network that is made.
const RANGE: &str = "VpcCIDR";

/// Those with the ranges of its subnets.
const SUBNETS: [&str; 3] = [
    "PublicSubnetCIDR",
    "PrivateSubnetCIDR1",
    "PrivateSubnetCIDR2",
];

/// Returns where a stack is that is there: a subnet cannot move. An update has to say all of it, too: of a
/// parameter that is left out CloudFormation takes the template's default (API reference,
/// "CreateChangeSet", `Parameters`), and would make other subnets.
pub(super) fn of(stack: &Stack) -> Option<Parameters> {
    if stack.must_be_replaced() {
        return None;
    }
    let value = |key: &'static str| Some((key, stack.parameters.get(key)?.clone()));
    let place: Vec<_> = existing_network::PLACE
        .into_iter()
        .filter_map(value)
        .collect();
    let ranges = [RANGE].into_iter().chain(SUBNETS).filter_map(value);
    (!place.is_empty()).then(|| place.into_iter().chain(ranges).collect())
}

/// Returns where a new stack goes: into the network that the user means, or into two zones.
pub(super) async fn choose(context: &Context, step: Step) -> Result<Parameters> {
    if let Some(choice) = &context.settings.network {
        let network = existing_network::find(context, choice).await?;
        let text = format!("the network {}, which stays as it is", network.vpc);
        context.events.doing(step, text);
        return Ok(network.parameters());
    }
    let (first, second) = zones::choose(context).await?;
    let text = format!(
        "zones {} ({}) and {} ({})",
        first.name, first.id, second.name, second.id
    );
    context.events.doing(step, text);
    let zones = ZONES.into_iter().zip([first.name, second.name]);
    let range = context.settings.new_network.range.unwrap_or_default();
    Ok(zones.chain(ranges(range)).collect())
}

/// Returns whether a stack at this place makes a network.
pub(super) fn is_new(place: &Parameters) -> bool {
    !place
        .iter()
        .any(|(key, value)| *key == existing_network::EXISTING_VPC && !value.is_empty())
}

/// Returns the parameters that say the ranges of a network that is made.
pub(super) fn ranges(range: AddressRange) -> Parameters {
    let subnets = SUBNETS.into_iter().zip(range.subnets());
    let all = [(RANGE, range)].into_iter().chain(subnets);
    all.map(|(key, range)| (key, range.to_string())).collect()
}

/// Returns the network that a stack made; nothing of one that will be made anew.
pub(super) fn new_network(stack: &Stack) -> Option<NewNetwork> {
    if existing_network::is_used_by(stack) || stack.must_be_replaced() {
        return None;
    }
    let parameter = |key: &str| stack.parameters.get(key).cloned();
    let [first, second] = ZONES.map(parameter);
    Some(NewNetwork {
        zones: [first?, second?],
        range: parameter(RANGE)?,
    })
}

/// Returns the network that `up` will make, if it makes one.
pub(in crate::deploy) async fn planned(context: &Context) -> Result<Option<NewNetwork>> {
    if context.settings.network.is_some() {
        return Ok(None);
    }
    let (first, second) = zones::choose(context).await?;
    let range = context.settings.new_network.range.unwrap_or_default();
    Ok(Some(NewNetwork {
        zones: [first.name, second.name],
        range: range.to_string(),
    }))
}

/// Fails when the user means a network in other zones or with another range than the one that the
/// requirements stack has.
pub(super) async fn require_same(context: &Context, stack: &Stack) -> Result<()> {
    let choice = &context.settings.new_network;
    let is_made_anew = stack.must_be_replaced() || stack.is_in_review();
    if *choice == NewNetworkChoice::default() || is_made_anew {
        return Ok(());
    }
    let zones = match &choice.zones {
        Some(_) => context.aws.zones.offering(&BTreeSet::new()).await?,
        None => Vec::new(),
    };
    let Some(difference) = difference(choice, stack, &zones) else {
        return Ok(());
    };
    let again = &context.settings.again;
    Err(
        Error::usage(format!("a deployment cannot move: {difference}"))
            .hint("leave out --zones and --vpc-cidr, to go on with the network it has")
            .hint(format!(
                "or make it anew in the other: {} && {}",
                again.command("teardown"),
                again.command("up")
            )),
    )
}

/// Says how a choice differs from what a stack has, if it does; `zones` are those of the region.
fn difference(choice: &NewNetworkChoice, stack: &Stack, zones: &[Zone]) -> Option<String> {
    if existing_network::is_used_by(stack) {
        let vpc = &stack.parameters[existing_network::EXISTING_VPC];
        return Some(format!(
            "it is in `{vpc}`, a network that was there before it"
        ));
    }
    let has = new_network(stack)?;
    let name = |named: &String| {
        let known = zones.iter().find(|zone| zone.id == *named);
        known.map_or(named, |zone| &zone.name).clone()
    };
    let zones = choice
        .zones
        .as_ref()
        .map(|named| named.each_ref().map(name));
    let zones = zones.filter(|zones| *zones != has.zones);
    let range = choice.range.map(|range| range.to_string());
    let range = range.filter(|range| *range != has.range);
    let is = [
        zones.as_ref().map(|_| words(&has.zones)),
        range.as_ref().map(|_| has.range.clone()),
    ];
    let asked = [zones.as_ref().map(words), range];
    let told = |parts: [Option<String>; 2]| {
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join(" with ")
    };
    let (is, asked) = (told(is), told(asked));
    (!asked.is_empty()).then(|| format!("its network is {is}, and not {asked}"))
}

/// Returns two zones as part of a sentence.
fn words([first, second]: &[String; 2]) -> String {
    format!("in {first} and {second}")
}

#[cfg(test)]
mod tests {
    use super::super::requirements::TEMPLATE;
    use super::super::stack::template::Declared;
    use super::*;

    fn stack(parameters: &[(&'static str, &str)]) -> Stack {
        let parameters = parameters.iter();
        Stack {
            parameters: parameters
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Declared::of(TEMPLATE).stack()
        }
    }

    fn choice(zones: Option<[&str; 2]>, range: Option<&str>) -> NewNetworkChoice {
        NewNetworkChoice {
            zones: zones.map(|zones| zones.map(str::to_owned)),
            range: range.map(|range| range.parse().unwrap()),
        }
    }

    #[test]
    fn the_usual_range_is_that_of_the_template() {
        let template: serde_yaml::Value = serde_yaml::from_str(TEMPLATE.body).unwrap();
        for (key, value) in ranges(AddressRange::default()) {
            let default = &template["Parameters"][key]["Default"];
            assert_eq!(default.as_str(), Some(value.as_str()), "{key}");
        }
    }

    #[test]
    fn what_is_said_of_a_stack_that_is_there_is_all_of_its_place() {
        let had = [
            (ZONES[0], "us-east-1a"),
            (ZONES[1], "us-east-1c"),
            (RANGE, "10.9.0.0/16"),
            (SUBNETS[0], "10.9.1.0/24"),
            (SUBNETS[1], "10.9.2.0/24"),
            (SUBNETS[2], "10.9.3.0/24"),
        ];
        let place = of(&stack(&had)).unwrap();
        let place: Vec<_> = place
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        assert_eq!(place, had);
        // One of which no zone is known has no place yet.
        assert_eq!(of(&stack(&had[2..])), None);
    }

    #[test]
    fn a_network_differs_only_from_what_is_said_otherwise() {
        let there = stack(&[
            (ZONES[0], "us-east-1a"),
            (ZONES[1], "us-east-1c"),
            (RANGE, "10.20.0.0/16"),
        ]);
        let zones = [("us-east-1a", "use1-az6"), ("us-east-1c", "use1-az1")];
        let zones = zones.map(|(name, id)| Zone {
            name: name.to_owned(),
            id: id.to_owned(),
            offers: BTreeSet::new(),
        });
        let told = |zones_asked, range| difference(&choice(zones_asked, range), &there, &zones);
        for same in [
            (None, None),
            (Some(["us-east-1a", "us-east-1c"]), None),
            (Some(["use1-az6", "us-east-1c"]), Some("10.20.0.0/16")),
        ] {
            assert_eq!(told(same.0, same.1), None, "{same:?}");
        }
        // The head node is in the first.
        assert_eq!(
            told(Some(["use1-az1", "us-east-1a"]), Some("10.20.0.0/16")).unwrap(),
            "its network is in us-east-1a and us-east-1c, and not in us-east-1c and us-east-1a"
        );
        assert_eq!(
            told(None, Some("10.20.0.0/20")).unwrap(),
            "its network is 10.20.0.0/16, and not 10.20.0.0/20"
        );
        assert_eq!(
            told(Some(["us-east-1a", "us-east-1b"]), Some("10.0.0.0/16")).unwrap(),
            "its network is in us-east-1a and us-east-1c with 10.20.0.0/16, and not in us-east-1a \
             and us-east-1b with 10.0.0.0/16"
        );
    }

    #[test]
    fn a_deployment_in_a_network_that_was_there_has_made_none() {
        let there = stack(&[
            (ZONES[0], "us-east-1a"),
            (ZONES[1], "us-east-1c"),
            (existing_network::EXISTING_VPC, "vpc-1"),
            (RANGE, "10.0.0.0/16"),
        ]);
        assert_eq!(new_network(&there), None);
        let told = difference(&choice(None, Some("10.0.0.0/16")), &there, &[]);
        assert!(told.unwrap().contains("`vpc-1`"));
    }
}
