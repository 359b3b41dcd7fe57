//! Values as Slurm's programs write them.

use crate::error::{Error, Result};
use crate::slurm::time;

/// The variable that says how times are written.
const TIME_FORMAT: &str = "SLURM_TIME_FORMAT";

/// Fails when times are wanted in a way that cannot be had.
pub(super) fn require_time_format() -> Result<()> {
    match std::env::var(TIME_FORMAT).unwrap_or_default().as_str() {
        "" | "standard" | "iso8601" | "%s" => Ok(()),
        other => Err(
            Error::usage(format!("{TIME_FORMAT} is `{other}`")).hint(format!(
                "times can be had as `standard` and `%s`: unset {TIME_FORMAT}"
            )),
        ),
    }
}

/// Returns a moment as `2026-11-29T13:45:42`, in UTC; by SLURM_TIME_FORMAT the seconds since 1970.
pub(super) fn moment(seconds: Option<u64>, none: &str) -> String {
    let Some(seconds) = seconds else {
        return none.to_owned();
    };
    if std::env::var(TIME_FORMAT).is_ok_and(|format| format == "%s") {
        return seconds.to_string();
    }
    time::rfc3339(seconds).trim_end_matches('Z').to_owned()
}

/// Returns a duration as `squeue` writes it: `1:05`, `2:00:00`, `1-00:00:00`.
pub(super) fn clock(seconds: u64) -> String {
    let (days, hours, minutes, rest) = parts(seconds);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{rest:02}"),
        (0, hours) => format!("{hours}:{minutes:02}:{rest:02}"),
        (days, hours) => format!("{days}-{hours:02}:{minutes:02}:{rest:02}"),
    }
}

/// Returns a duration as `sacct` and `scontrol` write it: `00:01:05`, `1-00:00:00`.
pub(super) fn long_clock(seconds: u64) -> String {
    let (days, hours, minutes, rest) = parts(seconds);
    let days = match days {
        0 => String::new(),
        days => format!("{days}-"),
    };
    format!("{days}{hours:02}:{minutes:02}:{rest:02}")
}

fn parts(seconds: u64) -> (u64, u64, u64, u64) {
    let days = seconds / 86_400;
    (days, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// Returns a moment as it stands above a long list: `Sun Nov 29 14:09:32 2026`, in UTC.
pub(super) fn date_line(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let written = time::rfc3339(seconds);
    let parts: Vec<&str> = written.split(['-', 'T', 'Z']).collect();
    // The first day of 1970 was a Thursday.
    let day = DAYS.iter().cycle().nth((seconds / 86_400 % 7) as usize);
    let month = parts[1].parse::<usize>().unwrap_or(1) - 1;
    format!(
        "{} {} {} {} {}",
        day.unwrap_or(&DAYS[0]),
        MONTHS[month],
        parts[2],
        parts[3],
        parts[0]
    )
}

/// Returns a number, or what stands for none.
pub(super) fn number(number: Option<u64>, none: &str) -> String {
    number.map_or_else(|| none.to_owned(), |number| number.to_string())
}

/// Returns a text, or what stands for none.
pub(super) fn text(text: &Option<String>, none: &str) -> String {
    crate::output::plain(text.as_deref().unwrap_or(none))
}

/// Splits at commas, without what is empty.
pub(super) fn split(lists: &[String]) -> Vec<String> {
    let parts = lists.iter().flat_map(|list| list.split(','));
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_has_its_date() {
        assert_eq!(date_line(1_795_961_372), "Sun Nov 29 14:09:32 2026");
    }

    #[test]
    fn durations_are_written_as_slurm_writes_them() {
        for (seconds, short, long) in [
            (0, "0:00", "00:00:00"),
            (65, "1:05", "00:01:05"),
            (7200, "2:00:00", "02:00:00"),
            (90_061, "1-01:01:01", "1-01:01:01"),
        ] {
            assert_eq!(clock(seconds), short);
            assert_eq!(long_clock(seconds), long);
        }
    }
}
