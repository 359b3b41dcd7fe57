//! `hpcapi runs delete`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output::{self, Format, size};
use crate::runs::{RunId, Runs};
use crate::slurm::jobs::{self, JobId};
use crate::slurm::time;

use super::super::reach::{Reach, ReachArgs};
use super::super::show::{UserArgs, with_client};
use super::list::RunLine;

/// Delete runs with their logs and outputs from the bucket, and inputs that no other run needs
///
/// Inputs are deleted once they are two days old, by this and every later `runs delete`.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["runs", "older_than", "unused"])))]
pub(super) struct Args {
    /// The runs
    #[arg(value_name = "RUN")]
    runs: Vec<RunId>,

    /// All that began so long ago, as in 30d
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<std::time::Duration>,

    /// No run: only inputs that none needs
    #[arg(long)]
    unused: bool,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, serde::Serialize)]
struct DeleteAnswer {
    deleted: Vec<RunId>,
    /// Objects with the bytes of inputs.
    blobs: usize,
    bytes: u64,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    with_client(&args.reach, user, async |reach, events| {
        let runs = reach.bucket().await?.runs;
        let mut wanted = args.runs.clone();
        for run in &wanted {
            runs.asked(run).await?;
            require_ended(reach, &runs, run).await?;
        }
        if let Some(age) = args.older_than {
            let before = time::now().saturating_sub(age.as_secs());
            for run in runs.all().await? {
                let line = RunLine::look(&runs, &run).await?;
                let is_old = line.is_some_and(|line| line.created.is_some_and(|at| at < before));
                if !is_old {
                    continue;
                }
                match require_ended(reach, &runs, &run).await {
                    Ok(()) => wanted.push(run),
                    Err(error) => events.warn(error.to_string()),
                }
            }
        }
        for run in &wanted {
            runs.delete(run).await?;
        }
        let unused = runs.delete_unused_blobs().await?;
        let answer = DeleteAnswer {
            deleted: wanted,
            blobs: unused.blobs,
            bytes: unused.bytes,
        };
        output::answer(&answer, args.output)
    })
    .await
}

/// Fails while the job of a run waits or runs.
async fn require_ended(reach: &Reach, runs: &Runs, run: &RunId) -> Result<()> {
    let Some(submission) = runs.submission(run).await? else {
        return Ok(());
    };
    let id = JobId::from(submission.job_id);
    let found = Runs::own(run, jobs::lookup(&reach.client, id).await?);
    match found.iter().any(|job| !job.state.has_ended()) {
        false => Ok(()),
        true => Err(
            Error::usage(format!("the job {id} of the run `{run}` has not ended"))
                .hint(Hint::run(Verb::RunsCancel.with(run)).because("cancel it")),
        ),
    }
}

impl output::Answer for DeleteAnswer {
    fn text(&self) -> String {
        let mut text: String = self
            .deleted
            .iter()
            .map(|run| format!("{run}: deleted\n"))
            .collect();
        if self.blobs > 0 {
            text.push_str(&format!(
                "inputs that no run needs: {} deleted\n",
                size(self.bytes)
            ));
        }
        text
    }

    fn done(&self) -> Option<String> {
        (!self.deleted.is_empty()).then(|| format!("{} runs deleted", self.deleted.len()))
    }
}
