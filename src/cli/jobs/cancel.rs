//! `hpcapi jobs cancel`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output::{self, Answer};
use crate::slurm::client::Request;
use crate::slurm::jobs::{self, Cancelled, JobId, Parts};

use super::super::reach::{Reach, ReachArgs};
use super::super::show::{AsUserArgs, ShowArgs, View, print, print_curl, with_client};
use super::filter::{FilterArgs, own_name};

/// Cancel jobs: by number, or all of one's own that a filter meets
///
/// A filter that meets a part of an array cancels the tasks that it meets.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["id", "all", "me", "user", "state", "partition"])))]
pub(super) struct Args {
    /// The jobs: 12, or 12_3 for a task of an array
    #[arg(conflicts_with_all = ["all", "me", "user", "state", "partition"])]
    id: Vec<JobId>,

    /// All of one's own
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: AsUserArgs,

    #[command(flatten)]
    show: ShowArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.as_user.as_ref();
    if args.show.curl {
        if args.id.is_empty() {
            return Err(Error::usage(
                "which jobs a filter meets is not known before it is asked: --curl",
            )
            .hint(Hint::run(Verb::JobsCancel.with("--curl 12 13")).because("name them")));
        }
        let requests: Vec<Request> = args.id.iter().map(|id| jobs::cancel_request(*id)).collect();
        return print_curl(&args.reach, user, &requests);
    }
    with_client(&args.reach, user, async |reach, _| {
        let Parts { named, unnamed } = wanted(&args, reach).await?;
        let mut cancelled = jobs::cancel(&reach.client, &named).await?;
        cancelled.refused.extend(unnamed);
        let answer = CancelAnswer(cancelled);
        let view = match args.show.output {
            View::Raw => View::Json,
            view => view,
        };
        let written = print(&answer, view);
        let refused = &answer.0.refused;
        if refused.is_empty() || written.is_err() {
            return written;
        }
        let noun = if refused.len() == 1 {
            "job was"
        } else {
            "jobs were"
        };
        let reasons: Vec<String> = refused
            .iter()
            .map(|refused| format!("job {}: {}", refused.id, output::plain(&refused.reason)))
            .collect();
        Err(
            Error::failed(format!("{} {noun} not cancelled", refused.len()))
                .because(reasons.join("\n"))
                .hint(Hint::run(Verb::JobsList).because("see whose they are, and how they are")),
        )
    })
    .await
}

/// Returns what to cancel, with what Slurm shows of it: every job once, an array of which all is
/// meant as one.
async fn wanted(args: &Args, reach: &Reach) -> Result<Parts> {
    let client = &reach.client;
    if !args.id.is_empty() {
        let mut ids = args.id.clone();
        ids.sort_unstable();
        ids.dedup();
        let mut wanted = Parts::default();
        for id in ids {
            wanted.named.push((id, jobs::lookup(client, id).await?));
        }
        return Ok(wanted);
    }
    let mut filter = args.filter.filter(client).await?;
    if !args.filter.names_users() {
        filter.users = vec![own_name(client).await?];
    }
    let listing = jobs::list(client, &filter, None).await?;
    let listed = listing.map(|listing| listing.jobs).unwrap_or_default();
    args.filter.require_partitions(client, &listed).await?;
    jobs::parts(client, listed).await
}

#[derive(serde::Serialize)]
struct CancelAnswer(Cancelled);

impl Answer for CancelAnswer {
    fn text(&self) -> String {
        let Cancelled { cancelled, refused } = &self.0;
        if cancelled.is_empty() && refused.is_empty() {
            return "there is nothing to cancel\n".to_owned();
        }
        cancelled
            .iter()
            .map(|id| format!("job {id}: cancelled\n"))
            .collect()
    }

    fn done(&self) -> Option<String> {
        let jobs = super::named(self.0.cancelled.iter(), "was", "were")?;
        Some(format!("{jobs} cancelled"))
    }
}
