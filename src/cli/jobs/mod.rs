//! `hpcapi jobs`.

mod array_lines;
mod cancel;
mod explain;
mod filter;
mod forgotten;
mod history;
mod job_files;
mod list;
mod logs;
mod notify;
mod sbatch_options;
mod show;
mod submit;
mod table;
mod taken;
mod usage;
mod wait;

use clap::{Args as ClapArgs, Subcommand};

pub(super) use filter::own_name;
pub(super) use forgotten::forgotten;
pub(super) use history::AllJobs;
pub(super) use job_files::{Files, batch_script, read};
pub(super) use notify::NotifyArgs;
pub(super) use sbatch_options::SbatchOptions;
pub(super) use wait::{telling, wait_for};

use crate::error::Result;
use crate::hint::{Hint, Verb};
use crate::slurm::UserName;
use crate::slurm::jobs::{JobId, lookup_request};

use super::reach::ReachArgs;
use super::show::print_curl;

/// Submit, list, explain, cancel and read jobs
///
/// Shows them, waits for them, and reports what they used, too.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Explain(explain::Args),
    Submit(Box<submit::Args>),
    Cancel(cancel::Args),
    Wait(wait::Args),
    Logs(logs::Args),
    Usage(usage::Args),
}

impl Args {
    /// Returns what goes on when the user interrupts.
    pub(super) fn what_goes_on(&self) -> Option<Hint> {
        match self.command {
            Command::Submit(_) => {
                Some(Hint::run(Verb::JobsList).because("what was sent is submitted"))
            }
            Command::Wait(_) | Command::Logs(_) => Some("the job goes on".into()),
            Command::List(_)
            | Command::Show(_)
            | Command::Explain(_)
            | Command::Cancel(_)
            | Command::Usage(_) => None,
        }
    }
}

/// Prints what would be asked of jobs as curl commands, and asks nothing.
fn print_lookups(reach: &ReachArgs, user: Option<&UserName>, ids: &[JobId]) -> Result<()> {
    let version = reach.curl_version(user)?;
    let requests: Vec<_> = ids.iter().map(|id| lookup_request(*id, version)).collect();
    print_curl(reach, user, &requests)
}

/// Returns jobs by their numbers and with their verb: `the jobs 14, 15 were`.
fn named<T: ToString>(
    ids: impl IntoIterator<Item = T>,
    one: &str,
    several: &str,
) -> Option<String> {
    let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
    match ids.as_slice() {
        [] => None,
        [id] => Some(format!("the job {id} {one}")),
        ids => Some(format!("the jobs {} {several}", ids.join(", "))),
    }
}

pub(super) async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Submit(args) => submit::run(*args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Usage(args) => usage::run(args).await,
    }
}
