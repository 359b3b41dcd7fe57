//! `hpcapi run`.

mod answer;
mod follow;

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::error::{Context as _, Error, Result};
use crate::event::Events;
use crate::hint::{Hint, Verb};
use crate::output::{self, Format, size};
use crate::runs::{Begun, RunId, Runs, Staging, Wanted};
use crate::slurm::UserName;
use crate::slurm::submission::{Owner, script_text};

use super::deployment::cache_folder;
use super::jobs::{NotifyArgs, SbatchOptions};
use super::owner::HomeArgs;
use super::reach::{JobBucket, Reach, ReachArgs};
use super::show::{Told, UserArgs, with_client_telling};

pub(super) use answer::RunAnswer;
pub(super) use follow::{FetchArgs, Following, Outputs, follow, print_news};

/// Run a script as a job, with its files
///
/// Runs a batch script with its input files, follows it, and brings its output files back.
///
/// Inputs are sent to the deployment's bucket, as far as they are not there, and lie in the job's work
/// folder as they lie here. What the script prints is shown as it comes, and what --out matches is
/// brought back to this folder. Ctrl-C leaves the job running: `hpcapi runs attach` comes back to it.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The batch script, with #SBATCH lines
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,

    /// The script's arguments, after --
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,

    /// A file or folder that the job gets; or s3://bucket/key, which the job fetches itself. May be
    /// given again. What a .hpcapiignore in a folder matches is left out
    #[arg(long = "in", value_name = "PATH")]
    inputs: Vec<String>,

    /// Which files of its work folder come back, as in 'results/**'; may be given again
    #[arg(long = "out", value_name = "GLOB")]
    out: Vec<String>,

    /// The folder on the cluster in which the work folder is made, from the user's home
    #[arg(long, value_name = "FOLDER", default_value = "hpcapi")]
    work: String,

    /// Leave the work folder on the cluster
    #[arg(long)]
    keep_work: bool,

    /// Return once the job is submitted, and print the run
    #[arg(long)]
    detach: bool,

    #[command(flatten)]
    fetch: FetchArgs,

    #[command(flatten)]
    options: SbatchOptions,

    #[command(flatten)]
    notify: NotifyArgs,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    home: HomeArgs,

    /// How the answer is printed; with json the job's output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let script = std::fs::read(&args.script).map_err(|error| {
        Error::usage(format!(
            "cannot read the script `{}`",
            args.script.display()
        ))
        .because(error)
    })?;
    let user = args.user.user.as_ref();
    with_client_telling(Told::Progress, &args.reach, user, async |reach, events| {
        let name = reach.client.identity().user().await?;
        let name = name.ok_or_else(|| Error::usage("whose job? the token names no user"))?;
        let wanted = wanted(&args, &script, &name)?;
        // All that is wrong with the job is known before anything is sent.
        let options = &wanted.options;
        let owner = args.home.owner(reach, &wanted.user).await;
        let job = Runs::description(&wanted.script_name, &script, options, &owner)?;
        job.body(reach.client.version().await?)?;
        let bucket = reach.bucket().await?;
        if args.notify.notify {
            reach.require_notifications().await?;
        }
        let begun = stage(&bucket, wanted, events).await?;
        let id = submit(reach, &bucket, &begun, owner, events).await?;
        if args.detach {
            let answer = RunAnswer::submitted(&begun.run, id);
            return output::answer(&answer, args.output);
        }
        let following = Following {
            run: begun.run,
            asked: begun.asked,
            job: id,
            format: args.output,
        };
        follow(reach, &bucket, &following, &args.fetch, events).await
    })
    .await
}

