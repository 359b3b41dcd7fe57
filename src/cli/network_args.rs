//! The arguments about the network: that of the user's which is used, or how one is made.

use std::str::FromStr;

use clap::Args;

use crate::address_range::AddressRange;
use crate::error::{Error, Result};
use crate::settings::{EndpointFate, NetworkChoice, NewNetworkChoice};
use crate::shell::quoted;

/// The network that the deployment is in.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct NetworkArgs {
    /// Use this VPC of yours as it is, instead of making a network: see docs/network.md
    #[arg(long, value_name = "ID", value_parser = vpc_id)]
    vpc: Option<String>,

    /// Its subnet for the head node [default: the one with the tag hpcapi:role=head-node]
    #[arg(long, value_name = "ID", value_parser = subnet_id)]
    head_node_subnet: Option<String>,

    /// One or two of its subnets for compute nodes [default: those with the tag hpcapi:role=compute]
    #[arg(long, value_name = "ID,ID")]
    compute_subnets: Option<SubnetIds>,

    /// Two or more of its subnets, in different zones, for load balancer and VPC link [default: those
    /// with the tag hpcapi:role=api, else the compute subnets]
    #[arg(long, value_name = "ID,ID")]
    api_subnets: Option<SubnetIds>,

    /// Make the VPC endpoints that nodes need and that it lacks [default: as it is]
    #[arg(long)]
    vpc_endpoints: bool,

    /// Make the network in these two zones, by name or id; the head node is in the first [default: two
    /// that take VPC links and offer the instance types]
    #[arg(long, value_name = "ZONE,ZONE")]
    zones: Option<ZonePair>,

    /// Make the network with this private address range, from /16 to /22 [default: 10.0.0.0/16]
    #[arg(long, value_name = "CIDR")]
    vpc_cidr: Option<AddressRange>,
}

/// Two zones, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZonePair([String; 2]);

impl FromStr for ZonePair {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_called_so = |zone: &str| {
            let is_taken = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !zone.is_empty() && zone.len() <= 64 && zone.chars().all(is_taken)
        };
        let zones: Vec<_> = text.split(',').map(str::trim).collect();
        let error = match zones.as_slice() {
            [one, other] if one == other && is_called_so(one) => {
                format!("`{one}` stands there twice")
            }
            [one, other] if is_called_so(one) && is_called_so(other) => {
                return Ok(ZonePair([one, other].map(|zone| (*zone).to_owned())));
            }
            _ => format!("`{text}` is not two zones"),
        };
        Err(Error::usage(error).hint("for example: us-east-1a,us-east-1c"))
    }
}

/// Ids of subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubnetIds(Vec<String>);

impl FromStr for SubnetIds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let ids: Result<Vec<_>> = text.split(',').map(|id| subnet_id(id.trim())).collect();
        let ids = ids?;
        let mut numbered = ids.iter().enumerate();
        if let Some((_, id)) = numbered.find(|(at, id)| ids[..*at].contains(id)) {
            return Err(Error::usage(format!("`{id}` stands there twice")));
        }
        Ok(SubnetIds(ids))
    }
}

impl NetworkArgs {
    /// Returns the network that they name, and how one is made; fails where both are said.
    pub(super) fn choices(&self) -> Result<(Option<NetworkChoice>, NewNetworkChoice)> {
        let there = self.there()?;
        let made = NewNetworkChoice {
            zones: self.zones.clone().map(|zones| zones.0),
            range: self.vpc_cidr,
        };
        let said = self.words_of_new();
        if there.is_some() && !said.is_empty() {
            let said: Vec<_> = said
                .iter()
                .map(|(option, _)| format!("--{option}"))
                .collect();
            let said = said.join(" and ");
            return Err(Error::usage(format!(
                "--vpc uses a network that is there, and {said} {} how one is made",
                if said.contains(' ') { "say" } else { "says" }
            ))
            .hint(format!("leave out --vpc, or {said}")));
        }
        Ok((there, made))
    }

    /// Returns the network that they name; fails on subnets of no VPC.
    fn there(&self) -> Result<Option<NetworkChoice>> {
        let Some(vpc) = self.vpc.clone() else {
            return match self.words_of_there().first() {
                None => Ok(None),
                Some((option, _)) => Err(Error::usage(format!(
                    "--{option} names a subnet of a network of yours, and no VPC is named"
                ))
                .hint("add --vpc ID, or leave it out: `up` makes a network")),
            };
        };
        let ids = |ids: &Option<SubnetIds>| ids.clone().map(|ids| ids.0).unwrap_or_default();
        Ok(Some(NetworkChoice {
            vpc,
            head_node_subnet: self.head_node_subnet.clone(),
            compute_subnets: ids(&self.compute_subnets),
            api_subnets: ids(&self.api_subnets),
        }))
    }

    /// Returns what becomes of VPC endpoints. That there is a VPC of the user's the deployment may know.
    pub(super) fn endpoints(&self) -> EndpointFate {
        match self.vpc_endpoints {
            true => EndpointFate::Made,
            false => EndpointFate::AsItIs,
        }
    }

    /// Returns the options as they can be typed again.
    pub(super) fn options(&self) -> String {
        let typed = |words: Words| {
            let typed = words.into_iter();
            typed.map(|(option, value)| format!(" --{option} {}", quoted(&value)))
        };
        let endpoints = self.vpc_endpoints.then(|| " --vpc-endpoints".to_owned());
        let of_there = typed(self.words_of_there()).chain(endpoints);
        of_there.chain(typed(self.words_of_new())).collect()
    }

