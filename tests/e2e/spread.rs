//! A few rows of a long table, others each time: all of them take longer than anybody waits.
//!
//! `cargo test --test e2e -- --ignored every_break` tries every row of every table of breaks.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names a seed that is to be used again: that of a run that failed is printed with it.
const SEED: &str = "HPCAPI_TEST_SEED";

/// Returns `count` of the rows, in their order.
#[expect(
    clippy::print_stderr,
    reason = "with the seed the same rows are tried again"
)]
pub(crate) fn spread<T>(rows: &[T], count: usize) -> Vec<&T> {
    let seed = std::env::var(SEED).unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_nanos().to_string()
    });
    eprintln!("{SEED}={seed}");
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| {
        let mut hasher = DefaultHasher::new();
        (&seed, row).hash(&mut hasher);
        hasher.finish()
    });
    order.truncate(count);
    order.sort_unstable();
    order.into_iter().map(|row| &rows[row]).collect()
}
