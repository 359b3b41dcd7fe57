//! `hpcapi runs cancel`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output;
use crate::runs::Runs;
use crate::slurm::jobs::{self, JobId};

use super::super::show::with_client;
use super::RunArgs;

/// Cancel the job of a run
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    of: RunArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let run = &args.of.run;
    with_client(&args.of.reach, args.of.user(), async |reach, _| {
        let runs = reach.bucket().await?.runs;
        runs.asked(run).await?;
        let Some(submission) = runs.submission(run).await? else {
            return Err(Error::failed(format!(
                "the job of the run `{run}` is not submitted"
            )));
        };
        let id = JobId::from(submission.job_id);
        let found = Runs::own(run, jobs::lookup(&reach.client, id).await?);
        if found.is_empty() {
            return Err(Error::failed(format!(
                "Slurm does not know the job of the run `{run}` any more"
            ))
            .hint(Hint::run(Verb::RunsShow.with(run)).because("how it ended")));
        }
        let cancelled = jobs::cancel(&reach.client, &[(id, found)]).await?;
        match cancelled.refused.first() {
            None => output::raw(&format!("job {id}: cancelled\n")),
            Some(refused) => Err(Error::failed(format!("the job {id} was not cancelled"))
                .because(output::plain(&refused.reason))),
        }
    })
    .await
}
