//! Subnets that were not made yet: what pcluster's validators are told of them, so that they judge
//! the cluster that will be, and neither stop at the first subnet nor judge somebody else's.

use serde_json::{Value, json};

use crate::address_range::AddressRange;

/// The name and the text of the file that tells pcluster's Python of them.
pub const FILE: (&str, &str) = ("sitecustomize.py", include_str!("sitecustomize.py"));

/// Well-formed ids of what does not exist.
const SUBNETS: [&str; 3] = [
    "subnet-00000000000000001",
    "subnet-00000000000000002",
    "subnet-00000000000000003",
];
const VPC: &str = "vpc-00000000000000001";

/// The network as templates/requirements.yaml will make it: a public subnet, then a private one in
/// each of two zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    subnets: Vec<Value>,
}

impl Network {
    /// Returns the network in these zones, given by name, with this range.
    pub fn new([first, second]: [&str; 2], range: AddressRange) -> Network {
        let zones = [first, first, second];
        let ranges = range.subnets();
        let subnet = |(number, zone): (usize, &str)| {
            json!({
                "SubnetId": SUBNETS[number],
                "VpcId": VPC,
                "AvailabilityZone": zone,
                "CidrBlock": ranges[number].to_string(),
                "AvailableIpAddressCount": ranges[number].free(),
                "MapPublicIpOnLaunch": number == 0,
                "State": "available",
            })
        };
        Network {
            subnets: zones.into_iter().enumerate().map(subnet).collect(),
        }
    }

    /// Returns the ids of the public subnet and of the private ones.
    pub fn subnets(&self) -> [&'static str; 3] {
        SUBNETS
    }

    /// Returns whether a text is about it.
    pub fn is_meant(&self, text: &str) -> bool {
        SUBNETS.iter().chain([&VPC]).any(|id| text.contains(id))
    }

    /// Returns the variable with which pcluster's Python gets it.
    pub fn variable(&self) -> (String, String) {
        let subnets = Value::from(self.subnets.clone());
        ("HPCAPI_STAND_INS".to_owned(), subnets.to_string())
    }
}
