//! `hpcapi jobs submit`.

use std::io::Read;

use clap::Args as ClapArgs;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::event::Events;
use crate::notifications::MARK;
use crate::output::{self, Answer};
use crate::slurm::ApiVersion;
use crate::slurm::client::{Client, Request};
use crate::slurm::jobs::{self, Marker, Submitted};
use crate::slurm::operations::Order;
use crate::slurm::submission::Description;

use super::super::reach::{ReachArgs, Via};
use super::super::show::{UserArgs, View, print, print_curl, with_client};
use super::notify::NotifyArgs;
use super::sbatch_options::{SbatchOptions, as_sbatch_has_it};

/// Up to so many jobs are submitted one after the other, and so numbered in their order.
const FEW: usize = 8;

/// How many submissions of more are under way at once: slurmrestd takes no more in a second from
/// more.
const AT_ONCE: usize = 8;

/// Submit batch scripts with #SBATCH lines, or jobs in JSON as Slurm's API takes them
///
/// Nothing is sent when any of them asks for what the server would silently leave out. Prints
/// the number of each job.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    #[command(flatten)]
    options: SbatchOptions,

    #[command(flatten)]
    notify: NotifyArgs,

    /// The file on the cluster for its standard output; but text, json and raw say how the
    /// answer is printed
    #[arg(short, long, value_name = "FILE|FORMAT")]
    output: Vec<String>,

    /// Print the requests as curl commands, with the token as $SLURM_JWT, and send nothing
    #[arg(long)]
    curl: bool,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,
}

/// A job, and the file that describes it.
struct Job {
    file: String,
    description: Description,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let (view, output_file) = outputs(&args.output);
    let mut options = args.options.0.clone();
    options.extend(output_file.map(|file| ("output".to_owned(), file)));
    let user = args.user.user.as_ref();
    if args.reach.via == Via::Operations && !args.curl {
        let orders = orders(&args, &options)?;
        return submit_orders(&args, orders, view).await;
    }
    let mut jobs = read(&args.files, &options)?;
    if args.notify.notify {
        jobs.iter_mut().for_each(|job| job.description.mark(MARK));
    }
    if args.curl {
        let name = user.map_or("ec2-user", |user| user.as_str()).to_owned();
        let requests = requests(filled(jobs, &name), args.reach.curl_version(user)?)?;
        return print_curl(&args.reach, user, &requests);
    }
    with_client(&args.reach, user, async |reach, events| {
        let client = &reach.client;
        let name = client.identity().user().await?;
        let name = name.map_or_else(own_name, |name| name.to_string());
        let jobs = filled(jobs, &name);
        if args.notify.notify {
            reach.require_notifications().await?;
        }
        // All or nothing, as far as it can be known before anything is sent.
        let version = client.version().await?;
        for job in &jobs {
            job.description.body(version)?;
        }
        if view == View::Raw {
            return send_raw(client, requests(jobs, version)?).await;
        }
        let at_once = if jobs.len() <= FEW { 1 } else { AT_ONCE };
        let outcomes: Vec<(String, Result<Submitted>)> = stream::iter(jobs)
            .map(|job| async move { (job.file, submit(client, job.description).await) })
            .buffered(at_once)
            .collect()
            .await;
        conclude(outcomes, events, view)
    })
    .await
}

/// Submits batch scripts by the operations path: `sbatch` on the head node reads them, one after
/// the other.
async fn submit_orders(args: &Args, orders: Vec<(String, Order)>, view: View) -> Result<()> {
    if view == View::Raw {
        return Err(Error::usage(
            "the operations path has one shape of answers: --output json",
        ));
    }
    with_client(
        &args.reach,
        args.user.user.as_ref(),
        async |reach, events| {
            if args.notify.notify {
                reach.require_notifications().await?;
            }
            let operations = reach.client.operations().expect("asked for");
            let mut outcomes = Vec::new();
            for (file, order) in orders {
                outcomes.push((file, operations.submit(&order).await));
            }
            conclude(outcomes, events, view)
        },
    )
    .await
}

/// Prints what was submitted; fails when not everything was.
fn conclude(outcomes: Vec<(String, Result<Submitted>)>, events: &Events, view: View) -> Result<()> {
    let mut answer = SubmitAnswer::default();
    for (file, outcome) in outcomes {
        match outcome {
            Ok(submitted) => {
                for warning in &submitted.warnings {
                    events.warn(format!("job {}: {warning}", submitted.id));
                }
                answer.jobs.push(SubmittedFile { file, submitted });
            }
            Err(error) => answer.failed.push((file, error)),
        }
    }
    let written = print(&answer, view);
    answer.verdict(written)
}

/// Submits a job under a marker of its own.
async fn submit(client: &Client, description: Description) -> Result<Submitted> {
    jobs::submit(client, description, &Marker::new()?).await
}

