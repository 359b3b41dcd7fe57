//! `hpcapi jobs submit`.

use clap::Args as ClapArgs;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::hint::Again;
use crate::notifications::MARK;
use crate::output::{self, Answer};
use crate::slurm::ApiVersion;
use crate::slurm::client::{Client, Request};
use crate::slurm::jobs::{self, Marker, Submitted};
use crate::slurm::submission::Description;

use super::super::owner::HomeArgs;
use super::super::reach::{Reach, ReachArgs, Via};
use super::super::show::{Told, UserArgs, View, print, print_curl, with_client_telling};
use super::filter::own_name;
use super::job_files::{Files, Job, bodies, filled, orders, read};
use super::notify::NotifyArgs;
use super::sbatch_options::{ClientOptions, SbatchOptions};
use super::taken::{Taken, remark};
use super::wait::wait_for;

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
    #[arg(required_unless_present = "wrap", value_name = "FILE")]
    files: Vec<String>,

    /// The script's arguments, after --
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,

    #[command(flatten)]
    options: SbatchOptions,

    #[command(flatten)]
    client: ClientOptions,

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

    #[command(flatten)]
    home: HomeArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let (view, output_file) = outputs(&args.output);
    let mut options = args.options.0.clone();
    options.extend(output_file.map(|file| ("output".to_owned(), file)));
    let files = Files {
        files: &args.files,
        command: args.client.get("wrap"),
        arguments: &args.arguments,
        has_others: args.client.get("ignore-pbs").is_none(),
    };
    files.require_one_way()?;
    let user = args.user.user.as_ref();
    if args.reach.via == Via::Operations && !args.curl {
        return submit_orders(&args, &files, &options, view).await;
    }
    let mut jobs = read(&files, &options)?;
    let asks = |option| {
        let mut wishing = jobs.iter();
        args.client.get(option).is_some() || wishing.any(|job| job.description.wishes(option))
    };
    let (is_test, waits) = (asks("test-only"), asks("wait"));
    if args.notify.notify {
        jobs.iter_mut().for_each(|job| job.description.mark(MARK));
    }
    if args.curl {
        let name = args.reach.curl_user(user)?;
        let name = name.map_or_else(|| "ec2-user".to_owned(), |name| name.to_string());
        let owner = args.home.known_owner(&args.reach, user, &name)?;
        let requests = requests(filled(jobs, &owner)?, args.reach.curl_version(user)?)?;
        return print_curl(&args.reach, user, &requests);
    }
    let told = match waits {
        true => Told::of_a_wait(),
        false => Told::Warnings,
    };
    with_client_telling(told, &args.reach, user, async |reach, events| {
        let client = &reach.client;
        let owner = args.home.owner(reach, &own_name(client).await?).await;
        let jobs = filled(jobs, &owner)?;
        if args.notify.notify {
            reach.require_notifications().await?;
        }
        // All or nothing, as far as it can be known before anything is sent.
        let version = client.version().await?;
        let bodies = bodies(&jobs, version)?;
        if is_test {
            return print(&TestAnswer::new(jobs, bodies), view);
        }
        if view == View::Raw {
            return send_raw(client, requests(jobs, version)?).await;
        }
        let at_once = if jobs.len() <= FEW { 1 } else { AT_ONCE };
        let outcomes: Vec<Outcome> = stream::iter(jobs)
            .map(|job| async move {
                Outcome {
                    partition: job.description.partition().map(ToOwned::to_owned),
                    file: job.file,
                    submitted: submit(client, job.description).await,
                }
            })
            .buffered(at_once)
            .collect()
            .await;
        let submitted = conclude(outcomes, &args, reach, view)?;
        match waits {
            true => wait_for(reach, events, &submitted).await,
            false => Ok(()),
        }
    })
    .await
}

impl Args {
    /// Returns how the answer is printed; `None` when it is not.
    fn view(&self, view: View) -> Option<View> {
        let is_quiet = self.client.get("quiet").is_some() && view == View::Text;
        (!is_quiet).then_some(view)
    }
}

/// Submits batch scripts by the operations path: `sbatch` on the head node reads them, one after
/// the other.
async fn submit_orders(
    args: &Args,
    files: &Files<'_>,
    options: &[(String, String)],
    view: View,
) -> Result<()> {
    if view == View::Raw {
        return Err(Error::usage(
            "the operations path has one shape of answers: --output json",
        ));
    }
    if args.client.get("test-only").is_some() {
        return Err(Error::usage(
            "`--test-only` cannot be had by operations: sbatch on the head node reads the job",
        ));
    }
    let orders = orders(files, options, args.notify)?;
    let told = match args.client.get("wait") {
        Some(_) => Told::of_a_wait(),
        None => Told::Warnings,
    };
    with_client_telling(
        told,
        &args.reach,
        args.user.user.as_ref(),
        async |reach, events| {
            if args.notify.notify {
                reach.require_notifications().await?;
            }
            let operations = reach.client.operations().expect("asked for");
            let mut outcomes = Vec::new();
            for (file, order) in orders {
                outcomes.push(Outcome {
                    file,
                    partition: None,
                    submitted: operations.submit(&order).await,
                });
            }
            let submitted = conclude(outcomes, args, reach, view)?;
            match args.client.get("wait") {
                Some(_) => wait_for(reach, events, &submitted).await,
                None => Ok(()),
            }
        },
    )
    .await
}

