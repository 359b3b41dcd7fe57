//! What things cost a month, about: from the list prices of the deployment's region, without taxes,
//! data transfer and free tiers.

use crate::aws::{Item, Kind};
use crate::prices::{HOURS_A_MONTH, Origin, Prices, Thing, money};

/// What something costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// US dollars a month, about; `None` when it cannot be told from what a scan sees.
    pub usd_per_month: Option<f64>,
    /// What the figure leaves out, or what decides when there is none; empty for nothing.
    pub note: String,
}

impl Cost {
    fn about(usd_per_month: f64, note: &str) -> Cost {
        Cost {
            usd_per_month: Some(usd_per_month),
            note: note.to_owned(),
        }
    }

    fn unknown(note: &str) -> Cost {
        Cost {
            usd_per_month: None,
            note: note.to_owned(),
        }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(usd) = self.usd_per_month else {
            return f.write_str(&self.note);
        };
        f.write_str(&money::about_a_month(usd))?;
        if self.note.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.note)
        }
    }
}

/// Returns what a thing costs in the region of the prices.
pub(super) fn of(prices: Prices<'_>, kind: Kind, item: &Item) -> Cost {
    #[expect(clippy::cast_precision_loss, reason = "nothing has 2^52 bytes")]
    let gigabytes = item.bytes.map(|bytes| bytes as f64 / f64::from(1 << 30));
    let lasting = |thing, note| cost(prices, thing, Some(HOURS_A_MONTH), note);
    let standing = |thing, note| cost(prices, thing, Some(1.0), note);
    let stored = |thing, note| cost(prices, thing, gigabytes, note);
    match kind {
        Kind::Instance => instance(prices, item),
        Kind::NatGateway => lasting(Thing::NatGateway, "without data"),
        Kind::ElasticIp => lasting(Thing::PublicAddress, ""),
        Kind::NetworkInterface if item.has_public_address => {
            lasting(Thing::PublicAddress, "for its public address")
        }
        Kind::LoadBalancer if item.sort == "network" => {
            lasting(Thing::NetworkLoadBalancer, "without data")
        }
        Kind::LoadBalancer => lasting(Thing::ApplicationLoadBalancer, "without data"),
        Kind::Volume => stored(Thing::Volume(&item.sort), "without extra speed"),
        Kind::Snapshot if item.sort == "archive" => stored(Thing::ArchivedSnapshot, "at most"),
        Kind::Snapshot => stored(Thing::Snapshot, "at most"),
        Kind::LogGroup => stored(Thing::Logs, ""),
        Kind::Table => stored(Thing::Table, "without requests"),
        Kind::HostedZone => standing(Thing::HostedZone, "without queries"),
        Kind::Bucket => by_the_gigabyte(prices, Thing::Bucket),
        Kind::Stack | Kind::AutoScalingGroup => Cost::about(0.0, "by itself"),
        Kind::Api => Cost::about(0.0, "without requests"),
        Kind::Function | Kind::Queue | Kind::Topic => Cost::about(0.0, "while it is idle"),
        Kind::VpcEndpoint if item.sort == "Gateway" => Cost::about(0.0, ""),
        Kind::VpcEndpoint => lasting(Thing::InterfaceEndpoint, "for each zone, without data"),
        Kind::Alarm => standing(Thing::Alarm, ""),
        Kind::Dashboard => standing(Thing::Dashboard, "but for the first three of an account"),
        Kind::FileSystem => by_the_gigabyte(prices, Thing::FileSystem),
        Kind::FsxFileSystem => Cost::unknown("by its capacity"),
        Kind::Rule
        | Kind::LaunchTemplate
        | Kind::PlacementGroup
        | Kind::Document
        | Kind::Parameter
        | Kind::NetworkInterface
        | Kind::VpcLink
        | Kind::TargetGroup
        | Kind::SecurityGroup
        | Kind::Subnet
        | Kind::RouteTable
        | Kind::NetworkAcl
        | Kind::InternetGateway
        | Kind::Peering
        | Kind::Vpc
        | Kind::Role
        | Kind::KeyPair => Cost::about(0.0, ""),
    }
}

