//! What a deployment will cost, from its configuration and the list prices of its region: by the
//! hour while no job runs or while it rests, and for each compute node while one does. Asks nobody.

mod bill;
mod text;
mod usd;

use serde::Serialize;

use crate::context::NetworkOwner;
use crate::pcluster::Demand;
use crate::pcluster::config::ClusterConfig;
use crate::prices::{self, Prices};

pub use usd::Usd;

use bill::Bill;
use usd::six_digits_if_any;

/// What costs by use or by the account, and is in no figure.
const NOT_IN_IT: &[&str] = &[
    "data transfer",
    "requests to the API, to functions and to the bucket",
    "what lies in the bucket and in logs",
    "speed of volumes beyond what is in their price",
    "CPU credits of t instances",
    "alarms and the dashboard of the cluster",
    "taxes, free tiers and discounts",
];

/// An estimate of what a deployment costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The region that it is for.
    pub region: String,
    /// The day of the list prices.
    pub date: String,
    /// When it costs that.
    #[serde(skip)]
    pub during: During,
    /// What is paid then.
    pub standing: Vec<Line>,
    /// The sum of that which is known.
    pub in_all: Usd,
    /// What that sum is short of.
    pub completeness: Completeness,
    /// What compute nodes cost that come and go with jobs.
    pub nodes: Vec<Nodes>,
    /// What no figure has in it.
    pub not_in_it: &'static [&'static str],
}

/// What is paid of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidNetwork {
    /// Whose it is: that of the user costs what it costs without the deployment.
    pub owner: NetworkOwner,
    /// How many network interfaces the deployment's VPC endpoints have in it.
    pub endpoint_interfaces: u64,
}

/// What the time is that an estimate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    /// The deployment is there, and no job runs.
    Idleness,
    /// The deployment rests.
    Rest,
}

/// Whether a sum has all in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Every line has a figure.
    Complete,
    /// Something costs more, and it is not known how much.
    AtLeast,
}

/// Something that is paid as long as the deployment is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What it is, in plain words.
    pub what: String,
    /// What it costs; null when it is not known.
    pub cost: Option<Usd>,
    /// The region whose price it is.
    pub price_of: String,
    /// Why it is not known, or what the figure is not exact for; empty for nothing.
    pub note: String,
}

/// Compute nodes of a compute resource that run while jobs need them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nodes {
    /// Their queue.
    pub queue: String,
    /// The types that they may be of.
    pub instance_types: Vec<String>,
    /// How many there are at most, without those that run always.
    pub up_to: u64,
    /// Whether some run always, beside these.
    #[serde(skip)]
    pub others: Others,
    /// An hour of one, without its volume: the dearest of its types; null when it is not known.
    #[serde(serialize_with = "six_digits_if_any")]
    pub usd_per_hour: Option<f64>,
    /// An hour of its root volume.
    #[serde(serialize_with = "six_digits_if_any")]
    pub volume_usd_per_hour: Option<f64>,
    /// Why it may cost less, or is not known; empty for nothing.
    pub note: &'static str,
}

/// Whether there are nodes of the same kind that run always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// None.
    None,
    /// Some, which are among what is paid while no job runs.
    Always,
}

impl Estimate {
    /// Returns what a deployment with this configuration will cost in this region.
    pub fn of(config: &ClusterConfig, region: &str, network: PaidNetwork) -> Estimate {
        let bill = Bill {
            prices: Prices::of(region),
        };
        let demand = Demand::of(config.document());
        let standing = bill.standing(config, &demand, network);
        let instances = demand.instances.iter();
        let nodes = instances.filter_map(|instances| bill.nodes(instances));
        Estimate {
            nodes: nodes.collect(),
            ..Estimate::of_lines(During::Idleness, standing, region)
        }
    }

