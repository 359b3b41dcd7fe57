//! `hpcapi runs attach`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::Format;

use super::super::owner::HomeArgs;
use super::super::run::{FetchArgs, Following, follow, not_submitted};
use super::super::show::{Told, with_client_telling};
use super::RunArgs;

/// Come back to a run: show what it prints from its beginning, wait for its end, bring its outputs here
///
/// A run whose submission was cut off is submitted, unless its job is there.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    of: RunArgs,

    #[command(flatten)]
    fetch: FetchArgs,

    #[command(flatten)]
    home: HomeArgs,

    /// How the answer is printed; with json the job's output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let run = &args.of.run;
    with_client_telling(
        Told::Progress,
        &args.of.reach,
        args.of.user(),
        async |reach, events| {
            let bucket = reach.bucket().await?;
            let runs = &bucket.runs;
            let asked = runs.asked(run).await?;
            if runs.submission(run).await?.is_none() {
                events.note(
                    "its submission was cut off: looking for a minute whether its job is there",
                );
            }
            let job = runs
                .submit(
                    &reach.client,
                    &bucket.memory,
                    run,
                    &asked,
                    &bucket.region,
                    async || args.home.owner(reach, &asked.user).await,
                )
                .await
                .map_err(|error| not_submitted(run, error))?;
            let following = Following {
                run: run.clone(),
                asked,
                job: job.id,
                format: args.output,
            };
            follow(reach, &bucket, &following, &args.fetch, events).await
        },
    )
    .await
}
