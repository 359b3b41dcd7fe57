//! One file per step: `check` only looks, `run` only changes, `undo` removes.

pub(super) mod api;
pub(super) mod bucket_settings;
pub(super) mod cluster;
mod cluster_artifacts;
pub(super) mod cluster_config;
pub(super) mod cluster_update;
mod cut_template;
pub(super) mod deletion;
pub(super) mod endpoint;
pub(super) mod existing_network;
pub(super) mod function_code;
pub(super) mod head_node;
mod interfaces;
pub(super) mod kept_bucket;
pub(super) mod key_pair;
pub(super) mod nat_gateway;
pub(super) mod network_removal;
pub(super) mod node_script;
pub(super) mod node_setup;
pub(super) mod notifications;
pub(super) mod operations;
pub(super) mod ownership;
pub(super) mod pcluster;
pub(super) mod requirements;
pub(super) mod stack;
pub(super) mod target;
pub(super) mod triggers;
