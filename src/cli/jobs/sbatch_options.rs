//! The options of `sbatch` on the command line, from the one table of them.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::slurm::submission::{Follows, SbatchOption, Whose, sbatch_options};

/// Options of `sbatch` whose names hpcapi's commands have for something else: the file of output is
/// read by `jobs submit` itself, the others stand in the script.
const TAKEN: [&str; 5] = ["output", "profile", "verbose", "help", "version"];

/// The options that were given, as `sbatch` calls them, with their values, in their order.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct SbatchOptions(pub(in crate::cli) Vec<(String, String)>);

/// What is asked of the client itself.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientOptions(Vec<(String, String)>);

impl ClientOptions {
    /// Returns the value of an option, if it was given.
    pub(super) fn get(&self, option: &str) -> Option<&str> {
        let given = self.0.iter().rfind(|(name, _)| name == option);
        given.map(|(_, value)| value.as_str())
    }
}

/// Returns the options that are there for `SbatchOptions`, or for `ClientOptions`.
fn options(is_of_client: bool) -> impl Iterator<Item = &'static SbatchOption> {
    sbatch_options().filter(move |option| {
        (option.whose() == Whose::Client) == is_of_client && !TAKEN.contains(&option.long)
    })
}

fn argument(option: &SbatchOption, heading: &'static str) -> Arg {
    let mut arg = Arg::new(option.long)
        .long(option.long)
        .aliases(option.also)
        .visible_aliases(option.ours)
        .help(option.help)
        .help_heading(heading)
        // Refused by name, with what to do instead.
        .hide(option.whose() == Whose::Nobody);
    // The letters of help and version are clap's, that of the output is the command's.
    if let Some(short) = option.short {
        arg = arg.short(short);
    }
    match option.follows {
        Follows::Nothing => arg.action(ArgAction::SetTrue).overrides_with(option.long),
        Follows::Value(name) => arg
            .value_name(name)
            .action(ArgAction::Append)
            .allow_hyphen_values(true),
        // Behind `=` alone: what follows a blank is the next argument.
        Follows::Maybe(name) => arg
            .value_name(name)
            .action(ArgAction::Append)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(""),
    }
}

/// Reads what was given, in its order: of two values, `sbatch` takes the last.
fn given(matches: &ArgMatches, is_of_client: bool) -> Vec<(String, String)> {
    let mut given = Vec::new();
    for option in options(is_of_client) {
        let places = matches.indices_of(option.long).into_iter().flatten();
        let is_typed =
            matches.value_source(option.long) == Some(clap::parser::ValueSource::CommandLine);
        match option.follows {
            _ if !is_typed => {}
            Follows::Nothing => {
                given.extend(places.map(|place| (place, option.long, String::new())))
            }
            _ => {
                let values = matches
                    .get_many::<String>(option.long)
                    .into_iter()
                    .flatten();
                let values = places.zip(values.cloned());
                given.extend(values.map(|(place, value)| (place, option.long, value)));
            }
        }
    }
    given.sort_by_key(|(place, ..)| *place);
    given
        .into_iter()
        .map(|(_, long, value)| (long.to_owned(), value))
        .collect()
}

impl Args for SbatchOptions {
    fn augment_args(command: Command) -> Command {
        let heading = "What the job is, as sbatch takes it; wins over its file";
        command.args(options(false).map(|option| argument(option, heading)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SbatchOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(SbatchOptions(given(matches, false)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ClientOptions {
    fn augment_args(command: Command) -> Command {
        let heading = "What sbatch does besides";
        command.args(options(true).map(|option| argument(option, heading)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ClientOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(ClientOptions(given(matches, true)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Submit {
        files: Vec<String>,
        #[command(flatten)]
        options: SbatchOptions,
        #[command(flatten)]
        client: ClientOptions,
    }

    fn read(line: &str) -> Submit {
        let words = std::iter::once("submit").chain(line.split(' '));
        <Submit as clap::Parser>::try_parse_from(words).unwrap()
    }

    #[test]
    fn options_are_read_as_sbatch_reads_them() {
        for (line, expected) in [
            ("--job-name=x job.sh", "job-name=x"),
            ("--name x job.sh", "job-name=x"),
            ("--nice job.sh", "nice="),
            ("--nice=5 job.sh", "nice=5"),
            ("--exclusive=user job.sh", "exclusive=user"),
            ("--exclusive job.sh", "exclusive="),
            ("-k -s job.sh", "no-kill= oversubscribe="),
            ("-HJ n job.sh", "hold= job-name=n"),
            (
                "--mem 1G --hold --mem 2G --hold job.sh",
                "mem=1G mem=2G hold=",
            ),
            (
                "--gpus-per-node=1 --mail-type=END --export=NONE --signal=USR1@60 job.sh",
                "gpus-per-node=1 mail-type=END export=NONE signal=USR1@60",
            ),
            (
                "--tasks-per-node 2 --uid me job.sh",
                "ntasks-per-node=2 uid=me",
            ),
        ] {
            let read = read(line);
            let given: Vec<String> = read
                .options
                .0
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(given.join(" "), expected, "{line}");
            assert_eq!(read.files, ["job.sh"], "{line}");
        }
    }

    /// Of all commands that take them, beside their own.
    #[test]
    fn no_name_means_two_things() {
        <crate::cli::Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_the_client_does_is_apart() {
        let read = read("--parsable -W --wrap hostname");
        assert!(read.client.get("wait").is_some() && read.client.get("parsable").is_some());
        assert_eq!(read.client.get("wrap"), Some("hostname"));
        assert_eq!(read.client.get("test-only"), None);
        assert!(read.options.0.is_empty() && read.files.is_empty());
    }
}
