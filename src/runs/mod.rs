//! Runs: jobs whose inputs go with them and whose outputs come back, through the deployment's bucket.
//!
//! Everything that a run is lies below `runs/<run>/` in the bucket, in objects that are written once:
//! whoever works on it may die, and another goes on from there, on whatever machine.

mod begin;
mod blobs;
mod digests;
mod fetch;
mod gather;
mod job;
mod log;
pub mod manifest;
mod place;
mod send;
mod spans;
mod store;
mod unused;

pub use begin::{Begun, Staging, Wanted};
pub use digests::sha256;
pub use fetch::{Destination, Fetched};
pub use gather::IGNORE_FILE;
pub use job::{RunJob, program};
pub use log::{Log, Piece as LogPiece, Stream};
pub use store::{Asked, Attempt, Ended, RunId, RunState, Runs, Script, Stage, Submission};
pub use unused::Unused;