/// What became of a file.
struct Outcome {
    file: String,
    /// The partition that it names.
    partition: Option<String>,
    submitted: Result<Submitted>,
}

/// Prints what was submitted, and returns the numbers; fails when not everything was.
fn conclude(outcomes: Vec<Outcome>, args: &Args, reach: &Reach, view: View) -> Result<Vec<u64>> {
    let mut answer = SubmitAnswer::default();
    let mut taken = Vec::new();
    for Outcome {
        file,
        partition,
        submitted,
    } in outcomes
    {
        match submitted {
            Ok(submitted) => {
                for warning in &submitted.warnings {
                    reach
                        .events
                        .warn(format!("job {}: {warning}", submitted.id));
                }
                for line in submitted
                    .job_submit_user_msg
                    .iter()
                    .flat_map(|it| it.lines())
                {
                    output::harmless(&format!("job {}: {line}\n", submitted.id));
                }
                taken.push(Taken::new(&submitted, partition));
                answer.jobs.push(SubmittedFile { file, submitted });
            }
            Err(error) => answer
                .failed
                .push(FailedFile::new(file, error, &args.reach.again())),
        }
    }
    for FailedFile { file, cause, .. } in answer.failed.iter().skip(1) {
        let text = format!("`{file}` was not submitted: {cause:#}");
        reach.events.warn(text);
    }
    let view = args.view(view);
    let written = view.map_or(Ok(()), |view| print(&answer, view));
    if view == Some(View::Text)
        && let Some(line) = remark(&taken, reach.is_of_deployment(), |verb| {
            args.reach.command(verb)
        })
    {
        output::remark(&line);
    }
    let ids = answer.jobs.iter().map(|job| job.submitted.id).collect();
    answer.verdict(written).map(|()| ids)
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

/// What would be submitted.
#[derive(Serialize)]
struct TestAnswer {
    tested: Vec<TestedFile>,
}

#[derive(Serialize)]
struct TestedFile {
    file: String,
    name: String,
    request: serde_json::Value,
    warnings: Vec<String>,
}

impl TestAnswer {
    fn new(jobs: Vec<Job>, bodies: Vec<serde_json::Value>) -> TestAnswer {
        let tested = jobs
            .into_iter()
            .zip(bodies)
            .map(|(job, request)| TestedFile {
                name: job.description.name().to_owned(),
                file: job.file,
                request,
                warnings: job.description.remarks(),
            });
        TestAnswer {
            tested: tested.collect(),
        }
    }
}

impl Answer for TestAnswer {
    fn text(&self) -> String {
        let lines = self.tested.iter().map(|one| {
            let warnings = one
                .warnings
                .iter()
                .map(|words| format!("  warning: {words}\n"));
            let warnings: String = warnings.collect();
            let (file, name) = (&one.file, &one.name);
            format!("{file}: would be submitted as the job `{name}`\n{warnings}")
        });
        lines.collect()
    }
}

#[derive(Serialize)]
struct SubmittedFile {
    file: String,
    #[serde(flatten)]
    submitted: Submitted,
}

#[derive(Serialize)]
struct FailedFile {
    file: String,
    error: String,
    because: Option<String>,
    hints: Vec<String>,
    #[serde(skip)]
    cause: Error,
}

impl FailedFile {
    fn new(file: String, cause: Error, again: &Again) -> FailedFile {
        FailedFile {
            file,
            error: cause.to_string(),
            because: std::error::Error::source(&cause).map(ToString::to_string),
            hints: cause.hints().iter().map(|hint| again.hint(hint)).collect(),
            cause,
        }
    }
}

#[derive(Default, Serialize)]
struct SubmitAnswer {
    jobs: Vec<SubmittedFile>,
    failed: Vec<FailedFile>,
}

impl SubmitAnswer {
    /// Returns the error of the first file that failed; with an answer that could not be written,
    /// the error names the jobs that were submitted.
    fn verdict(mut self, written: Result<()>) -> Result<()> {
        if self.failed.is_empty() {
            return written;
        }
        let count = self.failed.len();
        let FailedFile {
            file, cause: error, ..
        } = self.failed.swap_remove(0);
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
