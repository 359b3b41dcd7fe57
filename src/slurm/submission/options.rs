//! The options of `sbatch`, in one table: how each is written, and which fields it sets.

use crate::error::{Error, Result};

use super::readings::{
    array, begin, deadline, delay_boot, exclusive, export, gpus, gpus_per_node, gpus_per_task,
    gres, mail_type, nice, nodes, open_mode, signal, split, switches, variable,
};
use super::value::Value;
use super::{Description, values};

/// How an option's value is read, and where it goes.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// A text, into the field.
    Text(&'static str),
    /// A whole number above zero, into the field.
    Count(&'static str),
    /// A whole number, into the field.
    Whole(&'static str),
    /// A size of memory, into the field.
    Size(&'static str),
    /// A time limit, into the field.
    Time(&'static str),
    /// Names with commas between them, into the field.
    Names(&'static str),
    /// Nothing: the field is set so.
    Sets(&'static str, bool),
    /// By a function of its own.
    Own(fn(&mut Description, &str) -> Result<(), String>),
    /// Not at all, because of this.
    Refused(&'static str),
}

use Reads::{Count, Names, Own, Refused, Sets, Size, Text, Time, Whole};

const OF_SBATCH: &str = "it is about how sbatch itself behaves: leave it out";

/// Long name, short name, reading. The first of two long names is the one of `sbatch`.
const OPTIONS: &[(&str, Option<char>, Reads)] = &[
    ("account", Some('A'), Text("account")),
    ("array", Some('a'), Own(array)),
    ("begin", Some('b'), Own(begin)),
    ("batch", None, Text("batch_features")),
    ("bb", None, Text("burst_buffer")),
    ("chdir", Some('D'), Text("current_working_directory")),
    ("cluster-constraint", None, Text("cluster_constraint")),
    ("comment", None, Text("comment")),
    ("constraint", Some('C'), Text("constraints")),
    ("container", None, Text("container")),
    ("contiguous", None, Sets("contiguous", true)),
    ("core-spec", Some('S'), Count("core_specification")),
    ("cpus-per-task", Some('c'), Count("cpus_per_task")),
    ("deadline", None, Own(deadline)),
    ("delay-boot", None, Own(delay_boot)),
    ("dependency", Some('d'), Text("dependency")),
    ("env", None, Own(variable)),
    ("error", Some('e'), Text("standard_error")),
    ("exclude", Some('x'), Names("excluded_nodes")),
    ("exclusive", None, Own(exclusive)),
    ("export", None, Own(export)),
    ("extra", None, Text("extra")),
    ("gpus", Some('G'), Own(gpus)),
    ("gpus-per-node", None, Own(gpus_per_node)),
    ("gpus-per-task", None, Own(gpus_per_task)),
    ("gres", None, Own(gres)),
    ("hold", Some('H'), Sets("hold", true)),
    ("input", Some('i'), Text("standard_input")),
    ("job-name", Some('J'), Text("name")),
    ("name", None, Text("name")),
    ("licenses", Some('L'), Text("licenses")),
    ("mail-type", None, Own(mail_type)),
    ("mail-user", None, Text("mail_user")),
    ("mem", None, Size("memory_per_node")),
    ("mem-per-cpu", None, Size("memory_per_cpu")),
    ("mincpus", None, Count("minimum_cpus_per_node")),
    ("network", None, Text("network")),
    ("nice", None, Own(nice)),
    ("no-requeue", None, Sets("requeue", false)),
    ("nodelist", Some('w'), Names("required_nodes")),
    ("nodes", Some('N'), Own(nodes)),
    ("ntasks", Some('n'), Count("tasks")),
    ("ntasks-per-core", None, Count("tasks_per_core")),
    ("ntasks-per-node", None, Count("tasks_per_node")),
    ("ntasks-per-socket", None, Count("tasks_per_socket")),
    ("open-mode", None, Own(open_mode)),
    ("output", Some('o'), Text("standard_output")),
    ("overcommit", Some('O'), Sets("overcommit", true)),
    ("partition", Some('p'), Text("partition")),
    ("prefer", None, Text("prefer")),
    ("priority", None, Whole("priority")),
    ("qos", Some('q'), Text("qos")),
    ("reboot", None, Sets("reboot", true)),
    ("requeue", None, Sets("requeue", true)),
    ("reservation", None, Text("reservation")),
    ("signal", None, Own(signal)),
    ("sockets-per-node", None, Count("sockets_per_node")),
    ("switches", None, Own(switches)),
    ("thread-spec", None, Count("thread_specification")),
    ("threads-per-core", None, Count("threads_per_core")),
    ("time", Some('t'), Time("time_limit")),
    ("time-min", None, Time("time_minimum")),
    ("tmp", None, Size("temporary_disk_per_node")),
    ("wckey", None, Text("wckey")),
    (
        "clusters",
        Some('M'),
        Refused("the API speaks with one cluster: choose it by --endpoint"),
    ),
    (
        "get-user-env",
        None,
        Refused("begin the script with `#!/bin/bash -l` instead"),
    ),
    ("gid", None, Refused("a job runs as the token's user")),
    (
        "uid",
        None,
        Refused("a job runs as the token's user: hpcapi token --user NAME"),
    ),
    ("ignore-pbs", None, Refused(OF_SBATCH)),
    ("parsable", None, Refused(OF_SBATCH)),
    ("quiet", Some('Q'), Refused(OF_SBATCH)),
    (
        "test-only",
        None,
        Refused("nothing is submitted with --curl instead"),
    ),
    ("verbose", Some('v'), Refused(OF_SBATCH)),
    (
        "wait",
        Some('W'),
        Refused("leave it out, and: hpcapi jobs wait ID"),
    ),
    (
        "wrap",
        None,
        Refused("give a script instead; - reads it from standard input"),
    ),
];

/// Options of `sbatch` that stand alone, so that what follows them is not their value.
const ALONE: &[&str] = &[
    "ignore-pbs",
    "parsable",
    "quiet",
    "test-only",
    "verbose",
    "wait",
];

/// Options of `sbatch` whose value is optional, and then follows a `=`.
const MAYBE_ALONE: &[&str] = &["exclusive", "get-user-env", "nice"];

/// What an option is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// Its value.
    ByValue,
    /// Nothing, or `=` and its value.
    Maybe,
    /// Nothing.
    ByNothing,
}

/// Returns an option's long name and what it is followed by.
pub(super) fn find(name: &str) -> Option<(&'static str, Followed)> {
    let mut letters = name.chars();
    let (first, is_short) = (letters.next(), letters.next().is_none());
    let (long, _, reads) = OPTIONS.iter().find(|(long, short, _)| {
        *long == name || (is_short && short.is_some() && *short == first)
    })?;
    let followed = match reads {
        Sets(..) => Followed::ByNothing,
        _ if ALONE.contains(long) => Followed::ByNothing,
        _ if MAYBE_ALONE.contains(long) => Followed::Maybe,
        _ => Followed::ByValue,
    };
    Some((long, followed))
}

/// Sets an option by its long name.
pub(super) fn set(description: &mut Description, option: &str, value: &str) -> Result<()> {
    let Some((_, _, reads)) = OPTIONS.iter().find(|(long, ..)| *long == option) else {
        return Err(Error::usage(format!(
            "`--{option}` is no option of sbatch's that hpcapi knows"
        ))
        .hint("those it knows: hpcapi jobs submit --help"));
    };
    let bad = |what: &str| {
        Error::usage(format!(
            "`{}` is no {what} for `--{option}`",
            crate::slurm::client::excerpt(value)
        ))
    };
    let (name, value) = match *reads {
        Text(_) | Names(_) if value.is_empty() || value.chars().any(char::is_control) => {
            return Err(bad("text"));
        }
        Text(name) => (name, Value::Text(value.to_owned())),
        Names(name) => (name, Value::Words(split(value))),
        Count(name) => {
            let count = values::count(value).filter(|count| (1..1 << 31).contains(count));
            (
                name,
                count
                    .map(Value::number)
                    .ok_or_else(|| bad("number above zero"))?,
            )
        }
        Whole(name) => {
            let count = values::count(value).filter(|count| *count < 1 << 32);
            (
                name,
                count
                    .map(Value::number)
                    .ok_or_else(|| bad("whole number"))?,
            )
        }
        Size(name) => {
            let size = values::mebibytes(value);
            (
                name,
                size.map(Value::number)
                    .ok_or_else(|| bad("size as in 512M and 4G"))?,
            )
        }
        Time(name) => match values::minutes(value) {
            Some(minutes) => (name, minutes.map_or(Value::Unlimited, Value::number)),
            None => return Err(bad("time as in 30, 1:30:00 and 2-12")),
        },
        Sets(name, is_set) if value.is_empty() => (name, Value::Flag(is_set)),
        Sets(..) => return Err(bad("value: it takes none, and none is needed")),
        Own(read) => return read(description, value).map_err(|what| bad(&what)),
        Refused(why) => {
            return Err(
                Error::usage(format!("`--{option}` cannot be had over Slurm's API")).hint(why),
            );
        }
    };
    description.put(name, value);
    Ok(())
}