/// Tells the format of the answer from the job's own output file.
fn outputs(given: &[String]) -> (View, Option<String>) {
    let mut view = View::Text;
    let mut file = None;
    for value in given {
        match value.as_str() {
            "text" => view = View::Text,
            "json" => view = View::Json,
            "raw" => view = View::Raw,
            path => file = Some(path.to_owned()),
        }
    }
    (view, file)
}

fn read(files: &[String], options: &[(String, String)]) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for file in files {
        let mut description = Description::read(file, &contents(file)?)?;
        for (option, value) in options {
            description.set(option, value)?;
        }
        jobs.push(Job {
            file: file.clone(),
            description,
        });
    }
    Ok(jobs)
}

fn contents(file: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Error::usage(format!("cannot read the job file `{file}`")).because(error))
}

/// Returns the text of a batch script; fails when it is none.
pub(in crate::cli) fn batch_script(file: &str, bytes: Vec<u8>) -> Result<String> {
    let script = String::from_utf8(bytes)
        .map_err(|error| Error::usage(format!("`{file}` is no text in UTF-8")).because(error))?;
    match script.starts_with("#!") {
        true => Ok(script),
        false => Err(Error::usage(format!(
            "`{file}` is no batch script: its first line does not begin with #!"
        ))),
    }
}

/// Returns what the operations path takes of files: batch scripts alone.
fn orders(args: &Args, options: &[(String, String)]) -> Result<Vec<(String, Order)>> {
    let order = |file: &String| {
        let script = batch_script(file, contents(file)?).map_err(|error| {
            error.hint("the API's own JSON goes to slurmrestd: leave out --via operations")
        })?;
        let name = file.rsplit('/').next().unwrap_or_default();
        let mut options = options.to_vec();
        args.notify.add_to(&mut options, file, &script)?;
        let order = Order {
            name: if name == "-" { "sbatch" } else { name }.to_owned(),
            script,
            arguments: Vec::new(),
            options: options.into_iter().map(as_sbatch_has_it).collect(),
            marker: Marker::digits()?,
        };
        Ok((file.clone(), order))
    };
    args.files.iter().map(order).collect()
}

fn filled(mut jobs: Vec<Job>, user: &str) -> Vec<Job> {
    for job in &mut jobs {
        job.description.fill(user);
    }
    jobs
}

fn requests(jobs: Vec<Job>, version: ApiVersion) -> Result<Vec<Request>> {
    jobs.iter()
        .map(|job| jobs::submit_request(&job.description, version))
        .collect()
}

async fn send_raw(client: &Client, requests: Vec<Request>) -> Result<()> {
    let mut submitted = Vec::new();
    for request in requests {
        let reply = client.call(&request).await?;
        let written = output::bytes(&[&reply.body, b"\n".as_slice()].concat());
        let Some(id) = jobs::accepted(&reply.body) else {
            return Err(client.refusal(&request, &reply));
        };
        submitted.push(id);
        if let Err(unwritten) = written {
            let done = super::named(&submitted, "was", "were").unwrap_or_default();
            return Err(output::after(&format!("{done} submitted"), unwritten));
        }
    }
    Ok(())
}

/// Returns the name of whoever runs this, for a socket that knows its callers by themselves.
fn own_name() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}

#[derive(Serialize)]
struct SubmittedFile {
    file: String,
    #[serde(flatten)]
    submitted: Submitted,
}

#[derive(Default, Serialize)]
struct SubmitAnswer {
    jobs: Vec<SubmittedFile>,
    #[serde(skip)]
    failed: Vec<(String, Error)>,
}

impl SubmitAnswer {
    /// Returns the error of the first file that failed; with an answer that could not be written,
    /// the error names the jobs that were submitted.
    fn verdict(mut self, written: Result<()>) -> Result<()> {
        if self.failed.is_empty() {
            return written;
        }
        let count = self.failed.len();
        let (file, error) = self.failed.swap_remove(0);
        if count == 1 && self.jobs.is_empty() {
            return Err(error);
        }
        let mut all = Error::failed(format!(
            "{count} of {} jobs were not submitted, the first of them `{file}`",
            count + self.jobs.len()
        ));
        if let Err(unwritten) = written {
            all = Error::failed(format!("{unwritten}; and {all}"));
        }
        for hint in error.hints() {
            all = all.hint(hint);
        }
        Err(all.because(error))
    }
}

impl Answer for SubmitAnswer {
    fn text(&self) -> String {
        self.jobs
            .iter()
            .map(|job| format!("{}\n", job.submitted.id))
            .collect()
    }

    fn done(&self) -> Option<String> {
        let ids = self.jobs.iter().map(|job| job.submitted.id);
        let jobs = super::named(ids, "was", "were")?;
        Some(format!("{jobs} submitted"))
    }
}
