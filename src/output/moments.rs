//! Moments as people read them: on the clock of where they are, and how long ago. JSON has RFC 3339.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::units::{ago, span};

/// Returns a moment, given in seconds since 1970, on the clock of this machine:
/// `2026-11-30 19:05:12 +01:00`.
pub fn moment(seconds: u64) -> String {
    at(seconds, TimeZone::system())
}

/// Returns a moment and how far it is from now, both in seconds since 1970:
/// `2026-11-30 19:05:12 +01:00 (3 min ago)`.
pub fn moment_from(seconds: u64, now: u64) -> String {
    let relative = match seconds.checked_sub(now) {
        Some(ahead @ 1..) => format!("in {}", span(ahead)),
        _ => ago(now.saturating_sub(seconds)),
    };
    format!("{} ({relative})", moment(seconds))
}

fn at(seconds: u64, zone: TimeZone) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let there = moment.to_zoned_datetime(zone);
    there.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    #[test]
    fn a_moment_is_on_the_clock_of_its_reader() {
        let zone = TimeZone::fixed(offset(1));
        assert_eq!(at(1_795_996_800, zone), "2026-11-30 01:00:00 +01:00");
        assert_eq!(at(0, TimeZone::UTC), "1970-01-01 00:00:00 +00:00");
        assert!(at(u64::MAX, TimeZone::UTC).starts_with("9999-12-"));
    }

    #[test]
    fn it_is_said_how_far_it_is() {
        let told = |seconds, now| {
            let told = moment_from(seconds, now);
            told.split_once(" (").map(|(_, told)| told.to_owned())
        };
        assert_eq!(told(1000, 1200).as_deref(), Some("3 min ago)"));
        assert_eq!(told(1200, 1000).as_deref(), Some("in 3 min 20 s)"));
        assert_eq!(told(1000, 1000).as_deref(), Some("just now)"));
    }
}