fn wanted(args: &Args, script: &[u8], user: &UserName) -> Result<Wanted> {
    let name = args.script.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| Error::usage(format!("`{}` cannot name a script", args.script.display())))?;
    let text = &script_text(name, script)?;
    let (s3_inputs, inputs): (Vec<String>, Vec<String>) = args
        .inputs
        .iter()
        .cloned()
        .partition(|input: &String| input.starts_with("s3://"));
    require_patterns(&args.out)?;
    let mut options = args.options.0.clone();
    args.notify.add_to(&mut options, name, text)?;
    Ok(Wanted {
        script_name: name.to_owned(),
        script: text.clone(),
        arguments: args.arguments.clone(),
        options,
        inputs: inputs.into_iter().map(PathBuf::from).collect(),
        s3_inputs,
        out: args.out.clone(),
        work: args.work.clone(),
        keep_work: args.keep_work,
        user: user.to_string(),
    })
}

/// Fails unless these are patterns of files in a work folder.
pub(super) fn require_patterns(patterns: &[String]) -> Result<()> {
    let is_bad = |pattern: &&String| {
        pattern.is_empty() || pattern.starts_with('/') || pattern.split('/').any(|it| it == "..")
    };
    match patterns.iter().find(is_bad) {
        None => Ok(()),
        Some(bad) => Err(Error::usage(format!(
            "`{bad}` is no pattern of files in the work folder"
        ))
        .hint("for example: --out 'results/**' --out '*.log'")),
    }
}

/// Sends the inputs, and tells how far it is.
async fn stage(bucket: &JobBucket, wanted: Wanted, events: &Events) -> Result<Begun> {
    let here = std::env::current_dir().doing(|| "this folder cannot be read".to_owned())?;
    let cache = cache_folder()?.join("digests.json");
    let mut sending = None;
    let tell = std::cell::RefCell::new(|staging| match staging {
        Staging::Reading(done, all) => events.progress(format!(
            "reading the inputs: {} of {}",
            size(done),
            size(all)
        )),
        Staging::Sending(done, all) => {
            let rate = sending.get_or_insert_with(Rate::begin);
            events.progress(format!("sending the inputs: {}", rate.words(done, all)));
        }
    });
    let begun = bucket
        .runs
        .stage(wanted, &here, cache, |staging| tell.borrow_mut()(staging))
        .await;
    events.progress("");
    let begun = begun?;
    if begun.files > 0 {
        events.note(format!(
            "inputs: {} with {}, {} of it sent",
            files(begun.files),
            size(begun.bytes),
            size(begun.sent)
        ));
    }
    Ok(begun)
}

/// Submits the job, and says how to come back to it.
async fn submit(
    reach: &Reach,
    bucket: &JobBucket,
    begun: &Begun,
    owner: Owner,
    events: &Events,
) -> Result<u64> {
    let (run, asked) = (&begun.run, &begun.asked);
    let runs = &bucket.runs;
    let submitted = runs
        .submit(
            &reach.client,
            &bucket.memory,
            run,
            asked,
            &bucket.region,
            async || owner,
        )
        .await
        .map_err(|error| not_submitted(run, error))?;
    for warning in &submitted.warnings {
        events.warn(format!("job {}: {warning}", submitted.id));
    }
    events.note(format!("run {run} is job {}", submitted.id));
    Ok(submitted.id)
}

/// Returns how many files there are, in words.
fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}

/// Returns the error of a run whose inputs are in the bucket, and whose job may not be.
pub(super) fn not_submitted(run: &RunId, error: Error) -> Error {
    error.hint(Hint::run(Verb::RunsAttach.with(run)).because("submit it, if it is not"))
}

/// How fast something goes.
pub(super) struct Rate(std::time::Instant);

impl Rate {
    /// Returns the rate of what begins now.
    pub(super) fn begin() -> Rate {
        Rate(std::time::Instant::now())
    }

    /// Returns how far it is: bytes, rate, and time left.
    pub(super) fn words(&self, done: u64, all: u64) -> String {
        let seconds = self.0.elapsed().as_secs_f64();
        let text = format!("{} of {}", size(done), size(all));
        if done == 0 || seconds < 0.5 {
            return text;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rate = done as f64 / seconds;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let left = std::time::Duration::from_secs_f64((all.saturating_sub(done)) as f64 / rate);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is positive and small"
        )]
        let rate = rate as u64;
        format!(
            "{text}, {}/s, {} left",
            size(rate),
            output::span(left.as_secs())
        )
    }
}
