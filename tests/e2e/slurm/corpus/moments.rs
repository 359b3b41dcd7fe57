//! Times of two jobs that were submitted one after the other.

use std::time::Duration;

/// When the two jobs were submitted, as `scontrol` shows it.
pub(super) struct Moments<'a> {
    pub(super) theirs: &'a str,
    pub(super) ours: &'a str,
}

/// One call reads all of its files before it submits the first.
const CALL: i64 = 60;
const DAY: i64 = 24 * 3600;

/// Returns whether two texts are times that mean the same: as long after the submission; or one
/// day apart, where `16:00` or `tomorrow` passed between the submissions.
pub(super) fn is_same(theirs: &str, ours: &str, submitted: &Moments) -> bool {
    let [Some(a), Some(b), Some(first), Some(second)] =
        [theirs, ours, submitted.theirs, submitted.ours].map(seconds)
    else {
        return false;
    };
    let is_as_long = ((a - first) - (b - second)).abs() <= CALL;
    let has_passed = b - a == DAY && (first - CALL..=second + CALL).contains(&a);
    is_as_long || has_passed
}

/// Reads a time as `scontrol` shows it.
fn seconds(text: &str) -> Option<i64> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.map_or(0, |since: Duration| since.as_secs())).ok()
}
