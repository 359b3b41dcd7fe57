//! `hpcapi jobs logs`.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::event::Events;
use crate::hint::{Hint, Verb};
use crate::output::{self, Reader};
use crate::slurm::jobs::{self, Job, JobId};
use crate::slurm::log_file::{LogFile, Piece};

use super::super::reach::{Reach, ReachArgs, running_head_node};
use super::super::show::{UserArgs, with_client};
use super::forgotten::forgotten;

/// How long the head node waits for more of a file before it says that there is none.
const PATIENCE: Duration = Duration::from_secs(3);

/// Print a job's output, read on the head node over SSM; needs a deployment of hpcapi
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The job: 12, or 12_3 for a task of an array
    id: JobId,

    /// Go on until the job has ended
    #[arg(short, long)]
    follow: bool,

    /// Its standard error instead of its standard output
    #[arg(long)]
    stderr: bool,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    with_client(
        &args.reach,
        args.user.user.as_ref(),
        async |reach, events| {
            let job = look(reach, events, args.id).await?;
            let context = reach.located_there().await?;
            let file = LogFile {
                commands: &context.aws.commands,
                head_node: &running_head_node(&context).await?,
                user: owner(&job)?,
                path: path(&job, args.stderr)?,
            };
            print(&args, reach, events, &file, job).await
        },
    )
    .await
}

async fn print(
    args: &Args,
    reach: &Reach,
    events: &Events,
    file: &LogFile<'_>,
    mut job: Job,
) -> Result<()> {
    let mut offset = 0;
    let mut is_said = false;
    loop {
        // What is written after this look is read by the next turn.
        let had_ended = job.state.has_ended();
        let patience = if args.follow && !had_ended {
            PATIENCE
        } else {
            Duration::ZERO
        };
        match file.read(offset, patience).await? {
            Piece::Bytes(bytes) if !bytes.is_empty() => {
                offset += bytes.len() as u64;
                if output::bytes(&bytes)? == Reader::Gone {
                    return Ok(());
                }
                continue;
            }
            Piece::Bytes(_) => {}
            Piece::Truncated => {
                events.warn(format!(
                    "`{}` was cut off: from its beginning again",
                    file.path
                ));
                offset = 0;
                continue;
            }
            Piece::Missing if had_ended && offset == 0 => return Err(absent(&job, &file.path)),
            Piece::Missing if !is_said && !had_ended => {
                is_said = true;
                events.warn(format!(
                    "`{}` does not exist yet: job {} is {}",
                    file.path,
                    job.shown_id(),
                    job.state
                ));
            }
            Piece::Missing => {}
        }
        if had_ended || !args.follow {
            return Ok(());
        }
        match jobs::lookup(&reach.client, args.id)
            .await?
            .into_iter()
            .next()
        {
            Some(now) => job = now,
            None => return Ok(()),
        }
    }
}

/// Returns the error of a job that has ended and left no such file.
fn absent(job: &Job, path: &str) -> Error {
    let error = Error::failed(format!(
        "`{path}` does not exist: job {} is {}",
        job.shown_id(),
        job.told()
    ));
    let error = match job.trouble() {
        Some(trouble) => error.because(trouble),
        None => error,
    };
    error.hint(Hint::run(Verb::JobsShow.with(job.id)).because("see how it ended"))
}

async fn look(reach: &Reach, events: &Events, id: JobId) -> Result<Job> {
    let mut found = jobs::lookup(&reach.client, id).await?;
    if found.is_empty() {
        found = forgotten(reach, events, id).await;
    }
    match (found.pop(), found.len()) {
        (None, _) => Err(jobs::gone(id, &[])),
        (Some(job), 0) => Ok(job),
        (Some(job), _) => {
            let task = job
                .array_task_id
                .or_else(|| found.iter().find_map(|job| job.array_task_id));
            Err(Error::usage(format!(
                "job {id} is an array: each task has a log of its own"
            ))
            .hint(
                Hint::run(Verb::JobsLogs.with(format!("{id}_{}", task.unwrap_or(0))))
                    .because("for example"),
            ))
        }
    }
}

fn owner(job: &Job) -> Result<crate::slurm::UserName> {
    let user = job.user.as_deref().unwrap_or_default();
    user.parse().map_err(|_| {
        Error::failed(format!(
            "Slurm does not say whose job {} is",
            job.shown_id()
        ))
    })
}

fn path(job: &Job, is_stderr: bool) -> Result<String> {
    let path = if is_stderr { &job.stderr } else { &job.stdout };
    match path {
        Some(path) if path == "/dev/null" => Err(Error::failed(format!(
            "job {} throws this output away",
            job.shown_id()
        ))),
        Some(path) => Ok(path.clone()),
        None => Err(Error::failed(format!(
            "nobody says where the output of job {} went",
            job.shown_id()
        ))),
    }
}
