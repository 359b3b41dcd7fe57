//! The options of `sbatch` that `jobs submit` takes: a table, read into a list of what was set.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

/// What an option takes.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// One value, named so in the help.
    Value(&'static str),
    /// A value each time it is given.
    Values(&'static str),
    /// Nothing.
    Nothing,
}

use Takes::{Nothing, Value, Values};

/// Long name, short name, what it takes, help.
const OPTIONS: [(&str, Option<char>, Takes, &str); 31] = [
    (
        "name",
        Some('J'),
        Value("NAME"),
        "The job's name [default: the file's]",
    ),
    (
        "partition",
        Some('p'),
        Value("NAMES"),
        "Where it may run: hpcapi partitions",
    ),
    ("nodes", Some('N'), Value("MIN[-MAX]"), "How many nodes"),
    ("ntasks", Some('n'), Value("COUNT"), "How many tasks"),
    (
        "cpus-per-task",
        Some('c'),
        Value("COUNT"),
        "How many CPUs for each task",
    ),
    (
        "ntasks-per-node",
        None,
        Value("COUNT"),
        "How many tasks on each node",
    ),
    (
        "mem",
        None,
        Value("SIZE"),
        "Memory of each node, as in 512M and 4G",
    ),
    ("mem-per-cpu", None, Value("SIZE"), "Memory of each CPU"),
    (
        "time",
        Some('t'),
        Value("TIME"),
        "How long it may run: minutes, h:m:s or days-hours",
    ),
    (
        "array",
        Some('a'),
        Value("INDICES"),
        "Tasks of an array, as in 0-9%2",
    ),
    (
        "chdir",
        Some('D'),
        Value("FOLDER"),
        "Its folder on the cluster [default: the user's home]",
    ),
    (
        "input",
        Some('i'),
        Value("FILE"),
        "The file on the cluster that it reads",
    ),
    (
        "error",
        Some('e'),
        Value("FILE"),
        "The file on the cluster for its standard error",
    ),
    (
        "env",
        None,
        Values("NAME=VALUE"),
        "A variable of its environment; may be given again",
    ),
    (
        "dependency",
        Some('d'),
        Value("WHAT"),
        "What it waits for, as in afterok:12",
    ),
    ("comment", None, Value("TEXT"), "A remark"),
    ("account", Some('A'), Value("NAME"), "Who is charged"),
    ("qos", Some('q'), Value("NAME"), "Quality of service"),
    (
        "constraint",
        Some('C'),
        Value("FEATURES"),
        "Features that its nodes must have",
    ),
    (
        "gres",
        None,
        Value("LIST"),
        "Generic resources of each node, as in gpu:1",
    ),
    ("gpus", Some('G'), Value("COUNT"), "How many GPUs"),
    (
        "nodelist",
        Some('w'),
        Value("NODES"),
        "Nodes that it must have",
    ),
    (
        "exclude",
        Some('x'),
        Value("NODES"),
        "Nodes that it must not have",
    ),
    ("begin", Some('b'), Value("TIME"), "When it may start"),
    ("licenses", Some('L'), Value("LIST"), "Licenses"),
    (
        "reservation",
        None,
        Value("NAME"),
        "The reservation that it runs in",
    ),
    (
        "nice",
        None,
        Value("NUMBER"),
        "By how much it lets others go first",
    ),
    ("exclusive", None, Nothing, "No other job on its nodes"),
    (
        "hold",
        Some('H'),
        Nothing,
        "Do not start it until it is released",
    ),
    ("requeue", None, Nothing, "Start it anew when a node fails"),
    ("no-requeue", None, Nothing, "Never start it anew"),
];

/// The options that were given, as `sbatch` calls them, with their values.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct SbatchOptions(pub(in crate::cli) Vec<(String, String)>);

/// Returns an option by the name that `sbatch` has for it.
pub(in crate::cli) fn as_sbatch_has_it((option, value): (String, String)) -> (String, String) {
    match option.as_str() {
        "name" => ("job-name".to_owned(), value),
        _ => (option, value),
    }
}

impl Args for SbatchOptions {
    fn augment_args(command: Command) -> Command {
        let options = OPTIONS.map(|(long, short, takes, help)| {
            let arg = Arg::new(long)
                .long(long)
                .help(help)
                .help_heading("What the job is, as sbatch takes it; wins over its file");
            let arg = match short {
                Some(short) => arg.short(short),
                None => arg,
            };
            match takes {
                Value(name) => arg.value_name(name).allow_hyphen_values(true),
                Values(name) => arg
                    .value_name(name)
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true),
                Nothing => arg.action(ArgAction::SetTrue),
            }
        });
        command.args(options)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SbatchOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Vec::new();
        for (long, _, takes, _) in OPTIONS {
            match takes {
                Nothing if matches.get_flag(long) => given.push((long.to_owned(), String::new())),
                Nothing => {}
                Value(_) | Values(_) => {
                    let values = matches.get_many::<String>(long).into_iter().flatten();
                    given.extend(values.map(|value| (long.to_owned(), value.clone())));
                }
            }
        }
        Ok(SbatchOptions(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
