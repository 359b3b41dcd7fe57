//! The whole of hpcapi, as a user runs it: the built binary, the real `pcluster`, real Slurm,
//! in a sandbox that the tests share. Each test plays an AWS account of its own.

mod bad_input;
mod broken_ground;
mod broken_ways;
mod environment;
mod failing_cluster;
mod interrupted;
mod least_privilege;
mod sealed_token;
mod secrets;
mod slurm;
mod whole_way;
