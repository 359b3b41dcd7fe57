//! ParallelCluster: its command, its configuration, and what it answers. The word is *queue*
//! here; Slurm calls it a partition.

pub mod answer;
mod command;
pub mod config;
mod explain;
mod install;
mod instance_types;
mod schema_error;

pub use command::Pcluster;
pub use explain::{config_error, sentence};
pub use install::{Search, require_node};
pub use instance_types::instance_types;
