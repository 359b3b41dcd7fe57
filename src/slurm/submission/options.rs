//! The options of `sbatch`, in one table: how each is written, and which fields it sets.

use crate::error::{Error, Result};
use crate::slurm::time;

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
    ("delay-boot", None, Whole("delay_boot")),
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
    ("tres-per-task", None, Text("tres_per_task")),
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

fn split(names: &str) -> Vec<String> {
    // A comma inside of brackets belongs to the name.
    let mut depth = 0_u32;
    let parts = names.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .filter(|part| !part.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

fn array(description: &mut Description, value: &str) -> Result<(), String> {
    if !values::is_array(value) {
        return Err("list of tasks as in 0-9%2 and 1,3,5".to_owned());
    }
    description.put("array", Value::Text(value.to_owned()));
    Ok(())
}

fn nodes(description: &mut Description, value: &str) -> Result<(), String> {
    let (least, most) = values::nodes(value).ok_or("number of nodes as in 2 and 2-4")?;
    description.put("minimum_nodes", Value::number(least));
    description.put("maximum_nodes", Value::number(most));
    Ok(())
}

fn begin(description: &mut Description, value: &str) -> Result<(), String> {
    let moment = values::moment(value, time::now());
    let moment = moment.ok_or("time as in now+2hours and 2026-11-23T08:00 (UTC)")?;
    description.put("begin_time", Value::number(moment));
    Ok(())
}

fn deadline(description: &mut Description, value: &str) -> Result<(), String> {
    let moment = values::moment(value, time::now());
    let moment = moment.ok_or("time as in now+2hours and 2026-11-23T08:00 (UTC)")?;
    description.put("deadline", Value::number(moment));
    Ok(())
}

fn nice(description: &mut Description, value: &str) -> Result<(), String> {
    let nice = match value {
        "" => Some(100),
        value => value.parse::<i64>().ok(),
    };
    let nice = nice
        .filter(|nice| nice.unsigned_abs() < 1 << 31)
        .ok_or("number")?;
    description.put("nice", Value::Number(nice));
    Ok(())
}

fn exclusive(description: &mut Description, value: &str) -> Result<(), String> {
    let shared = match value {
        "" | "exclusive" => "none",
        "user" | "mcs" => value,
        _ => return Err("way to be exclusive: user or mcs, or no value".to_owned()),
    };
    description.put("shared", Value::Words(vec![shared.to_owned()]));
    Ok(())
}

fn gpus(description: &mut Description, value: &str) -> Result<(), String> {
    description.put("tres_per_job", Value::Text(gpu(value)?));
    Ok(())
}

fn gpus_per_node(description: &mut Description, value: &str) -> Result<(), String> {
    description.put("tres_per_node", Value::Text(gpu(value)?));
    Ok(())
}

fn gpus_per_task(description: &mut Description, value: &str) -> Result<(), String> {
    description.put("tres_per_task", Value::Text(gpu(value)?));
    Ok(())
}

/// Returns GPUs as a trackable resource: `2` and `a100:2`.
pub(super) fn gpu(value: &str) -> Result<String, String> {
    let (kind, number) = value.rsplit_once(':').unwrap_or(("", value));
    let is_number = values::count(number).is_some_and(|number| number > 0);
    let is_kind = kind
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if !is_number || !is_kind {
        return Err("number of GPUs as in 2 and a100:2".to_owned());
    }
    Ok(format!("gres/gpu:{value}"))
}

fn gres(description: &mut Description, value: &str) -> Result<(), String> {
    description.put("tres_per_node", Value::Text(generic(value)?));
    Ok(())
}

/// Returns generic resources as trackable ones: `gpu:1,license:2`.
pub(super) fn generic(value: &str) -> Result<String, String> {
    let is_part = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.:/=()".contains(c))
    };
    let parts: Vec<&str> = value.split(',').collect();
    if !parts.iter().all(is_part) {
        return Err("list of resources as in gpu:1".to_owned());
    }
    let named = parts
        .iter()
        .map(|part| format!("gres/{}", part.trim_start_matches("gres/")));
    Ok(named.collect::<Vec<_>>().join(","))
}

fn mail_type(description: &mut Description, value: &str) -> Result<(), String> {
    let words: Vec<String> = split(value)
        .iter()
        .map(|word| word.to_uppercase())
        .collect();
    let is_known = |word: &String| {
        matches!(
            word.as_str(),
            "NONE"
                | "BEGIN"
                | "END"
                | "FAIL"
                | "REQUEUE"
                | "ALL"
                | "INVALID_DEPEND"
                | "STAGE_OUT"
                | "TIME_LIMIT"
                | "TIME_LIMIT_90"
                | "TIME_LIMIT_80"
                | "TIME_LIMIT_50"
                | "ARRAY_TASKS"
        )
    };
    if words.is_empty() || !words.iter().all(is_known) {
        return Err("occasion for a mail as in END,FAIL".to_owned());
    }
    let words = words.iter().flat_map(|word| match word.as_str() {
        "NONE" => Vec::new(),
        "ALL" => [
            "BEGIN",
            "END",
            "FAIL",
            "REQUEUE",
            "INVALID_DEPEND",
            "STAGE_OUT",
        ]
        .to_vec(),
        word => vec![word],
    });
    let words: Vec<String> = words.map(ToOwned::to_owned).collect();
    description.put("mail_type", Value::Words(words));
    Ok(())
}

fn open_mode(description: &mut Description, value: &str) -> Result<(), String> {
    if !matches!(value, "append" | "truncate") {
        return Err("mode: append or truncate".to_owned());
    }
    description.put("open_mode", Value::Words(vec![value.to_owned()]));
    Ok(())
}

/// Reads `[B:]SIGNAL[@seconds]`.
fn signal(description: &mut Description, value: &str) -> Result<(), String> {
    let what = || "signal as in USR1@60 and B:USR1@60".to_owned();
    let (flags, rest) = value.split_once(':').unwrap_or(("", value));
    let (signal, seconds) = rest.split_once('@').unwrap_or((rest, "60"));
    let name = signal.trim_start_matches("SIG");
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    let seconds = values::count(seconds)
        .filter(|seconds| *seconds < 65_533)
        .ok_or_else(what)?;
    let flags = match flags {
        "" => Vec::new(),
        "B" => vec!["BATCH_JOB".to_owned()],
        _ => return Err(what()),
    };
    if !is_name {
        return Err(what());
    }
    description.put("kill_warning_signal", Value::Text(name.to_owned()));
    description.put("kill_warning_delay", Value::number(seconds));
    description.put("kill_warning_flags", Value::Words(flags));
    Ok(())
}

/// Reads `count[@time]`.
fn switches(description: &mut Description, value: &str) -> Result<(), String> {
    let (count, limit) = value
        .split_once('@')
        .map_or((value, None), |(a, b)| (a, Some(b)));
    let what = || "number of switches as in 1 and 1@10".to_owned();
    let count = values::count(count)
        .filter(|count| *count < 1 << 31)
        .ok_or_else(what)?;
    description.put("required_switches", Value::number(count));
    if let Some(limit) = limit {
        let minutes = values::minutes(limit).flatten().ok_or_else(what)?;
        description.put("wait_for_switch", Value::number(minutes.saturating_mul(60)));
    }
    Ok(())
}

fn variable(description: &mut Description, value: &str) -> Result<(), String> {
    let (name, value) = value.split_once('=').ok_or("variable as in NAME=VALUE")?;
    description.variable(name, value)
}

/// Reads a list of variables. What a shell has here is not there: `ALL` cannot be had, and `NONE`
/// is what every job gets.
fn export(description: &mut Description, value: &str) -> Result<(), String> {
    for part in value.split(',') {
        match part.split_once('=') {
            Some((name, value)) => description.variable(name, value)?,
            None if part.eq_ignore_ascii_case("none") || part.eq_ignore_ascii_case("nil") => {}
            None => {
                return Err(
                    "list of NAME=VALUE: a job over the API gets no variables of this \
                            shell's, so name their values"
                        .to_owned(),
                );
            }
        }
    }
    Ok(())
}
