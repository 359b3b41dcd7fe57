//! `hpcapi runs fetch`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::super::run::{FetchArgs, Outputs};
use super::super::show::{Told, with_client_telling};
use super::RunArgs;

/// Bring the outputs of a run here, as far as its job has sent them
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    of: RunArgs,

    /// Of this task of its array alone
    #[arg(long, value_name = "INDEX")]
    task: Option<u64>,

    #[command(flatten)]
    fetch: FetchArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let run = &args.of.run;
    with_client_telling(
        Told::Progress,
        &args.of.reach,
        args.of.user(),
        async |reach, events| {
            let runs = reach.bucket().await?.runs;
            let asked = runs.asked(run).await?;
            let outputs = Outputs {
                runs: &runs,
                run,
                asked: &asked,
                fetch: &args.fetch,
                events,
            };
            let mut were_sent = false;
            for attempt in runs.last_attempts(run).await? {
                if args.task.is_some() && attempt.task != args.task {
                    continue;
                }
                let Some(ended) = runs.ended(run, &attempt).await? else {
                    continue;
                };
                were_sent |= ended.outputs_sha256.is_some();
                outputs.bring(&attempt, &ended).await?;
            }
            match were_sent {
                true => Ok(()),
                false => Err(
                    Error::failed(format!("the run `{run}` has sent no outputs"))
                        .hint(Hint::run(Verb::RunsShow.with(run)).because("how it is")),
                ),
            }
        },
    )
    .await
}