    /// Returns what the same costs while it rests.
    pub fn of_rest(config: &ClusterConfig, region: &str, network: PaidNetwork) -> Estimate {
        let bill = Bill {
            prices: Prices::of(region),
        };
        let lines = bill.resting(config, &Demand::of(config.document()), network);
        Estimate::of_lines(During::Rest, lines, region)
    }

    fn of_lines(during: During, standing: Vec<Line>, region: &str) -> Estimate {
        let known = standing.iter().filter_map(|line| line.cost);
        let in_all = known.fold(Usd::default(), Usd::and);
        let completeness = match standing.iter().all(|line| line.cost.is_some()) {
            true => Completeness::Complete,
            false => Completeness::AtLeast,
        };
        Estimate {
            region: region.to_owned(),
            date: prices::date().to_owned(),
            during,
            standing,
            in_all,
            completeness,
            nodes: Vec::new(),
            not_in_it: NOT_IN_IT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::prices::money;

    use super::*;

    const DEFAULT: &str = include_str!("../../../cluster-config.yaml");

    const OWN: PaidNetwork = PaidNetwork {
        owner: NetworkOwner::Deployment,
        endpoint_interfaces: 0,
    };

    fn of(text: &str, region: &str) -> Estimate {
        let config = ClusterConfig::parse(text, Path::new("my.yaml")).unwrap();
        Estimate::of(&config, region, OWN)
    }

    #[test]
    fn vpc_endpoints_are_paid_by_the_interface_also_at_rest() {
        let config = ClusterConfig::parse(DEFAULT, Path::new("my.yaml")).unwrap();
        let network = |endpoint_interfaces| PaidNetwork {
            owner: NetworkOwner::User,
            endpoint_interfaces,
        };
        let with = Estimate::of(&config, "us-east-1", network(7));
        let without = Estimate::of(&config, "us-east-1", network(0));
        let more = with.in_all.month - without.in_all.month;
        // $0.01 an hour each.
        assert_eq!(money::amount(more), "$51.10");
        let lines = with.lines().join("\n");
        assert!(
            lines.contains("7 network interfaces of VPC endpoints"),
            "{lines}"
        );
        assert!(!without.lines().join("\n").contains("VPC endpoints"));
        let at_rest = |count| Estimate::of_rest(&config, "us-east-1", network(count));
        let more = at_rest(7).in_all.month - at_rest(0).in_all.month;
        assert_eq!(money::amount(more), "$51.10");
    }

    #[test]
    fn the_default_configuration_costs_about_seventy_six_dollars_a_month() {
        let estimate = of(DEFAULT, "us-east-1");
        assert_eq!(money::amount(estimate.in_all.month), "$75.86");
        assert_eq!(money::fine(estimate.in_all.hour), "$0.1039");
        assert_eq!(estimate.completeness, Completeness::Complete);
        let [queue] = &estimate.nodes[..] else {
            panic!("{:?}", estimate.nodes);
        };
        assert_eq!((queue.queue.as_str(), queue.up_to), ("queue1", 10));
        assert_eq!(queue.usd_per_hour, Some(0.0104));
        assert_eq!(queue.note, "");
    }

    #[test]
    fn at_rest_volume_address_and_zone_cost() {
        let of_rest = |text: &str| {
            let config = ClusterConfig::parse(text, Path::new("my.yaml")).unwrap();
            Estimate::of_rest(&config, "us-east-1", OWN)
        };
        let estimate = of_rest(DEFAULT);
        assert_eq!(money::amount(estimate.in_all.month), "$7.75");
        assert_eq!(estimate.nodes, []);
        assert!(estimate.lines()[3].starts_with("in all, while it rests"));
        let without = of_rest(&DEFAULT.replace("ElasticIp: true", "ElasticIp: false"));
        assert_eq!(money::amount(without.in_all.month), "$4.10");
    }

    #[test]
    fn json_has_rounded_figures_and_says_whose_prices_they_are() {
        let json = serde_json::to_value(of(DEFAULT, "eu-central-1")).unwrap();
        assert_eq!(
            json["standing"][0],
            serde_json::json!({
                "what": "head node t3.small",
                "cost": {"usd_per_hour": 0.024, "usd_per_month": 17.52},
                "price_of": "eu-central-1",
                "note": "",
            })
        );
        assert_eq!(json["nodes"][0]["usd_per_hour"], 0.012);
        assert_eq!(json["nodes"][0]["volume_usd_per_hour"], 0.004932);
        assert_eq!(json["completeness"], "complete");
    }

    /// What runs always is paid while nothing runs, and not a second time.
    #[test]
    fn nodes_that_always_run_are_in_the_sum() {
        let two = DEFAULT.replace("MinCount: 0", "MinCount: 2");
        let (with, without) = (of(&two, "us-east-1"), of(DEFAULT, "us-east-1"));
        let more = with.in_all.month - without.in_all.month;
        // An instance is 7.592, a volume of 45 GiB 3.60.
        assert_eq!(money::amount(more), "$22.38");
        assert_eq!(with.nodes[0].up_to, 8);
        let all = DEFAULT.replace("MinCount: 0", "MinCount: 10");
        assert_eq!(of(&all, "us-east-1").nodes, []);
    }

    #[test]
    fn a_price_that_is_not_known_makes_the_sum_a_lower_bound() {
        let strange = DEFAULT.replace("t3.small", "t99.small");
        let estimate = of(&strange, "us-east-1");
        assert_eq!(estimate.completeness, Completeness::AtLeast);
        assert_eq!(estimate.standing[0].cost, None);
        assert_eq!(
            estimate.standing[0].note,
            "its price in this region is not known"
        );
        assert_eq!(money::amount(estimate.in_all.month), "$60.68");
    }

    #[test]
    fn spot_and_a_choice_of_types_cost_at_most_the_dearest() {
        let spot = DEFAULT.replace("- Name: queue1", "- Name: queue1\n      CapacityType: SPOT");
        let nodes = &of(&spot, "us-east-1").nodes[0];
        assert_eq!(nodes.usd_per_hour, Some(0.0104));
        assert_eq!(nodes.note, "at most, as spot costs less");
        let choice = DEFAULT.replace(
            "InstanceType: t3.micro",
            "Instances: [{InstanceType: c5.large}, {InstanceType: c5.xlarge}]",
        );
        let nodes = &of(&choice, "us-east-1").nodes[0];
        assert_eq!(nodes.usd_per_hour, Some(0.17));
        assert_eq!(nodes.note, "at most, as EC2 chooses the type");
    }

    #[test]
    fn storage_login_nodes_and_another_root_volume_are_in_the_sum() {
        let more = format!(
            "{}\nSharedStorage: [{{Name: data, StorageType: Ebs, MountDir: /data}}]\n\
             LoginNodes: {{Pools: [{{Name: login, InstanceType: t3.micro, Count: 1}}]}}\n",
            DEFAULT.replace(
                "  Ssh:",
                "  LocalStorage: {RootVolume: {Size: 100}}\n  Ssh:"
            )
        );
        let (with, without) = (of(&more, "us-east-1"), of(DEFAULT, "us-east-1"));
        let sum = with.in_all.month - without.in_all.month;
        // 55 GiB more, a volume of 35, a t3.micro with 45, a network load balancer.
        let expected = 55.0 * 0.08 + 35.0 * 0.08 + 7.592 + 3.6 + 16.425;
        assert_eq!(money::amount(sum), money::amount(expected));
    }

    #[test]
    fn a_zone_that_is_not_made_is_not_paid() {
        let without = DEFAULT.replace(
            "  SlurmSettings:",
            "  SlurmSettings:\n    Dns: {DisableManagedDns: true}",
        );
        let estimate = of(&without, "us-east-1");
        assert_eq!(money::amount(estimate.in_all.month), "$75.36");
    }
}
