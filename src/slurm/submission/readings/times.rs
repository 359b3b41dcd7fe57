//! Moments, signals and spans.

use crate::slurm::time;

use super::super::value::Value;
use super::super::{Description, moments, values};

/// What a moment looks like.
const MOMENT: &str = "time as in now+2hours, 16:00, tomorrow and 2026-11-23T08:00 (UTC)";

pub(in super::super) fn begin(description: &mut Description, value: &str) -> Result<(), String> {
    moment(description, "begin_time", value)
}

pub(in super::super) fn deadline(description: &mut Description, value: &str) -> Result<(), String> {
    moment(description, "deadline", value)
}

fn moment(description: &mut Description, field: &'static str, value: &str) -> Result<(), String> {
    let moment = moments::moment(value, time::now()).ok_or(MOMENT)?;
    description.put(field, Value::number(moment));
    Ok(())
}

/// Reads minutes, which the API wants in seconds.
pub(in super::super) fn delay_boot(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let seconds = values::seconds(value).flatten();
    let seconds = seconds
        .filter(|seconds| *seconds < 1 << 30)
        .ok_or("time as in 5")?;
    description.put("delay_boot", Value::number(seconds));
    Ok(())
}

/// The signals that Slurm knows by name.
const SIGNALS: &[&str] = &[
    "HUP", "INT", "QUIT", "ABRT", "KILL", "ALRM", "TERM", "CHLD", "USR1", "USR2", "PIPE", "URG",
    "CONT", "STOP", "TSTP", "TTIN", "TTOU", "XCPU",
];

/// Returns a signal as Slurm's API takes it.
pub(in super::super) fn signal_name(text: &str) -> Option<String> {
    let upper = text.trim().to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_number = values::whole(name).is_some_and(|number| (1..65_534).contains(&number));
    (is_number || SIGNALS.contains(&name)).then(|| name.trim_start_matches('+').to_owned())
}

/// Reads `[R][B][:]SIGNAL[@seconds]`.
pub(in super::super) fn signal(description: &mut Description, value: &str) -> Result<(), String> {
    let what = || "signal as in USR1@60 and B:USR1@60".to_owned();
    let mut rest = value;
    let mut flags = Vec::new();
    while let Some(letter) = rest.chars().next().filter(|c| "RrBb".contains(*c)) {
        flags.push(match letter {
            'R' | 'r' => "RESERVATION_JOB".to_owned(),
            _ => "BATCH_JOB".to_owned(),
        });
        rest = &rest[1..];
    }
    flags.sort();
    flags.dedup();
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let (signal, seconds) = rest.split_once('@').unwrap_or((rest, "60"));
    let name = signal_name(signal).ok_or_else(what)?;
    let seconds = values::whole(seconds).filter(|seconds| *seconds < 65_534);
    let seconds = seconds.ok_or_else(what)?;
    description.put("kill_warning_signal", Value::Text(name));
    description.put("kill_warning_delay", Value::number(seconds));
    description.put("kill_warning_flags", Value::Words(flags));
    Ok(())
}

/// Reads `count[@time]`.
pub(in super::super) fn switches(description: &mut Description, value: &str) -> Result<(), String> {
    let what = || "number of switches as in 1 and 1@10".to_owned();
    let (count, limit) = match value.split_once('@') {
        Some((count, limit)) => (count, Some(limit)),
        None => (value, None),
    };
    let count = values::whole(count).filter(|count| *count > 0);
    description.put("required_switches", Value::number(count.ok_or_else(what)?));
    if let Some(limit) = limit {
        let seconds = values::seconds(limit).flatten().ok_or_else(what)?;
        description.put("wait_for_switch", Value::number(seconds));
    }
    Ok(())
}
