//! Slurm: tokens from the head node, and a client of its REST API that works with every
//! version. The word is *partition* here; ParallelCluster calls it a queue.

pub mod client;
mod daemons;
mod drift;
mod head_node;
pub mod host_list;
pub mod jobs;
pub mod log_file;
mod login;
mod mended;
mod node_setup;
pub mod nodes;
pub mod operations;
pub mod partitions;
pub mod ping;
mod revoke;
mod seal;
mod shape;
pub mod submission;
pub mod time;
mod token;
mod workload;

pub use client::ApiVersion;
pub use daemons::{Controller, Daemons, Disk, look_at_head_node};
pub use drift::{Drift, Fault, FaultKind};
pub use login::{Login, look_up_login};
pub use node_setup::{NodeScript, SetUp, set_up_node};
pub use revoke::revoke_all;
pub use token::{Claims, Lifespan, Minter, Token, UserName};
pub use workload::{Workload, look_at_workload};
