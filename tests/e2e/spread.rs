//! A few rows of a long table, others each time: all of them take longer than anybody waits.
//!
//! `cargo test --test e2e -- --ignored every_break` tries every row of every table of breaks.

use crate::seeded::{Draw, seed};

/// Names the seed of a run that failed, which it prints.
const SEED: &str = "HPCAPI_TEST_SEED";

/// Returns `count` of the rows, in their order.
#[expect(
    clippy::print_stderr,
    reason = "with the seed the same rows are tried again"
)]
pub(crate) fn spread<T>(rows: &[T], count: usize) -> Vec<&T> {
    let seed = seed(SEED);
    eprintln!("{SEED}={seed}");
    let mut drawn: Vec<usize> = (0..rows.len()).collect();
    Draw::new(seed).shuffle(&mut drawn);
    drawn.truncate(count);
    drawn.sort_unstable();
    drawn.into_iter().map(|row| &rows[row]).collect()
}
