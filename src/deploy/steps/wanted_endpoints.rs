//! Which VPC endpoints the requirements stack is to make, and the parameters by which it does.

use std::collections::BTreeMap;

use crate::aws::Stack;
use crate::context::VpcEndpoints;
use crate::deploy::ways::{MissingEndpoint, WITH_GATEWAYS};

use super::existing_network::given;
use super::place::Parameters;

/// The parameters of the stack that say where it makes the endpoints of each service.
const PLACES: [(&str, &str); 7] = [
    ("cloudformation", "CloudFormationEndpointSubnets"),
    ("dynamodb", "DynamoDBEndpointTables"),
    ("ec2", "EC2EndpointSubnets"),
    ("logs", "LogsEndpointSubnets"),
    ("s3", "S3EndpointTables"),
    ("ssm", "SSMEndpointSubnets"),
    ("ssmmessages", "SSMMessagesEndpointSubnets"),
];

/// Those that say whom the endpoints let in: the address ranges of the VPC. The first one says that the
/// stack makes endpoints at all.
pub(in crate::deploy) const RANGES: [&str; 5] = [
    "EndpointClients1",
    "EndpointClients2",
    "EndpointClients3",
    "EndpointClients4",
    "EndpointClients5",
];

/// The endpoints that the stack is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct Wanted {
    vpc: String,
    /// All of them: those that it has, and those that are missing.
    pub(in crate::deploy) endpoints: VpcEndpoints,
    /// The services of those that are missing.
    missing: Vec<&'static str>,
    /// The services of those that the stack made, and that are gone.
    pub(super) gone: Vec<&'static str>,
    /// The address ranges of the VPC. There may be more than the security group can let in.
    pub(in crate::deploy) ranges: Vec<String>,
}

/// Returns the endpoints that a stack makes; `None` when it makes none, and is not to.
pub(in crate::deploy) fn of(stack: &Stack) -> Option<VpcEndpoints> {
    given(stack, RANGES[0])?;
    let places = PLACES.iter().filter_map(|(service, key)| {
        let places = given(stack, key)?.split(',').map(ToOwned::to_owned);
        Some((*service, places.collect()))
    });
    Some(places.collect())
}

/// Returns the parameters of a stack that makes no endpoints.
pub(super) fn none() -> Parameters {
    let places = PLACES.iter().map(|(_, key)| *key);
    places
        .chain(RANGES)
        .map(|key| (key, String::new()))
        .collect()
}

/// Returns how many network interfaces the endpoints have, each of which is paid by the hour.
pub fn endpoint_interfaces(endpoints: &VpcEndpoints) -> u64 {
    let interfaces = endpoints.iter().filter(|(service, _)| !is_gateway(service));
    interfaces.map(|(_, subnets)| subnets.len() as u64).sum()
}

impl Wanted {
    /// Returns what a stack is to make that had these endpoints, where nodes lack others, or lack those.
    pub(in crate::deploy) fn of(
        vpc: String,
        had: VpcEndpoints,
        lacking: Vec<MissingEndpoint>,
        ranges: Vec<String>,
    ) -> Wanted {
        let (mut missing, mut gone) = (Vec::new(), Vec::new());
        let mut endpoints = had.clone();
        let mut zones: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for lack in lacking {
            if is_in(&had, &lack) {
                gone.push(lack.service);
                continue;
            }
            let place = match is_gateway(lack.service) {
                true => lack.table,
                // An endpoint takes one subnet of each zone.
                false => {
                    let taken = zones.entry(lack.service).or_default();
                    let is_free = !taken.contains(&lack.zone);
                    taken.push(lack.zone);
                    is_free.then_some(lack.subnet)
                }
            };
            let places = endpoints.entry(lack.service).or_default();
            if let Some(place) = place.filter(|place| !places.contains(place)) {
                places.push(place);
                missing.push(lack.service);
            }
        }
        endpoints.retain(|_, places| !places.is_empty());
        for services in [&mut missing, &mut gone] {
            services.sort_unstable();
            services.dedup();
        }
        Wanted {
            vpc,
            endpoints,
            missing,
            gone,
            ranges,
        }
    }

    /// Says what a stack lacks, if anything.
    pub(super) fn lack(&self, stack: &Stack) -> Option<String> {
        let many = |services: &[&str]| match services {
            [one] => format!("VPC endpoint for {one}"),
            several => format!("VPC endpoints for {}", several.join(", ")),
        };
        let is = if self.gone.len() == 1 { "is" } else { "are" };
        if !self.gone.is_empty() {
            return Some(format!("its {} {is} gone", many(&self.gone)));
        }
        if !self.missing.is_empty() {
            return Some(format!("it has no {} yet", many(&self.missing)));
        }
        let parameters = self.parameters(&[]).into_iter();
        let mut others =
            parameters.filter(|(key, value)| given(stack, key).unwrap_or_default() != value);
        others.next().map(|_| {
            let vpc = &self.vpc;
            format!("its VPC endpoints do not let in all addresses of `{vpc}` yet")
        })
    }

    /// Returns the parameters of the stack that say all this, without the endpoints of some services.
    pub(super) fn parameters(&self, without: &[&str]) -> Parameters {
        let places = PLACES.iter().map(|(service, key)| {
            let places = self.endpoints.get(service);
            let places = places.filter(|_| !without.contains(service));
            (*key, places.map(|it| it.join(",")).unwrap_or_default())
        });
        let ranges = RANGES.iter().enumerate();
        let ranges = ranges.map(|(at, key)| (*key, self.ranges.get(at).cloned()));
        let ranges = ranges.map(|(key, range)| (key, range.unwrap_or_default()));
        places.chain(ranges).collect()
    }
}

