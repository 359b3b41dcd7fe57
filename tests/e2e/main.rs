//! The whole of hpcapi, as a user runs it: the built binary, the real `pcluster`, real Slurm,
//! in a sandbox that the tests share. Each test plays an AWS account of its own.

#[path = "../seeded/mod.rs"]
mod seeded;
#[path = "../tools/mod.rs"]
mod tools;
#[path = "../typed/mod.rs"]
mod typed;
#[path = "../warm_pcluster/mod.rs"]
mod warm_pcluster;

mod accounting;
mod another_configuration;
mod at_once;
mod bad_input;
mod beginning_to_end;
mod beside;
mod blocked_teardown;
mod broken_ground;
mod broken_pcluster;
mod broken_ways;
mod changing;
mod detached;
mod documents;
mod elsewhere;
mod environment;
mod event_storm;
mod existing_network;
mod failed_clusters;
mod failing_cluster;
mod healthy;
mod iam_prefix;
mod interrupted;
mod job_memory;
mod judged;
mod least_privilege;
mod leftovers;
mod limits;
mod no_job_starts;
mod node_script;
mod notifications;
mod operations;
mod outputs;
mod own_endpoints;
mod own_network;
mod package_managers;
mod presets;
mod remembered;
mod remembering;
mod replacing;
mod resting;
mod restricted_account;
mod runs;
mod runs_through_kills;
mod sealed_token;
mod secrets;
mod service_role;
mod slurm;
mod spread;
mod stages;
mod terminal;
mod things;
mod triggers;
mod walk;
