//! What things cost on AWS: list prices on demand in US dollars, without taxes, data transfer and
//! free tiers, from a table that `scripts/prices.py` makes before a release. Knows nothing of
//! deployments.

pub mod money;
mod table;

use std::sync::LazyLock;

use table::Table;

/// AWS counts a month as so many hours.
pub const HOURS_A_MONTH: f64 = 730.0;

/// Where every kind of thing has a price in the table.
const HOME: &str = "us-east-1";

/// As CSV, compressed.
const CARRIED: &[u8] = include_bytes!("table.csv.gz");

/// What something costs, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// For the unit that the thing is paid by.
    pub usd: f64,
    /// Whose price it is.
    pub origin: Origin,
}

/// Of which region a price is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Of the one that was asked about.
    Asked,
    /// Of us-east-1, as that of the other is not known.
    UsEast1,
}

/// Things that have one price in a region, or one for each sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing<'a> {
    /// An hour of a NAT gateway, without its address.
    NatGateway,
    /// An hour of a public IPv4 address, used or not.
    PublicAddress,
    /// An hour of an application load balancer.
    ApplicationLoadBalancer,
    /// An hour of a network load balancer.
    NetworkLoadBalancer,
    /// An hour of a VPC endpoint of the interface kind, in one zone.
    InterfaceEndpoint,
    /// A month of a gigabyte of a volume of this type.
    Volume(&'a str),
    /// A month of a gigabyte in a snapshot.
    Snapshot,
    /// A month of a gigabyte in an archived snapshot.
    ArchivedSnapshot,
    /// A month of a gigabyte of logs.
    Logs,
    /// A month of a gigabyte in a bucket, as it is stored when nobody says otherwise.
    Bucket,
    /// A month of a gigabyte in a table of DynamoDB.
    Table,
    /// A month of a gigabyte in a file system of EFS.
    FileSystem,
    /// A month of an alarm.
    Alarm,
    /// A month of a dashboard.
    Dashboard,
    /// A month of a hosted zone.
    HostedZone,
}

impl Thing<'_> {
    /// Returns the name of its row in the table.
    fn row(self) -> String {
        let name = match self {
            Thing::NatGateway => "nat-gateway",
            Thing::PublicAddress => "public-address",
            Thing::ApplicationLoadBalancer => "application-load-balancer",
            Thing::NetworkLoadBalancer => "network-load-balancer",
            Thing::InterfaceEndpoint => "interface-endpoint",
            Thing::Volume(sort) => return format!("volume:{sort}"),
            Thing::Snapshot => "snapshot",
            Thing::ArchivedSnapshot => "archived-snapshot",
            Thing::Logs => "logs",
            Thing::Bucket => "bucket",
            Thing::Table => "table",
            Thing::FileSystem => "file-system",
            Thing::Alarm => "alarm",
            Thing::Dashboard => "dashboard",
            Thing::HostedZone => "hosted-zone",
        };
        name.to_owned()
    }
}

/// The list prices of a region.
#[derive(Debug, Clone, Copy)]
pub struct Prices<'a> {
    region: &'a str,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(CARRIED));

impl<'a> Prices<'a> {
    /// Returns those that hpcapi carries.
    pub fn of(region: &'a str) -> Prices<'a> {
        Prices { region }
    }

    /// Returns an hour of an instance with Linux, on demand and on shared hardware; `None` where
    /// it is not known: that of another region would be a guess.
    pub fn instance(self, kind: &str) -> Option<f64> {
        // Types of instances have a full stop, and the names of other rows have none.
        kind.contains('.')
            .then(|| TABLE.price(kind, self.region))
            .flatten()
    }

    /// Returns the price of another thing, by the unit that it is paid by; `None` for a sort of it
    /// that is not known anywhere.
    pub fn thing(self, thing: Thing<'_>) -> Option<Price> {
        let row = thing.row();
        let price = |region, origin| {
            let usd = TABLE.price(&row, region)?;
            Some(Price { usd, origin })
        };
        price(self.region, Origin::Asked).or_else(|| price(HOME, Origin::UsEast1))
    }

    /// Returns the region whose prices they are.
    pub fn region(self) -> &'a str {
        self.region
    }
}

/// Returns the day of the table, as 2026-07-20.
pub fn date() -> &'static str {
    &TABLE.date
}

/// Returns the month of the table, as 2026-07.
pub fn month() -> &'static str {
    date().rsplit_once('-').map_or(date(), |(month, _)| month)
}

/// Returns where the table is from, each source in a sentence.
pub fn sources() -> &'static [String] {
    &TABLE.sources
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As AWS has them on its pages.
    #[test]
    fn well_known_prices_are_in_the_table() {
        for (region, kind, usd) in [
            ("us-east-1", "t3.micro", 0.0104),
            ("us-east-1", "m5.large", 0.096),
            ("us-east-1", "c7i.large", 0.08925),
            ("us-west-2", "m5.large", 0.096),
            ("eu-west-1", "m5.large", 0.107),
            ("eu-central-1", "c5.large", 0.097),
            ("eu-central-1", "t3.medium", 0.048),
            ("ap-northeast-1", "t3.micro", 0.0136),
            ("ap-southeast-1", "r5.large", 0.152),
            ("sa-east-1", "c5.xlarge", 0.262),
            ("us-gov-west-1", "c5.large", 0.102),
            ("us-east-2", "hpc7a.96xlarge", 7.2),
            ("us-east-2", "hpc6a.48xlarge", 2.88),
        ] {
            assert_eq!(
                Prices::of(region).instance(kind),
                Some(usd),
                "{kind} {region}"
            );
        }
    }

    #[test]
    fn what_is_not_known_of_an_instance_is_not_guessed() {
        assert_eq!(Prices::of("us-east-1").instance("hpc7a.96xlarge"), None);
        assert_eq!(Prices::of("mars-east-1").instance("t3.micro"), None);
        assert_eq!(Prices::of("us-east-1").instance("nat-gateway"), None);
        assert_eq!(Prices::of("us-east-1").instance("name"), None);
    }

    #[test]
    fn another_thing_has_the_price_of_us_east_1_where_its_own_is_not_known() {
        let nat = |region| Prices::of(region).thing(Thing::NatGateway);
        let usd = 0.045;
        let origin = Origin::Asked;
        assert_eq!(nat("us-east-1"), Some(Price { usd, origin }));
        let origin = Origin::UsEast1;
        assert_eq!(nat("mars-east-1"), Some(Price { usd, origin }));
        let strange = Prices::of("us-east-1").thing(Thing::Volume("gp9"));
        assert_eq!(strange, None);
    }

    #[test]
    fn every_thing_has_a_row() {
        use Thing::*;
        let volumes = ["gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"].map(Volume);
        let others = [
            NatGateway,
            PublicAddress,
            ApplicationLoadBalancer,
            NetworkLoadBalancer,
            InterfaceEndpoint,
            Snapshot,
            ArchivedSnapshot,
            Logs,
            Bucket,
            Table,
            FileSystem,
            Alarm,
            Dashboard,
            HostedZone,
        ];
        for thing in volumes.into_iter().chain(others) {
            let price = Prices::of("us-east-1").thing(thing);
            assert!(price.is_some_and(|price| price.usd > 0.0), "{thing:?}");
        }
    }

    #[test]
    fn the_table_says_when_and_from_where_it_is() {
        assert_eq!((date().len(), month().len()), (10, 7));
        assert!(date().starts_with(month()));
        assert!(!sources().is_empty());
    }
}
