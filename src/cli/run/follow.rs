//! Following a run to its end: what its job writes, how it ends, and its outputs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::{Context as _, Error, Kind, Result};
use crate::event::Events;
use crate::hint::{Hint, Verb};
use crate::output::{self, Format, Reader, size};
use crate::runs::{Asked, Attempt, Destination, Ended, Fetched, Log, RunId, Runs, Stage, Stream};
use crate::slurm::jobs::{self, Job, JobId};
use crate::wait::Pace;

use super::super::jobs::telling;
use super::super::reach::{JobBucket, Reach};
use super::answer::{RunAnswer, TaskAnswer};
use super::{Rate, files};

/// For how long a run is followed: without end.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Where outputs go.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct FetchArgs {
    /// The folder that the outputs are brought to [default: this one]; those of a task of an array
    /// into a folder of its index there
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,

    /// Write over files that were changed here since the run began
    #[arg(long)]
    overwrite: bool,
}

impl FetchArgs {
    fn destination(&self, asked: &Asked, task: Option<u64>) -> Result<Destination> {
        let folder = match &self.to {
            Some(folder) => folder.clone(),
            None => std::env::current_dir().doing(|| "this folder cannot be read".to_owned())?,
        };
        Ok(Destination {
            folder: match task {
                Some(task) => folder.join(task.to_string()),
                None => folder,
            },
            newer_stays: (!self.overwrite).then_some(asked.created),
        })
    }
}

/// A run that is followed.
pub(in crate::cli) struct Following {
    pub(in crate::cli) run: RunId,
    pub(in crate::cli) asked: Asked,
    pub(in crate::cli) job: u64,
    pub(in crate::cli) format: Format,
}

/// Follows a run to its end, brings its outputs back, and ends as its job did.
pub(in crate::cli) async fn follow(
    reach: &Reach,
    bucket: &JobBucket,
    following: &Following,
    fetch: &FetchArgs,
    events: &Events,
) -> Result<()> {
    let runs = &bucket.runs;
    let jobs = match gone(reach, bucket, following).await? {
        Some(jobs) => {
            let mut log = Log::new(following.run.clone(), None);
            print_news(runs, &mut log, following.format).await?;
            jobs
        }
        None => wait(reach, runs, following, events).await?,
    };
    let mut answer = RunAnswer::ended(&following.run, following.job, jobs::exit_code(&jobs));
    let outputs = Outputs {
        runs,
        run: &following.run,
        asked: &following.asked,
        fetch,
        events,
    };
    let attempts = runs.last_attempts(&following.run).await?;
    for job in &jobs {
        let attempt = attempts.iter().find(|it| it.task == job.array_task_id);
        answer.tasks.push(task(&outputs, job, attempt).await?);
    }
    let written = output::answer(&answer, following.format);
    answer.verdict(&following.run).and(written)
}

/// Returns the run's job as it is remembered, when Slurm knows another one by its number, or none: the
/// cluster may have been made anew since.
async fn gone(
    reach: &Reach,
    bucket: &JobBucket,
    following: &Following,
) -> Result<Option<Vec<Job>>> {
    let run = &following.run;
    let known = jobs::lookup(&reach.client, following.job.into()).await?;
    let is_other = !known.is_empty();
    if !Runs::own(run, known).is_empty() {
        return Ok(None);
    }
    let remembered = Runs::remembered(&bucket.memory, run).await?;
    match (remembered.is_empty(), is_other) {
        (false, _) => Ok(Some(remembered)),
        // Forgotten just now: the job memory is written some seconds later.
        (true, false) => Ok(None),
        (true, true) => Err(Error::failed(format!(
            "nobody knows how the job of the run `{run}` ended: its cluster is gone"
        ))
        .hint(Hint::run(Verb::RunsFetch.with(run)).because("what it has sent"))),
    }
}

/// Waits for the end of the job, and prints what it writes.
async fn wait(
    reach: &Reach,
    runs: &Runs,
    following: &Following,
    events: &Events,
) -> Result<Vec<Job>> {
    let mut log = Log::new(following.run.clone(), None);
    let ids = [JobId {
        job: following.job,
        task: None,
    }];
    let (seen, troubled) = telling(events);
    let remembered = async |id| reach.remembered(id).await;
    let waiting = jobs::wait(&reach.client, &ids, FOREVER, remembered, seen, troubled);
    let ended = tokio::select! {
        ended = waiting => ended?,
        failed = print_log(runs, &mut log, following.format) => {
            failed?;
            return Err(Error::failed("nobody reads what the job prints"));
        }
    };
    // What came between the last look and the end.
    print_news(runs, &mut log, following.format).await?;
    Ok(ended)
}

