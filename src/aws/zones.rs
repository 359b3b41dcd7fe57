//! Availability zones: which of them can hold a deployment. Zone **names** mean different
//! zones in different accounts, so everything is decided by zone **id**.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, LocationType};

use crate::error::{Error, Result};

use super::error::{is_code, service};

/// The zones with VPC links for HTTP APIs, a region a line (API Gateway developer guide, "Set up VPC
/// links V2", availability by region). The sandbox has them there, too.
const VPC_LINK_ZONES: &str = include_str!("../../sandbox/hpcapi_sandbox/ec2/vpc_link_zones.csv");

/// An availability zone and what it offers of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The name in this account, e.g. `us-east-1a`.
    pub name: String,
    /// The id, the same in every account, e.g. `use1-az4`.
    pub id: String,
    /// Which of the instance types asked for are offered there.
    pub offers: BTreeSet<String>,
}

/// The EC2 calls about zones.
#[derive(Debug, Clone)]
pub struct Zones(Client);

impl Zones {
    pub(super) fn new(client: Client) -> Self {
        Zones(client)
    }

    /// Returns the region's available zones, each with those of `instance_types` it offers.
    pub async fn offering(&self, instance_types: &BTreeSet<String>) -> Result<Vec<Zone>> {
        let zones = self
            .0
            .describe_availability_zones()
            .filters(Filter::builder().name("state").values("available").build())
            .filters(
                Filter::builder()
                    .name("zone-type")
                    .values("availability-zone")
                    .build(),
            )
            .send();
        let (zones, mut offers) = tokio::try_join!(
            async {
                zones
                    .await
                    .map_err(|error| service("cannot look at the zones", error))
            },
            self.offers(instance_types),
        )?;
        let mut found: Vec<_> = zones
            .availability_zones()
            .iter()
            .filter_map(|zone| {
                Some(Zone {
                    name: zone.zone_name()?.to_owned(),
                    id: zone.zone_id()?.to_owned(),
                    offers: offers.remove(zone.zone_id()?).unwrap_or_default(),
                })
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Returns the names of the zones of EBS volumes, by id; without those that do not exist.
    pub async fn of_volumes(&self, ids: Vec<String>) -> Result<BTreeMap<String, String>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Asked for by id, one that does not exist would be all of the answer.
        let these = Filter::builder()
            .name("volume-id")
            .set_values(Some(ids))
            .build();
        let answer = self.0.describe_volumes().filters(these).send().await;
        let answer = answer.map_err(|error| service("cannot look at the volumes", error))?;
        let zones = answer.volumes().iter().filter_map(|volume| {
            let zone = volume.availability_zone()?;
            Some((volume.volume_id()?.to_owned(), zone.to_owned()))
        });
        Ok(zones.collect())
    }

    /// Returns the names of the zones of capacity reservations, by id; without those that do not
    /// exist.
    pub async fn of_reservations(&self, ids: Vec<String>) -> Result<BTreeMap<String, String>> {
        let mut zones = BTreeMap::new();
        // No filter takes ids; asked for together, one that does not exist would be all of the answer.
        for id in ids {
            let asked = self.0.describe_capacity_reservations();
            let answer = match asked.capacity_reservation_ids(&id).send().await {
                Ok(answer) => answer,
                Err(error) if is_code(&error, &["InvalidCapacityReservationId.NotFound"]) => {
                    continue;
                }
                Err(error) => {
                    return Err(service("cannot look at the capacity reservations", error));
                }
            };
            let found = answer.capacity_reservations().first();
            if let Some(zone) = found.and_then(|one| one.availability_zone()) {
                zones.insert(id, zone.to_owned());
            }
        }
        Ok(zones)
    }

    /// Returns the instance types offered, by zone id.
    async fn offers(&self, types: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut offers: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        if types.is_empty() {
            return Ok(offers);
        }
        let wanted = Filter::builder()
            .name("instance-type")
            .set_values(Some(types.iter().cloned().collect()))
            .build();
        let mut pages = self
            .0
            .describe_instance_type_offerings()
            .location_type(LocationType::AvailabilityZoneId)
            .filters(wanted)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| service("cannot look which instance types are offered", error))?;
            for offer in page.instance_type_offerings() {
                if let (Some(zone), Some(kind)) = (offer.location(), offer.instance_type()) {
                    offers
                        .entry(zone.to_owned())
                        .or_default()
                        .insert(kind.as_str().to_owned());
                }
            }
        }
        Ok(offers)
    }
}

