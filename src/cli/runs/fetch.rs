//! `hpcapi runs fetch`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::output::Format;
use crate::runs::RunId;

use super::super::reach::ReachArgs;
use super::super::run::{FetchArgs, Following, bring};
use super::super::show::{Told, UserArgs, with_client_telling};

/// Bring the outputs of a run here, as far as its job has sent them
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The run
    run: RunId,

    /// Of this task of its array alone
    #[arg(long, value_name = "INDEX")]
    task: Option<u64>,

    #[command(flatten)]
    fetch: FetchArgs,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    with_client_telling(Told::Progress, &args.reach, user, async |reach, events| {
        let runs = reach.bucket().await?.runs;
        let following = Following {
            run: args.run.clone(),
            asked: runs.asked(&args.run).await?,
            job: 0,
            format: Format::Text,
        };
        let mut were_sent = false;
        for attempt in runs.last_attempts(&args.run).await? {
            if args.task.is_some() && attempt.task != args.task {
                continue;
            }
            let Some(ended) = runs.ended(&args.run, &attempt).await? else {
                continue;
            };
            were_sent |= ended.outputs_sha256.is_some();
            bring(&runs, &following, &attempt, &ended, &args.fetch, events).await?;
        }
        match were_sent {
            true => Ok(()),
            false => Err(
                Error::failed(format!("the run `{}` has sent no outputs", args.run))
                    .hint(format!("how it is: hpcapi runs show {}", args.run)),
            ),
        }
    })
    .await
}
