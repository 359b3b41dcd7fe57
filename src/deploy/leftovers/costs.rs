//! What things cost a month: on-demand list prices of us-east-1 in US dollars, without taxes,
//! data transfer and free tiers. Source: the price lists on aws.amazon.com (EC2, VPC, EBS, Elastic
//! Load Balancing, S3, CloudWatch, DynamoDB, Route 53, Lambda, SQS, SNS) as of 2025. An estimate: other regions cost
//! more or less, and prices change.

use crate::aws::{Item, Kind};

/// AWS counts a month as so many hours.
const HOURS: f64 = 730.0;

/// An hour of a NAT gateway.
const NAT_GATEWAY: f64 = 0.045;
/// An hour of a public IPv4 address, used or not.
const PUBLIC_ADDRESS: f64 = 0.005;
/// An hour of an application or network load balancer.
const LOAD_BALANCER: f64 = 0.0225;
/// An hour of a VPC endpoint of the interface kind in a zone.
const ENDPOINT: f64 = 0.01;
/// A month of a gigabyte in a snapshot.
const SNAPSHOT: f64 = 0.05;
/// A month of a gigabyte in an archived snapshot.
const ARCHIVED_SNAPSHOT: f64 = 0.0125;
/// A month of a gigabyte of logs.
const LOGS: f64 = 0.03;
/// A month of a gigabyte in a table.
const TABLE: f64 = 0.25;
/// A month of an alarm.
const ALARM: f64 = 0.10;
/// A month of a dashboard.
const DASHBOARD: f64 = 3.0;
/// A month of a hosted zone.
const HOSTED_ZONE: f64 = 0.50;

/// A month of a gigabyte of a volume, by volume type.
const VOLUMES: &[(&str, f64)] = &[
    ("gp3", 0.08),
    ("gp2", 0.10),
    ("io1", 0.125),
    ("io2", 0.125),
    ("st1", 0.045),
    ("sc1", 0.015),
    ("standard", 0.05),
];

/// An hour of an instance with Linux, by the types that small clusters begin with.
const INSTANCES: &[(&str, f64)] = &[
    ("t2.micro", 0.0116),
    ("t3.nano", 0.0052),
    ("t3.micro", 0.0104),
    ("t3.small", 0.0208),
    ("t3.medium", 0.0416),
    ("t3.large", 0.0832),
    ("t3.xlarge", 0.1664),
    ("t3.2xlarge", 0.3328),
    ("c5.large", 0.085),
    ("c5.xlarge", 0.17),
    ("m5.large", 0.096),
    ("m5.xlarge", 0.192),
];

/// What something costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// US dollars a month, about; `None` when it cannot be told from what a scan sees.
    pub usd_per_month: Option<f64>,
    /// What the figure leaves out, or what decides when there is none; empty for nothing.
    pub note: &'static str,
}

impl Cost {
    const FREE: Cost = Cost::about(0.0, "");

    const fn about(usd_per_month: f64, note: &'static str) -> Cost {
        Cost {
            usd_per_month: Some(usd_per_month),
            note,
        }
    }

    const fn unknown(note: &'static str) -> Cost {
        Cost {
            usd_per_month: None,
            note,
        }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.usd_per_month {
            None => return f.write_str(self.note),
            Some(0.0) => f.write_str("free")?,
            Some(usd) if usd < 0.01 => f.write_str("less than $0.01 a month")?,
            Some(usd) => write!(f, "about ${usd:.2} a month")?,
        }
        if self.note.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.note)
        }
    }
}

/// Returns what a thing costs.
pub(super) fn of(kind: Kind, item: &Item) -> Cost {
    let gigabytes = item.bytes.map(|bytes| bytes as f64 / f64::from(1 << 30));
    let stored = |price: f64, note| match gigabytes {
        Some(gigabytes) => Cost::about(gigabytes * price, note),
        None => Cost::unknown("by the gigabyte"),
    };
    match kind {
        Kind::Instance => instance(item),
        Kind::NatGateway => Cost::about(NAT_GATEWAY * HOURS, "without data"),
        Kind::ElasticIp => Cost::about(PUBLIC_ADDRESS * HOURS, ""),
        Kind::NetworkInterface if item.has_public_address => {
            Cost::about(PUBLIC_ADDRESS * HOURS, "for its public address")
        }
        Kind::LoadBalancer => Cost::about(LOAD_BALANCER * HOURS, "without data"),
        Kind::Volume => match price(VOLUMES, &item.sort) {
            Some(price) => stored(price, "without extra speed"),
            None => Cost::unknown("by the gigabyte, depending on the volume type"),
        },
        Kind::Snapshot if item.sort == "archive" => stored(ARCHIVED_SNAPSHOT, "at most"),
        Kind::Snapshot => stored(SNAPSHOT, "at most"),
        Kind::LogGroup => stored(LOGS, ""),
        Kind::Table => stored(TABLE, "without requests"),
        Kind::HostedZone => Cost::about(HOSTED_ZONE, "without queries"),
        Kind::Bucket => Cost::unknown("about $0.023 a month for each gigabyte in it"),
        Kind::Stack => Cost::about(0.0, "by itself"),
        Kind::Api => Cost::about(0.0, "without requests"),
        Kind::Function | Kind::Queue | Kind::Topic => Cost::about(0.0, "while it is idle"),
        Kind::VpcEndpoint if item.sort == "Gateway" => Cost::FREE,
        Kind::VpcEndpoint => Cost::about(ENDPOINT * HOURS, "for each zone, without data"),
        Kind::Alarm => Cost::about(ALARM, ""),
        Kind::Dashboard => Cost::about(DASHBOARD, "but for the first three of an account"),
        Kind::AutoScalingGroup => Cost::about(0.0, "by itself"),
        Kind::FileSystem => Cost::unknown("about $0.30 a month for each gigabyte in it"),
        Kind::FsxFileSystem => Cost::unknown("by its capacity"),
        Kind::Rule
        | Kind::LaunchTemplate
        | Kind::PlacementGroup
        | Kind::Document
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
        | Kind::KeyPair => Cost::FREE,
    }
}

fn instance(item: &Item) -> Cost {
    if item.state == "stopped" {
        return Cost::about(0.0, "while it is stopped, without its volumes");
    }
    match price(INSTANCES, &item.sort) {
        Some(hour) => Cost::about(hour * HOURS, "without its volumes"),
        None => Cost::unknown("by the hour, depending on the instance type"),
    }
}

fn price(prices: &[(&str, f64)], sort: &str) -> Option<f64> {
    let found = prices.iter().find(|(name, _)| *name == sort);
    found.map(|(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let unknown = of(Kind::Instance, &sorted("hpc7a.96xlarge", 0));
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
}
