//! `hpcapi runs logs`.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{Format, Reader};
use crate::runs::Log;
use crate::wait::Pace;

use super::super::run::print_news;
use super::super::show::with_client;
use super::RunArgs;

/// For how long a log is followed: without end.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Print what a run's job has written: standard output to the one, standard error to the other
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    of: RunArgs,

    /// Of this task of its array
    #[arg(long, value_name = "INDEX")]
    task: Option<u64>,

    /// Go on until it has ended
    #[arg(short, long)]
    follow: bool,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let run = &args.of.run;
    with_client(&args.of.reach, args.of.user(), async |reach, _| {
        let runs = reach.bucket().await?.runs;
        runs.asked(run).await?;
        let mut log = Log::new(run.clone(), args.task);
        let mut pace = Pace::minutes(FOREVER);
        loop {
            // What is written after this look is printed by the next turn.
            let had_ended = runs.has_ended(run, args.task).await?;
            let reader = print_news(&runs, &mut log, Format::Text).await?;
            if reader == Reader::Gone || had_ended || !args.follow {
                return Ok(());
            }
            pace.next().await;
        }
    })
    .await
}