/// Chooses the zones of a deployment: both take VPC links, the first offers every one of
/// `instance_types` (head node and first compute subnet stand there), the second as many of
/// them as can be had. With `wanted` the first is the zone of that name.
pub fn choose_zones(
    region: &str,
    zones: &[Zone],
    instance_types: &BTreeSet<String>,
    wanted: Option<&str>,
) -> Result<(Zone, Zone)> {
    let linked: Vec<_> = zones
        .iter()
        .filter(|zone| takes_vpc_link(region, &zone.id))
        .collect();
    let mut firsts = linked
        .iter()
        .filter(|zone| wanted.is_none_or(|wanted| zone.name == wanted));
    let Some(first) = firsts.find(|zone| zone.offers.is_superset(instance_types)) else {
        if let Some(wanted) = wanted {
            return Err(unfit(wanted, &linked, instance_types));
        }
        let offered: BTreeSet<_> = linked.iter().flat_map(|zone| &zone.offers).collect();
        let lacking: Vec<_> = instance_types
            .iter()
            .filter(|kind| !offered.contains(kind))
            .collect();
        let what = match lacking.as_slice() {
            [] => {
                "no single zone offers all of the instance types of this configuration".to_owned()
            }
            kinds => format!("no zone offers {}", backticked(kinds)),
        };
        return Err(Error::usage(format!("{what} in {region}")).hint(
            "choose other instance types in the cluster configuration, or another --region",
        ));
    };
    let second = linked
        .iter()
        .filter(|zone| zone.id != first.id)
        .max_by_key(|zone| (zone.offers.len(), std::cmp::Reverse(&zone.name)));
    let Some(second) = second else {
        return Err(Error::usage(format!(
            "{region} has only one zone that takes VPC links, and an internal load balancer needs two"
        ))
        .hint("choose another --region"));
    };
    Ok(((*first).clone(), (*second).clone()))
}

/// Returns why the zone that is wanted cannot be the first.
fn unfit(wanted: &str, linked: &[&Zone], instance_types: &BTreeSet<String>) -> Error {
    let Some(zone) = linked.iter().find(|zone| zone.name == wanted) else {
        return Error::usage(format!(
            "the deployment cannot be in {wanted}: VPC links for HTTP APIs do not go there"
        ));
    };
    let lacking: Vec<_> = instance_types.difference(&zone.offers).collect();
    Error::usage(format!("{wanted} does not offer {}", backticked(&lacking)))
        .hint("choose other instance types in the cluster configuration")
}

/// Returns the zones of a region that take VPC links for HTTP APIs; `None` for a region of which
/// AWS's documentation does not say that it has any.
pub fn vpc_link_zones(region: &str) -> Option<Vec<&'static str>> {
    let mut rows = VPC_LINK_ZONES.lines().skip(1);
    let zones = rows.find_map(|row| row.strip_prefix(region)?.strip_prefix(','))?;
    Some(zones.split(' ').collect())
}

/// Returns whether VPC links for HTTP APIs go to a zone. In a region that the documentation does not
/// name, they may go to every one.
pub(super) fn takes_vpc_link(region: &str, zone_id: &str) -> bool {
    vpc_link_zones(region).is_none_or(|zones| zones.contains(&zone_id))
}

