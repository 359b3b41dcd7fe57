//! How a call was made, from what clap has read of it: with it the hints of the call's error are spelled.

use clap::{ArgMatches, Args, Command};

use crate::error::Error;
use crate::hint::Again;

use super::account_args::AccountArgs;
use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, program};
use super::network_args::NetworkArgs;
use super::part_args::PartArgs;
use super::reach::ReachArgs;

/// An error of a call, and how the call was made.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// How to call this program again.
    pub again: Again,
}

/// Returns how to call a program of which no arguments are known.
pub(super) fn unknown() -> Again {
    Again::of(program())
}

/// Returns how to call the program again for what this call of it means.
pub(super) fn again(program: Command, given: &ArgMatches) -> Again {
    let (mut command, mut given) = (&program, given);
    while let Some((name, below)) = given.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        (command, given) = (found, below);
    }
    if let Some(reach) = read::<ReachArgs>(command, given) {
        return reach.again();
    }
    let Some(deployment) = read::<DeploymentArgs>(command, given) else {
        return unknown();
    };
    let mut cluster = read::<ClusterArgs>(command, given).unwrap_or_default();
    cluster.forget_pipe();
    if let Some(parts) = read::<PartArgs>(command, given) {
        parts.tell(&mut cluster);
    }
    if let Some(network) = read::<NetworkArgs>(command, given) {
        cluster.network = network;
    }
    if let Some(account) = read::<AccountArgs>(command, given) {
        // What cannot be together is what the call failed by.
        let _ = account.tell(&mut cluster);
    }
    deployment.again(&cluster)
}

/// Returns arguments of a command, if it takes them.
fn read<T: Args>(command: &Command, given: &ArgMatches) -> Option<T> {
    let group = T::group_id()?;
    let takes = command.get_groups().any(|it| *it.get_id() == group);
    takes.then(|| T::from_arg_matches(given).ok())?
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;
    use crate::hint::{AwsCall, Hint, Takes, Verb};

    fn typed(words: &[&str], hint: &Hint) -> String {
        let all = ["hpcapi"].iter().chain(words);
        let given = Cli::command().try_get_matches_from(all).unwrap();
        let again = Again {
            program: "hpcapi".to_owned(),
            ..again(Cli::command(), &given)
        };
        again.hint(hint)
    }

    #[test]
    fn a_hint_is_for_what_the_call_was_for() {
        let list = Hint::run(Verb::JobsList);
        for (words, hint, line) in [
            (
                &["jobs", "show", "9", "--sandbox", "--deployment", "x"][..],
                &list,
                "hpcapi jobs list --deployment x --sandbox",
            ),
            (
                &[
                    "jobs",
                    "show",
                    "9",
                    "--endpoint",
                    "https://a",
                    "--cacert",
                    "my ca",
                ],
                &list,
                "hpcapi jobs list --endpoint https://a --cacert 'my ca'",
            ),
            (
                &["ping", "--via", "operations", "--region", "eu-west-1"],
                &list,
                "hpcapi jobs list --region eu-west-1 --via operations",
            ),
            (
                &["--via", "operations", "runs", "list"],
                &Hint::run(Verb::Status),
                "hpcapi status",
            ),
            (
                &["up", "--config", "a.yaml", "--profile", "work"],
                &Hint::run(Verb::Doctor),
                "hpcapi doctor --profile work --config a.yaml",
            ),
            (
                &["plan", "--operations", "--bucket", "b-1"],
                &Hint::run(Verb::Up),
                "hpcapi up --bucket b-1 --operations",
            ),
            (
                &["plan", "--vpc", "vpc-01234567", "--vpc-endpoints"],
                &Hint::run(Verb::Up),
                "hpcapi up --vpc vpc-01234567 --vpc-endpoints",
            ),
            (
                &["plan", "--tag", "Owner=my team", "--tag", "a="],
                &Hint::run(Verb::Up),
                "hpcapi up --tag Owner='my team' --tag a=''",
            ),
            (
                &["up", "--permissions-boundary", "arn:aws:iam::aws:policy/B"],
                &Hint::run(Verb::Plan),
                "hpcapi plan --permissions-boundary arn:aws:iam::aws:policy/B",
            ),
            (
                &["up", "--iam-prefix", "/team/lab-"],
                &Hint::run(Verb::Plan),
                "hpcapi plan --iam-prefix /team/lab-",
            ),
            (
                &["up", "--service-role", "arn:aws:iam::123456789012:role/R"],
                &Hint::run(Verb::Plan),
                "hpcapi plan --service-role arn:aws:iam::123456789012:role/R",
            ),
            (
                &["up", "--config", "-"],
                &Hint::run(Verb::Doctor),
                "hpcapi doctor",
            ),
            (
                &["status", "--profile", "work", "--region", "af-south-1"],
                &Hint::run(AwsCall::anywhere("account enable-region")),
                "aws account enable-region --profile work",
            ),
            (&["sandbox", "start"], &list, "hpcapi jobs list"),
        ] {
            assert_eq!(typed(words, hint), line, "{words:?}");
        }
    }

    #[test]
    fn every_verb_of_a_hint_is_there_and_takes_what_it_is_given() {
        for verb in Verb::all() {
            let program = Cli::command();
            let mut command = &program;
            for word in verb.words().split(' ') {
                let found = command.find_subcommand(word);
                command = found.unwrap_or_else(|| panic!("{verb:?}"));
            }
            let takes = |option: &str| {
                let mut options = command.get_arguments().filter_map(clap::Arg::get_long);
                options.any(|own| own == option)
            };
            let expected: &[&str] = match verb.takes() {
                Takes::Nothing => &[],
                Takes::Name => &["deployment", "settings"],
                Takes::Deployment => &["deployment", "settings", "region", "profile", "sandbox"],
                Takes::Slurm => &[
                    "deployment",
                    "settings",
                    "sandbox",
                    "endpoint",
                    "cacert",
                    "via",
                ],
                Takes::Cluster => &["deployment", "sandbox", "config", "key-name", "pcluster"],
                Takes::Up => &[
                    "config",
                    "bucket",
                    "notify",
                    "ttl",
                    "idle",
                    "operations",
                    "vpc",
                    "vpc-endpoints",
                    "tag",
                    "permissions-boundary",
                    "iam-prefix",
                    "service-role",
                ],
            };
            for option in expected {
                assert!(takes(option), "{verb:?} --{option}");
            }
            if verb.takes() == Takes::Nothing {
                assert!(!takes("deployment"), "{verb:?}");
            }
        }
    }
}