    /// Returns the options that were given of a network that is there, with their values.
    fn words_of_there(&self) -> Words {
        let list = |ids: &Option<SubnetIds>| ids.as_ref().map(|ids| ids.0.join(","));
        given([
            ("vpc", self.vpc.clone()),
            ("head-node-subnet", self.head_node_subnet.clone()),
            ("compute-subnets", list(&self.compute_subnets)),
            ("api-subnets", list(&self.api_subnets)),
        ])
    }

    /// Returns the options that were given of a network that is made, with their values.
    fn words_of_new(&self) -> Words {
        let zones = self.zones.as_ref();
        given([
            ("zones", zones.map(|zones| zones.0.join(","))),
            ("vpc-cidr", self.vpc_cidr.map(|range| range.to_string())),
        ])
    }
}

/// Options with their values.
type Words = Vec<(&'static str, String)>;

/// Returns the options that have a value.
fn given<const N: usize>(all: [(&'static str, Option<String>); N]) -> Words {
    let all = all.into_iter();
    all.filter_map(|(option, value)| Some((option, value?)))
        .collect()
}

/// Reads the id of a VPC.
pub(super) fn vpc_id(text: &str) -> Result<String> {
    id("vpc-", "a VPC", text)
}

/// Reads the id of a subnet.
pub(super) fn subnet_id(text: &str) -> Result<String> {
    id("subnet-", "a subnet", text)
}

/// EC2's ids end with 8 hexadecimal digits, those of since 2018 with 17.
fn id(prefix: &str, what: &str, text: &str) -> Result<String> {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match matches!(digits.len(), 8 | 17) && digits.chars().all(is_digit) {
        true => Ok(text.to_owned()),
        false => Err(Error::usage(format!("`{text}` is no id of {what}"))
            .hint(format!("ids look like {prefix}0123456789abcdef0"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Call {
        #[command(flatten)]
        network: NetworkArgs,
    }

    const VPC: &str = "vpc-0123456789abcdef0";
    const SUBNETS: [&str; 2] = ["subnet-0123456789abcdef0", "subnet-0123abcd"];

    fn parsed(words: &[&str]) -> NetworkArgs {
        let call = Call::try_parse_from(["up"].iter().chain(words)).unwrap();
        call.network
    }

    #[test]
    fn what_was_given_can_be_typed_again_and_is_the_choice() {
        let [one, other] = SUBNETS;
        let both = format!("{one},{other}");
        let words = ["--vpc", VPC, "--compute-subnets", &both, "--vpc-endpoints"];
        let args = parsed(&words);
        assert_eq!(args.endpoints(), EndpointFate::Made);
        assert_eq!(parsed(&words[..4]).endpoints(), EndpointFate::AsItIs);
        assert_eq!(shlex::split(&args.options()).unwrap(), words);
        let choice = args.choices().unwrap().0.unwrap();
        assert_eq!(choice.compute_subnets, SUBNETS);
        assert_eq!(
            (choice.head_node_subnet, choice.api_subnets),
            (None, vec![])
        );
        let nothing = (None, NewNetworkChoice::default());
        assert_eq!(parsed(&[]).choices().unwrap(), nothing);
        // Whether the deployment has a network of the user's is not known here.
        assert_eq!(parsed(&["--vpc-endpoints"]).choices().unwrap(), nothing);
    }

    #[test]
    fn how_a_network_is_made_can_be_typed_again_and_is_the_choice() {
        let words = [
            "--zones",
            "us-east-1c,use1-az4",
            "--vpc-cidr",
            "10.20.0.0/20",
        ];
        let args = parsed(&words);
        assert_eq!(shlex::split(&args.options()).unwrap(), words);
        let (there, made) = args.choices().unwrap();
        let zones = ["us-east-1c", "use1-az4"].map(str::to_owned);
        assert_eq!(there, None);
        assert_eq!(made.zones, Some(zones));
        assert_eq!(made.range.unwrap().to_string(), "10.20.0.0/20");
    }

    #[test]
    fn a_network_that_is_there_is_not_made() {
        for (words, told) in [
            (
                &["--zones", "a,b"][..],
                "--vpc uses a network that is there, and --zones says how one is made",
            ),
            (
                &["--vpc-cidr", "10.0.0.0/16", "--zones", "a,b"],
                "--vpc uses a network that is there, and --zones and --vpc-cidr say how one is made",
            ),
        ] {
            let error = parsed(&[&["--vpc", VPC], words].concat()).choices();
            assert_eq!(error.unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn a_subnet_of_no_vpc_is_an_error_that_names_the_option() {
        let error = parsed(&["--api-subnets", SUBNETS[0]]).choices();
        let error = error.unwrap_err();
        assert!(
            error.to_string().starts_with("--api-subnets names"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for bad in [
            "",
            "vpc-",
            "vpc-012345678",
            "vpc-0123456G",
            "subnet-01234567",
        ] {
            assert!(vpc_id(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            ",",
            "subnet-0123abcd,subnet-0123abcd",
            "subnet-0123abcd,",
        ] {
            assert!(bad.parse::<SubnetIds>().is_err(), "{bad}");
        }
        assert!("subnet-0123abcd".parse::<SubnetIds>().is_ok());
        for bad in ["", "a", "a,", ",", "a,b,c", "a,a", "A,b", "a b,c"] {
            assert!(bad.parse::<ZonePair>().is_err(), "{bad}");
        }
        assert!("us-east-1a, use1-az4".parse::<ZonePair>().is_ok());
    }
}
