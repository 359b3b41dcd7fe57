//! What the benchmarks measure with, and how they print it.

pub(crate) mod comparison;
pub(crate) mod figures;
pub(crate) mod machine;
pub(crate) mod program;
pub(crate) mod turns;

use std::error::Error;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
