//! A part of the past.

/// From when to when, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first second.
    pub since: u64,
    /// The second after the last.
    pub until: u64,
}
