//! `hpcapi runs`.

mod attach;
mod cancel;
mod delete;
mod fetch;
mod list;
mod logs;
mod show;

use clap::{Args as ClapArgs, Subcommand};

use crate::error::Result;
use crate::runs::RunId;
use crate::slurm::UserName;

use super::reach::ReachArgs;
use super::show::UserArgs;

/// Come back to runs, from any machine
///
/// Lists, shows, follows, fetches, cancels and deletes them.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Attach(attach::Args),
    Logs(logs::Args),
    Fetch(fetch::Args),
    Cancel(cancel::Args),
    Delete(delete::Args),
}

/// Which run is meant, and who asks.
#[derive(Debug, ClapArgs)]
struct RunArgs {
    /// The run
    run: RunId,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,
}

impl RunArgs {
    fn user(&self) -> Option<&UserName> {
        self.user.user.as_ref()
    }
}

pub(super) async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Attach(args) => attach::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Fetch(args) => fetch::run(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Delete(args) => delete::run(args).await,
    }
}
