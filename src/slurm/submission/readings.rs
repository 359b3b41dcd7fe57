//! Options of `sbatch` whose values are read by a function of their own. Each says what the
//! value should have been.

use crate::slurm::time;

use super::value::Value;
use super::{Description, values};

pub(super) fn array(description: &mut Description, value: &str) -> Result<(), String> {
    if !values::is_array(value) {
        return Err("list of tasks as in 0-9%2 and 1,3,5".to_owned());
    }
    description.put("array", Value::Text(value.to_owned()));
    Ok(())
}

pub(super) fn nodes(description: &mut Description, value: &str) -> Result<(), String> {
    let (least, most) = values::nodes(value).ok_or("number of nodes as in 2 and 2-4")?;
    description.put("minimum_nodes", Value::number(least));
    description.put("maximum_nodes", Value::number(most));
    Ok(())
}

pub(super) fn begin(description: &mut Description, value: &str) -> Result<(), String> {
    let moment = values::moment(value, time::now());
    let moment = moment.ok_or("time as in now+2hours and 2026-11-23T08:00 (UTC)")?;
    description.put("begin_time", Value::number(moment));
    Ok(())
}

pub(super) fn deadline(description: &mut Description, value: &str) -> Result<(), String> {
    let moment = values::moment(value, time::now());
    let moment = moment.ok_or("time as in now+2hours and 2026-11-23T08:00 (UTC)")?;
    description.put("deadline", Value::number(moment));
    Ok(())
}

/// Reads minutes, which the API wants in seconds.
pub(super) fn delay_boot(description: &mut Description, value: &str) -> Result<(), String> {
    let minutes = values::minutes(value).flatten();
    let minutes = minutes
        .filter(|minutes| *minutes < 1 << 24)
        .ok_or("time as in 5")?;
    description.put("delay_boot", Value::number(minutes * 60));
    Ok(())
}

pub(super) fn nice(description: &mut Description, value: &str) -> Result<(), String> {
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

pub(super) fn exclusive(description: &mut Description, value: &str) -> Result<(), String> {
    let shared = match value {
        "" | "exclusive" => "none",
        "user" | "mcs" => value,
        _ => return Err("way to be exclusive: user or mcs, or no value".to_owned()),
    };
    description.put("shared", Value::Words(vec![shared.to_owned()]));
    Ok(())
}

pub(super) fn gpus(description: &mut Description, value: &str) -> Result<(), String> {
    description.put("tres_per_job", Value::Text(gpu(value)?));
    Ok(())
}

pub(super) fn gpus_per_node(description: &mut Description, value: &str) -> Result<(), String> {
    description.per_node.insert("gpus-per-node", gpu(value)?);
    Ok(())
}

pub(super) fn gpus_per_task(description: &mut Description, value: &str) -> Result<(), String> {
    let (kind, number) = value.rsplit_once(':').unwrap_or(("", value));
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!(":{kind}")
    };
    gpu(value)?;
    description.put(
        "tres_per_task",
        Value::Text(format!("gres/gpu{kind}={number}")),
    );
    description.put(
        "tres_bind",
        Value::Text(format!("gres/gpu:per_task:{number}")),
    );
    Ok(())
}

/// Returns GPUs as a trackable resource: `2` and `a100:2`.
fn gpu(value: &str) -> Result<String, String> {
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

pub(super) fn gres(description: &mut Description, value: &str) -> Result<(), String> {
    description.per_node.insert("gres", generic(value)?);
    Ok(())
}

/// Returns generic resources as trackable ones: `gpu:1,license:2`.
fn generic(value: &str) -> Result<String, String> {
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

pub(super) fn mail_type(description: &mut Description, value: &str) -> Result<(), String> {
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

pub(super) fn open_mode(description: &mut Description, value: &str) -> Result<(), String> {
    if !matches!(value, "append" | "truncate") {
        return Err("mode: append or truncate".to_owned());
    }
    description.put("open_mode", Value::Words(vec![value.to_owned()]));
    Ok(())
}

/// Reads `[B:]SIGNAL[@seconds]`.
pub(super) fn signal(description: &mut Description, value: &str) -> Result<(), String> {
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
pub(super) fn switches(description: &mut Description, value: &str) -> Result<(), String> {
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

pub(super) fn variable(description: &mut Description, value: &str) -> Result<(), String> {
    let (name, value) = value.split_once('=').ok_or("variable as in NAME=VALUE")?;
    description.variable(name, value)
}

/// Reads a list of variables. What a shell has here is not there: `ALL` cannot be had, and `NONE`
/// is what every job gets.
pub(super) fn export(description: &mut Description, value: &str) -> Result<(), String> {
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

/// Returns names without the commas between them.
pub(super) fn split(names: &str) -> Vec<String> {
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
