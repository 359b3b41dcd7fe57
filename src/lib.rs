//! One command turns an AWS account into a secured HTTPS API in front of a Slurm cluster,
//! and one command turns it back into nothing.
//!
//! The map: [`cli`] reads arguments into [`settings`]; a [`context`] holds them with the
//! clients of [`aws`] and [`pcluster`]; [`deploy`] loops over the one list in [`step`];
//! what happens is told as [`event`]s to [`output`]. [`slurm`] speaks with the head node and
//! the API, [`runs`] carries inputs and outputs of jobs, [`triggers`] says which objects become jobs, [`prices`] knows what AWS asks for all of it, [`sandbox`] is an AWS to try it all on, [`iam_policy`] says what all of it needs.

pub mod address_range;
pub mod aws;
pub mod boundary;
pub mod cli;
pub mod clock;
pub mod context;
pub mod deploy;
pub mod error;
pub mod event;
mod files;
pub mod hint;
pub mod iam_policy;
pub mod iam_prefix;
pub mod limits;
pub mod notifications;
pub mod output;
pub mod pcluster;
pub mod prices;
mod process;
mod proxies;
mod python;
pub mod runs;
pub mod sandbox;
pub mod service_role;
pub mod settings;
mod shell;
pub mod slurm;
mod spelling;
pub mod step;
pub mod tags;
pub mod triggers;
pub mod usual;
pub mod wait;
