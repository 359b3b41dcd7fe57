//! Options of `sbatch` whose values are read by a function of their own, by subject. Each says what
//! the value should have been.

pub(super) mod gpus;
pub(super) mod layout;
pub(super) mod texts;
pub(super) mod times;

use super::Description;

/// Reads the value of an option; fails with what it should have been.
pub(super) type Read = fn(&mut Description, &str) -> Result<(), String>;

/// Returns names without the commas between them.
pub(super) fn split(names: &str) -> Vec<String> {
    // A comma inside of brackets belongs to the name.
    let mut depth = 0_u32;
    let parts = names.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}
