//! ParallelCluster: its command, its configuration, and what it answers. The word is *queue*
//! here; Slurm calls it a partition.

pub mod answer;
pub mod changes;
mod command;
pub mod config;
mod demand;
mod explain;
mod failure_codes;
mod install;
mod instance_types;
pub mod judgement;
mod machine;
mod presets;
mod refusal;
mod schema_error;
pub mod stand_ins;
mod storage;
pub mod zonal;

pub use command::Pcluster;
pub use demand::{Demand, Instances, Purchase, Role};
pub use explain::{config_error, sentence};
pub use failure_codes::Meaning;
pub use install::{Found, Search};
pub use instance_types::instance_types;
pub use machine::{require_node, require_python, require_room};
pub use presets::Preset;
pub use refusal::{Obstacle, Problem, Refusal};
pub use storage::{SharedSort, SharedStorage, Volume};
