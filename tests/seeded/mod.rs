//! What is drawn anew by each run of the tests, and again by a seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the seed that a variable of the environment gives, or one that no run had before.
pub(crate) fn seed(variable: &str) -> u64 {
    if let Ok(seed) = std::env::var(variable) {
        return seed
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

/// Numbers that look random, the same for the same seed (SplitMix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    /// Returns a number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = (mixed ^ (mixed >> 31)) as usize;
        mixed % limit
    }

    /// Brings `items` into an order of its own.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