/// Returns what so many units of a thing cost a month; `None` is an amount that a scan does not see.
fn cost(prices: Prices<'_>, thing: Thing<'_>, units: Option<f64>, note: &str) -> Cost {
    match (prices.thing(thing), units) {
        (Some(price), Some(units)) => {
            Cost::about(price.usd * units, &with_origin(note, price.origin))
        }
        (Some(_), None) => Cost::unknown("by the gigabyte"),
        (None, _) => Cost::unknown("by the gigabyte, depending on the volume type"),
    }
}

/// Returns the price of what a scan does not see the amount of.
fn by_the_gigabyte(prices: Prices<'_>, thing: Thing<'_>) -> Cost {
    let Some(price) = prices.thing(thing) else {
        return Cost::unknown("by the gigabyte");
    };
    let usd = money::by_the_gigabyte(price.usd);
    let note = format!("about {usd} a month for each gigabyte in it");
    Cost::unknown(&with_origin(&note, price.origin))
}

fn with_origin(note: &str, origin: Origin) -> String {
    match (origin, note) {
        (Origin::Asked, note) => note.to_owned(),
        (Origin::UsEast1, "") => "(price of us-east-1)".to_owned(),
        (Origin::UsEast1, note) => format!("{note} (price of us-east-1)"),
    }
}

fn instance(prices: Prices<'_>, item: &Item) -> Cost {
    if item.state == "stopped" {
        return Cost::about(0.0, "while it is stopped, without its volumes");
    }
    match prices.instance(&item.sort) {
        Some(hour) => Cost::about(hour * HOURS_A_MONTH, "without its volumes"),
        None => Cost::unknown("by the hour; the price of its instance type here is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it costs where every price is known.
    fn of(kind: Kind, item: &Item) -> Cost {
        super::of(Prices::of("us-east-1"), kind, item)
    }

    fn sorted(sort: &str, gibibytes: u64) -> Item {
        Item {
            sort: sort.to_owned(),
            bytes: Some(gibibytes << 30),
            ..Item::default()
        }
    }

    #[test]
    fn costs_read_as_an_estimate() {
        let nat = of(Kind::NatGateway, &Item::default());
        assert_eq!(nat.to_string(), "about $32.85 a month without data");
        let address = of(Kind::ElasticIp, &Item::default());
        assert_eq!(address.to_string(), "about $3.65 a month");
        let volume = of(Kind::Volume, &sorted("gp3", 35));
        assert_eq!(
            volume.to_string(),
            "about $2.80 a month without extra speed"
        );
        assert_eq!(of(Kind::Vpc, &Item::default()).to_string(), "free");
        let queue = of(Kind::Queue, &Item::default());
        assert_eq!(queue.to_string(), "free while it is idle");
        let logs = of(
            Kind::LogGroup,
            &Item {
                bytes: Some(9),
                ..Item::default()
            },
        );
        assert_eq!(logs.to_string(), "less than $0.01 a month");
    }

    #[test]
    fn what_cannot_be_told_is_said_so_and_is_no_number() {
        let unknown = of(Kind::Instance, &sorted("t99.huge", 0));
        assert_eq!(unknown.usd_per_month, None);
        assert!(unknown.to_string().contains("instance type"));
        assert_eq!(of(Kind::Bucket, &Item::default()).usd_per_month, None);
    }

    #[test]
    fn a_stopped_instance_costs_nothing_by_itself() {
        let stopped = Item {
            state: "stopped".to_owned(),
            ..sorted("t3.small", 0)
        };
        assert_eq!(of(Kind::Instance, &stopped).usd_per_month, Some(0.0));
    }

    #[test]
    fn an_instance_has_the_price_of_the_region_and_another_price_is_said_to_be_one() {
        let cost = |region, kind, sort| super::of(Prices::of(region), kind, &sorted(sort, 0));
        assert_eq!(
            cost("eu-west-1", Kind::Instance, "m5.large").to_string(),
            "about $78.11 a month without its volumes"
        );
        assert_eq!(
            cost("mars-east-1", Kind::NatGateway, "").to_string(),
            "about $32.85 a month without data (price of us-east-1)"
        );
        assert_eq!(
            cost("mars-east-1", Kind::ElasticIp, "").to_string(),
            "about $3.65 a month (price of us-east-1)"
        );
        assert_eq!(
            cost("us-east-1", Kind::Bucket, "").to_string(),
            "about $0.023 a month for each gigabyte in it"
        );
    }
}
