//! The arguments that name a network which is there already.

use std::str::FromStr;

use clap::Args;

use crate::error::{Error, Result};
use crate::settings::NetworkChoice;
use crate::shell::quoted;

/// A network of yours, for a deployment that does not make one.
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
    /// Returns the network that they name; fails on subnets of no VPC.
    pub(super) fn choice(&self) -> Result<Option<NetworkChoice>> {
        let Some(vpc) = self.vpc.clone() else {
            return match self.words().first() {
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

    /// Returns the options as they can be typed again.
    pub(super) fn options(&self) -> String {
        let words = self.words().into_iter();
        let typed = words.map(|(option, value)| format!(" --{option} {}", quoted(&value)));
        typed.collect()
    }

    /// Returns the options that were given, with their values.
    fn words(&self) -> Vec<(&'static str, String)> {
        let list = |ids: &Option<SubnetIds>| ids.as_ref().map(|ids| ids.0.join(","));
        let all = [
            ("vpc", self.vpc.clone()),
            ("head-node-subnet", self.head_node_subnet.clone()),
            ("compute-subnets", list(&self.compute_subnets)),
            ("api-subnets", list(&self.api_subnets)),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(option, value)| Some((option, value?)))
            .collect()
    }
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
        let words = ["--vpc", VPC, "--compute-subnets", &both];
        let args = parsed(&words);
        assert_eq!(shlex::split(&args.options()).unwrap(), words);
        let choice = args.choice().unwrap().unwrap();
        assert_eq!(choice.compute_subnets, SUBNETS);
        assert_eq!(
            (choice.head_node_subnet, choice.api_subnets),
            (None, vec![])
        );
        assert_eq!(parsed(&[]).choice().unwrap(), None);
    }

    #[test]
    fn a_subnet_of_no_vpc_is_an_error_that_names_the_option() {
        let error = parsed(&["--api-subnets", SUBNETS[0]]).choice().unwrap_err();
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
    }
}
