//! `hpcapi jobs show`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::slurm::jobs::{self, JobId};

use super::super::reach::ReachArgs;
use super::super::show::{ShowArgs, UserArgs, View, print, print_raw, with_client};
use super::forgotten::forgotten;
use super::print_lookups;
use super::table::DetailedAnswer;

/// Show all that is known of a job: by Slurm, or by its accounting database or the job memory once Slurm has forgotten it
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The jobs: 12, or 12_3 for a task of an array
    #[arg(required = true)]
    id: Vec<JobId>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    show: ShowArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_lookups(&args.reach, user, &args.id);
    }
    with_client(&args.reach, user, async |reach, events| {
        let mut found = Vec::new();
        for id in &args.id {
            if args.show.output == View::Raw {
                let version = reach.client.version().await?;
                print_raw(&reach.client, &jobs::lookup_request(*id, version)).await?;
                continue;
            }
            let jobs = jobs::lookup(&reach.client, *id).await?;
            let jobs = if jobs.is_empty() {
                forgotten(reach, events, *id).await
            } else {
                jobs
            };
            if jobs.is_empty() {
                return Err(jobs::gone(*id, &[]));
            }
            found.extend(jobs);
        }
        match args.show.output {
            View::Raw => Ok(()),
            view => print(&DetailedAnswer { jobs: found }, view),
        }
    })
    .await
}