/// Returns words as names in a sentence.
pub(super) fn backticked(words: &[&String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    #[tokio::test]
    async fn a_reservation_that_does_not_exist_leaves_the_others_their_zones() {
        let unknown = "<Response><Errors><Error><Code>InvalidCapacityReservationId.NotFound</Code>\
                       <Message>words</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let known = "<DescribeCapacityReservationsResponse><capacityReservationSet><item>\
                     <capacityReservationId>cr-2</capacityReservationId><availabilityZone>\
                     us-east-1b</availabilityZone></item></capacityReservationSet>\
                     </DescribeCapacityReservationsResponse>";
        let aws = answered(&[(400, unknown), (200, known)]).await;
        let ids = ["cr-1", "cr-2"].map(str::to_owned).to_vec();
        let zones = aws.zones.of_reservations(ids).await.unwrap();
        let expected = BTreeMap::from([("cr-2".to_owned(), "us-east-1b".to_owned())]);
        assert_eq!(zones, expected);
    }

    fn zone(name: &str, id: &str, offers: &[&str]) -> Zone {
        Zone {
            name: name.to_owned(),
            id: id.to_owned(),
            offers: offers.iter().map(ToString::to_string).collect(),
        }
    }

    fn types(types: &[&str]) -> BTreeSet<String> {
        types.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_zone_without_vpc_links_is_never_chosen() {
        let zones = [
            zone("us-east-1a", "use1-az3", &["t3.micro"]),
            zone("us-east-1b", "use1-az6", &["t3.micro"]),
            zone("us-east-1c", "use1-az1", &["t3.micro"]),
        ];
        let (first, second) =
            choose_zones("us-east-1", &zones, &types(&["t3.micro"]), None).unwrap();
        assert_eq!(
            (first.name.as_str(), second.name.as_str()),
            ("us-east-1b", "us-east-1c")
        );
    }

    #[test]
    fn the_table_of_vpc_links_is_read() {
        assert_eq!(
            vpc_link_zones("us-west-1"),
            Some(vec!["usw1-az1", "usw1-az3"])
        );
        assert!(!takes_vpc_link("eu-west-2", "euw2-az4"));
        assert_eq!(vpc_link_zones("af-south-1"), None);
        assert!(takes_vpc_link("af-south-1", "afs1-az1"));
        for row in VPC_LINK_ZONES.lines().skip(1) {
            let (region, _) = row.split_once(',').unwrap();
            assert!(vpc_link_zones(region).unwrap().len() > 1, "{row}");
        }
        assert_eq!(vpc_link_zones("us-"), None);
    }

    #[test]
    fn the_first_zone_offers_every_instance_type() {
        let zones = [
            zone("eu-west-1a", "euw1-az1", &["t3.micro"]),
            zone("eu-west-1b", "euw1-az2", &[]),
            zone("eu-west-1c", "euw1-az3", &["hpc6a.48xlarge", "t3.micro"]),
        ];
        let wanted = types(&["hpc6a.48xlarge", "t3.micro"]);
        let (first, second) = choose_zones("eu-west-1", &zones, &wanted, None).unwrap();
        assert_eq!(
            (first.name.as_str(), second.name.as_str()),
            ("eu-west-1c", "eu-west-1a")
        );
    }

    #[test]
    fn an_instance_type_offered_nowhere_is_named() {
        let zones = [zone("eu-west-1a", "euw1-az1", &["t3.micro"])];
        let error = choose_zones("eu-west-1", &zones, &types(&["x9.huge"]), None).unwrap_err();
        assert_eq!(error.to_string(), "no zone offers `x9.huge` in eu-west-1");
    }

    #[test]
    fn a_zone_that_is_wanted_is_the_first_or_told_why_not() {
        let zones = [
            zone("us-east-1a", "use1-az6", &["t3.micro"]),
            zone("us-east-1b", "use1-az1", &["t3.micro"]),
            zone("us-east-1c", "use1-az2", &[]),
            zone("us-east-1e", "use1-az3", &["t3.micro"]),
        ];
        let choose =
            |wanted| choose_zones("us-east-1", &zones, &types(&["t3.micro"]), Some(wanted));
        assert_eq!(choose("us-east-1b").unwrap().0.name, "us-east-1b");
        let told = choose("us-east-1c").unwrap_err().to_string();
        assert_eq!(told, "us-east-1c does not offer `t3.micro`");
        let told = choose("us-east-1e").unwrap_err().to_string();
        assert!(told.contains("VPC links"), "{told}");
    }
}
