//! Slurm's arguments, as clap reads them: abbreviations of long names, letters together.

use clap::Parser;
use clap::error::ErrorKind;

use crate::error::{Error, Result};
use crate::output;

use super::super::without_empty_variables;

/// What became of arguments.
pub(super) enum Parsed<A> {
    /// They were given so.
    Given(A),
    /// They asked for help, which was printed.
    Answered,
}

/// Reads the words behind the program's name. The error is one line.
pub(super) fn parse<A: Parser>(words: &[String]) -> Result<Parsed<A>> {
    let command = without_empty_variables(A::command());
    let name = command.get_name().to_owned();
    let all = std::iter::once(&name).chain(words);
    let read = command
        .try_get_matches_from(all)
        .and_then(|given| A::from_arg_matches(&given));
    match read {
        Ok(args) => Ok(Parsed::Given(args)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            output::printed(error.print())?;
            Ok(Parsed::Answered)
        }
        Err(error) => {
            let words = error.render().to_string();
            let lines = words.lines().take_while(|line| !line.is_empty());
            let lines: Vec<&str> = lines.map(str::trim).collect();
            let words = lines.join(" ");
            let words = words.trim_start_matches("error: ").to_owned();
            Err(Error::usage(words).hint(format!("{name} --help")))
        }
    }
}

/// Fails when another cluster is meant than the one of the API: `all` are that one.
pub(super) fn require_one_cluster(clusters: Option<&str>) -> Result<()> {
    match clusters {
        None | Some("all") => Ok(()),
        Some(names) => Err(Error::usage(format!(
            "`--clusters {names}`: the API speaks with one cluster"
        ))
        .hint("leave it out, and choose the cluster by HPCAPI_ENDPOINT")),
    }
}
