//! What time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns this moment, in seconds since 1970; zero before that.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
