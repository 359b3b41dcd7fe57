//! Times as the client shows them: RFC 3339, in UTC, to the second.

use std::time::{Duration, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::shape::Number;

pub use crate::clock::now;

/// The first second that four digits of a year cannot show.
const END: u64 = 253_402_300_800;

/// A moment, in seconds since 1970; Slurm's zero means that there is none.
pub fn moment(number: Number) -> Option<u64> {
    number.positive().filter(|seconds| *seconds < END)
}

/// Returns a moment as RFC 3339.
pub fn rfc3339(seconds: u64) -> String {
    let moment = UNIX_EPOCH + Duration::from_secs(seconds.min(END - 1));
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// Returns the day of a moment in UTC, e.g. `2026-11-28`.
pub fn day(seconds: u64) -> String {
    let mut day = rfc3339(seconds);
    day.truncate("2026-11-28".len());
    day
}

/// Serialises a moment as RFC 3339, for `#[serde(with)]`.
pub fn serialize<S: Serializer>(moment: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(seconds) => serializer.serialize_some(&rfc3339(*seconds)),
        None => serializer.serialize_none(),
    }
}

/// Reads a moment in RFC 3339, for `#[serde(with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let moment = humantime::parse_rfc3339_weak(&text).map_err(D::Error::custom)?;
    Ok(moment
        .duration_since(UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_rfc_3339_in_utc() {
        assert_eq!(rfc3339(1_795_406_758), "2026-11-23T04:05:58Z");
        assert_eq!(moment(Number::Is(0)), None);
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
