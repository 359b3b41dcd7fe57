//! Slurm: tokens from the head node, and calls through the API that `up` made. The word is
//! *partition* here; ParallelCluster calls it a queue.

mod api;
mod job;
mod layer;
mod seal;
mod token;

pub use api::{Api, Reply};
pub use job::{Job, JobRequest};
pub use layer::Layer;
pub use token::{Claims, Lifespan, Token, UserName, mint};
