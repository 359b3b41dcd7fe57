//! `hpcapi runs attach`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::Format;
use crate::runs::RunId;

use super::super::reach::ReachArgs;
use super::super::run::{FetchArgs, Following, follow, not_submitted};
use super::super::show::{Told, UserArgs, with_client_telling};

/// Come back to a run: show what it prints from its beginning, wait for its end, bring its outputs here
///
/// A run whose submission was cut off is submitted, unless its job is there.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The run
    run: RunId,

    #[command(flatten)]
    fetch: FetchArgs,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    /// How the answer is printed; with json the job's output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    with_client_telling(Told::Progress, &args.reach, user, async |reach, events| {
        let bucket = reach.bucket().await?;
        let runs = &bucket.runs;
        let asked = runs.asked(&args.run).await?;
        if runs.submission(&args.run).await?.is_none() {
            events
                .note("its submission was cut off: looking for a minute whether its job is there");
        }
        let job = runs
            .submit(
                &reach.client,
                &bucket.memory,
                &args.run,
                &asked,
                &bucket.region,
            )
            .await
            .map_err(|error| not_submitted(&args.run, error))?;
        let following = Following {
            run: args.run.clone(),
            asked,
            job: job.id,
            format: args.output,
        };
        follow(reach, &bucket, &following, &args.fetch, events).await
    })
    .await
}
