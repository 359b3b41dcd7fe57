//! The commands: one file each, with its arguments, a call, and the shape of its answer.

mod account_args;
mod api;
mod called;
mod cluster_args;
mod config;
mod configuration;
mod consent;
mod deployment;
mod doctor;
mod extend;
mod generate;
mod iam_policy;
mod identity;
mod init;
mod jobs;
mod list;
mod neighbours;
mod network_args;
mod nodes;
mod overview;
mod owner;
mod part_args;
mod partitions;
mod pause;
mod ping;
mod plan;
mod prices;
mod reach;
mod remembered;
mod resume;
mod run;
mod runs;
mod sandbox;
mod settings_file;
mod shims;
mod show;
mod status;
mod teardown;
mod token;
mod trigger;
mod up;
mod upgrade;

use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{Error, Kind, Result};
use crate::hint::{Again, Hint, Verb};
use crate::output;

use reach::Via;

pub use called::Failure;
pub use shims::Program;

/// One command turns an AWS account into a secured HTTPS API in front of a Slurm cluster;
/// another turns it back into nothing.
#[derive(Debug, Parser)]
#[command(name = "hpcapi", version = env!("HPCAPI_VERSION"), arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, \
    3 not (all) ready or somebody else at work, 130 interrupted; `jobs wait` ends with the exit code of the job."
)]
struct Cli {
    /// How Slurm is reached; the commands that reach it have it, too.
    #[arg(long, value_enum, global = true, hide = true)]
    via: Option<Via>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Upgrade(upgrade::Args),
    Plan(plan::Args),
    Status(status::Args),
    Doctor(doctor::Args),
    List(list::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Extend(extend::Args),
    Teardown(teardown::Args),
    Run(Box<run::Args>),
    Runs(runs::Args),
    Jobs(jobs::Args),
    Partitions(partitions::Args),
    Nodes(nodes::Args),
    Trigger(trigger::Args),
    Token(token::Args),
    Ping(ping::Args),
    Api(api::Args),
    Config(config::Args),
    Init(init::Args),
    IamPolicy(iam_policy::Args),
    Sandbox(sandbox::Args),
    Shims(shims::Args),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

impl Command {
    fn reaches_slurm(&self) -> bool {
        matches!(
            self,
            Command::Ping(_)
                | Command::Partitions(_)
                | Command::Nodes(_)
                | Command::Jobs(_)
                | Command::Run(_)
                | Command::Runs(_)
                | Command::Api(_)
        )
    }

    /// Returns what goes on when the user interrupts, and how to come back to it.
    fn what_goes_on(&self) -> Option<Hint> {
        match self {
            Command::Up(_)
            | Command::Upgrade(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Teardown(_) => {
                let words =
                    "AWS goes on with what was begun; type the same command to come back to it";
                Some(words.into())
            }
            Command::Jobs(args) => args.what_goes_on(),
            Command::Trigger(args) => args.what_goes_on().map(Hint::from),
            Command::Run(_) | Command::Runs(_) => Some(
                Hint::run(Verb::RunsList)
                    .because("a run that was submitted goes on; to come back to it")
                    .then(", then ")
                    .then_run(Verb::RunsAttach.with("RUN")),
            ),
            _ => None,
        }
    }
}

/// Reads the arguments and runs the command, until it ends or the user interrupts it.
pub async fn main() -> Result<(), Failure> {
    if std::env::args_os().len() <= 1 {
        let told = output::raw(&overview::text(&Cli::command()));
        return told.map_err(|error| fail(error, called::unknown()));
    }
    let given = read().map_err(|error| fail(error, called::unknown()))?;
    let Some((cli, again)) = given else {
        return Ok(());
    };
    run_until_interrupt(cli)
        .await
        .map_err(|error| fail(error, again))
}

fn fail(error: Error, again: Again) -> Failure {
    Failure { error, again }
}

/// Reads the arguments; returns nothing when they ask for help, which is printed then.
fn read() -> Result<Option<(Cli, Again)>> {
    let mut command = without_empty_variables(Cli::command());
    // Only arguments tell which settings file is meant, and then it says what others are by default.
    if let Ok(given) = command.clone().try_get_matches() {
        command = settings_file::read_into(command, &given)?;
    }
    let given = command
        .try_get_matches()
        .and_then(|given| Ok((Cli::from_arg_matches(&given)?, given)));
    match given {
        Ok((cli, given)) => Ok(Some((cli, called::again(Cli::command(), &given)))),
        Err(error) if error.use_stderr() => {
            let words = std::env::args_os().skip(1);
            let words: Vec<_> = words.map(|it| it.to_string_lossy().into_owned()).collect();
            if let Some(error) = neighbours::answer(&error, &Cli::command(), &words) {
                return Err(error);
            }
            output::harmless(&error.render().to_string());
            std::process::exit(error.exit_code());
        }
        // Help and version, in colour where there is a terminal.
        Err(error) => output::printed(error.print()).map(|()| None),
    }
}

async fn run_until_interrupt(cli: Cli) -> Result<()> {
    if cli.via.is_some() && !cli.command.reaches_slurm() {
        return Err(Error::usage("--via is for commands that ask Slurm")
            .hint(Hint::run(Verb::JobsList.with("--via operations")).because("for example")));
    }
    let what_goes_on = cli.command.what_goes_on();
    tokio::select! {
        result = run(cli.command) => result,
        () = interrupt() => Err(what_goes_on
            .into_iter()
            .fold(Error::new(Kind::Interrupted, "interrupted"), Error::hint)),
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Upgrade(args) => upgrade::run(args).await,
        Command::Plan(args) => plan::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::List(args) => list::run(args).await,
        Command::Token(args) => token::run(args).await,
        Command::Pause(args) => pause::run(args).await,
        Command::Resume(args) => resume::run(args).await,
        Command::Extend(args) => extend::run(args).await,
        Command::Teardown(args) => teardown::run(args).await,
        Command::Ping(args) => ping::run(args).await,
        Command::Partitions(args) => partitions::run(args).await,
        Command::Nodes(args) => nodes::run(args).await,
        Command::Jobs(args) => jobs::run(args).await,
        Command::Run(args) => run::run(*args).await,
        Command::Runs(args) => runs::run(args).await,
        Command::Trigger(args) => trigger::run(args).await,
        Command::Api(args) => api::run(args).await,
        Command::Shims(args) => shims::run(&args),
        Command::Config(args) => config::run(args).await,
        Command::Init(args) => init::run(&args),
        Command::IamPolicy(args) => iam_policy::run(&args),
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Completions(args) => generate::completions(&args, Cli::command()),
        Command::Man(args) => generate::man(&args, Cli::command()),
    }
}

/// Returns the command with arguments that take no value from an empty variable.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|argument| match argument.get_env() {
            Some(name) if is_empty(name) => argument.env(Resettable::Reset),
            _ => argument,
        })
        .mut_subcommands(without_empty_variables)
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