/// Returns whether the endpoints of a service are in route tables.
pub(in crate::deploy) fn is_gateway(service: &str) -> bool {
    WITH_GATEWAYS.contains(&service)
}

/// Returns whether the stack has made an endpoint: one with a name serves the whole VPC.
pub(super) fn is_in(had: &VpcEndpoints, lack: &MissingEndpoint) -> bool {
    let Some(places) = had.get(lack.service) else {
        return false;
    };
    !is_gateway(lack.service) || lack.table.as_ref().is_some_and(|it| places.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lack(service: &'static str, subnet: &str, zone: &str) -> MissingEndpoint {
        MissingEndpoint {
            service,
            subnet: subnet.to_owned(),
            zone: zone.to_owned(),
            table: Some("rtb-1".to_owned()),
        }
    }

    fn wanted(had: &VpcEndpoints, lacking: Vec<MissingEndpoint>) -> Wanted {
        let ranges = vec!["10.9.0.0/16".to_owned()];
        Wanted::of("vpc-1".to_owned(), had.clone(), lacking, ranges)
    }

    fn stack(parameters: Parameters) -> Stack {
        Stack {
            id: String::new(),
            name: "x-requirements".to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            outputs: BTreeMap::new(),
            parameters: parameters
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            tags: BTreeMap::new(),
            role: None,
            is_protected: false,
            created: None,
        }
    }

    fn endpoints(all: &[(&'static str, &[&str])]) -> VpcEndpoints {
        let owned = |places: &[&str]| places.iter().map(ToString::to_string).collect();
        all.iter()
            .map(|(service, places)| (*service, owned(places)))
            .collect()
    }

    #[test]
    fn each_table_is_named_once_and_each_zone_has_one_subnet() {
        let lacking = vec![
            lack("s3", "subnet-0", "a"),
            lack("ec2", "subnet-0", "a"),
            lack("s3", "subnet-1", "a"),
            lack("ec2", "subnet-1", "a"),
            lack("ec2", "subnet-2", "b"),
        ];
        let wanted = wanted(&VpcEndpoints::new(), lacking);
        let expected = [("ec2", &["subnet-0", "subnet-2"][..]), ("s3", &["rtb-1"])];
        assert_eq!(wanted.endpoints, endpoints(&expected));
        assert_eq!(endpoint_interfaces(&wanted.endpoints), 2);
        assert_eq!(wanted.gone, Vec::<&str>::new());
        let told = wanted.lack(&stack(none())).unwrap();
        assert_eq!(told, "it has no VPC endpoints for ec2, s3 yet");
    }

    #[test]
    fn what_the_stack_has_made_it_keeps_and_makes_anew_when_it_is_gone() {
        let had = endpoints(&[("ec2", &["subnet-1"]), ("s3", &["rtb-1"])]);
        let made = stack(wanted(&had, Vec::new()).parameters(&[]));
        assert_eq!(of(&made), Some(had.clone()));
        assert_eq!(wanted(&had, Vec::new()).lack(&made), None);
        // Nodes in another zone reach it by its name.
        let gone = wanted(&had, vec![lack("ec2", "subnet-2", "b")]);
        assert_eq!(gone.endpoints, had);
        assert_eq!(
            gone.lack(&made).as_deref(),
            Some("its VPC endpoint for ec2 is gone")
        );
        // In between the stack still says that it makes endpoints.
        let between = of(&stack(gone.parameters(&gone.gone))).unwrap();
        assert_eq!(between, endpoints(&[("s3", &["rtb-1"])]));
        let all = wanted(
            &had,
            vec![lack("ec2", "subnet-2", "b"), lack("s3", "subnet-2", "b")],
        );
        let between = stack(all.parameters(&all.gone));
        assert_eq!(of(&between), Some(VpcEndpoints::new()));
        // A gateway serves the tables that it is in.
        let mut more = lack("s3", "subnet-2", "b");
        more.table = Some("rtb-2".to_owned());
        let more = wanted(&had, vec![more]);
        assert_eq!(more.endpoints["s3"], ["rtb-1", "rtb-2"]);
        assert_eq!(
            more.lack(&made).as_deref(),
            Some("it has no VPC endpoint for s3 yet")
        );
    }

    #[test]
    fn a_range_that_the_vpc_has_got_is_let_in() {
        let had = endpoints(&[("ec2", &["subnet-1"])]);
        let made = stack(wanted(&had, Vec::new()).parameters(&[]));
        let mut more = wanted(&had, Vec::new());
        more.ranges.push("10.8.0.0/16".to_owned());
        let told = more.lack(&made).unwrap();
        assert!(told.contains("all addresses of `vpc-1`"), "{told}");
    }

    #[test]
    fn a_stack_without_the_parameters_makes_none() {
        assert_eq!(of(&stack(Vec::new())), None);
        assert_eq!(of(&stack(none())), None);
    }

    #[test]
    fn without_a_table_no_gateway_is_made() {
        let mut lost = lack("s3", "subnet-0", "a");
        lost.table = None;
        let wanted = wanted(&VpcEndpoints::new(), vec![lost]);
        assert_eq!(wanted.endpoints, VpcEndpoints::new());
        assert_eq!(wanted.missing, Vec::<&str>::new());
    }
}