/// Prints what a job writes until nobody reads it any more.
async fn print_log(runs: &Runs, log: &mut Log, format: Format) -> Result<()> {
    let mut pace = Pace::minutes(FOREVER);
    while print_news(runs, log, format).await? == Reader::There && pace.next().await {}
    Ok(())
}

/// Prints what has come of a log.
pub(in crate::cli) async fn print_news(
    runs: &Runs,
    log: &mut Log,
    format: Format,
) -> Result<Reader> {
    for piece in log.news(runs).await? {
        let is_answer = format == Format::Text && piece.stream == Stream::Stdout;
        if !is_answer {
            output::error_bytes(&piece.bytes);
        } else if output::bytes(&piece.bytes)? == Reader::Gone {
            return Ok(Reader::Gone);
        }
    }
    Ok(Reader::There)
}

/// Returns how a part of the run ended, and brings its outputs back.
async fn task(outputs: &Outputs<'_>, job: &Job, attempt: Option<&Attempt>) -> Result<TaskAnswer> {
    let mut answer = TaskAnswer::of(job);
    let ended = match attempt {
        Some(attempt) => outputs.runs.ended(outputs.run, attempt).await?,
        None => None,
    };
    let (Some(ended), Some(attempt)) = (ended, attempt) else {
        let reason = job.reason.iter().map(|reason| format!(" ({reason})"));
        answer.problem = Some(format!(
            "its outputs were not sent: the job is {}{}",
            job.state,
            reason.collect::<String>()
        ));
        return Ok(answer);
    };
    answer.problem = problem(&ended);
    answer.add(outputs.bring(attempt, &ended).await?);
    Ok(answer)
}

fn problem(ended: &Ended) -> Option<String> {
    let why = ended.problem.as_deref().unwrap_or("no reason was given");
    match ended.stage {
        Stage::Inputs => Some(format!("the script did not run: {why}")),
        Stage::Script => Some(format!("the script was ended: {why}")),
        Stage::Outputs => Some(format!("the outputs were not sent: {why}")),
        Stage::Done => ended.problem.clone(),
    }
}

/// Outputs of a run, on their way to this machine.
pub(in crate::cli) struct Outputs<'a> {
    pub(in crate::cli) runs: &'a Runs,
    pub(in crate::cli) run: &'a RunId,
    pub(in crate::cli) asked: &'a Asked,
    pub(in crate::cli) fetch: &'a FetchArgs,
    pub(in crate::cli) events: &'a Events,
}

impl Outputs<'_> {
    /// Brings those of an attempt.
    pub(in crate::cli) async fn bring(&self, attempt: &Attempt, ended: &Ended) -> Result<Fetched> {
        let events = self.events;
        let to = self.fetch.destination(self.asked, attempt.task)?;
        let rate = Rate::begin();
        let tell = |done, all| {
            events.progress(format!("fetching the outputs: {}", rate.words(done, all)));
        };
        let fetched = self.runs.fetch(self.run, attempt, ended, &to, tell).await;
        events.progress("");
        let fetched = fetched.map_err(|error| {
            error.hint(Hint::run(Verb::RunsFetch.with(self.run)).because("fetch them again"))
        })?;
        if fetched.files + fetched.unchanged > 0 {
            events.note(format!(
                "outputs: {}, {} of it new, in `{}`",
                files(fetched.files + fetched.unchanged),
                size(fetched.bytes),
                to.folder.display()
            ));
        }
        for kept in &fetched.kept {
            events.warn(format!(
                "`{}` was changed here since the run began, and stays: --overwrite writes over it",
                output::plain(kept.as_str())
            ));
        }
        Ok(fetched)
    }
}

/// Returns the error of a run that did not end well.
pub(super) fn unwell(exit_code: u8, problem: Option<&str>, run: &RunId) -> Error {
    match problem {
        Some(problem) => Error::failed(problem.to_owned())
            .hint(Hint::run(Verb::RunsLogs.with(run)).because("what it printed")),
        None => Error::new(
            Kind::Job(exit_code),
            format!("the run `{run}` ended with {exit_code}"),
        ),
    }
}
