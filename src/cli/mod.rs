//! The commands: one file each, with its arguments, a call, and the shape of its answer.

mod config;
mod deployment;
mod sandbox;
mod status;
mod teardown;
mod token;
mod up;

use clap::{Parser, Subcommand};

use crate::error::{Error, Kind, Result};

/// One command turns an AWS account into a secured HTTPS API in front of a Slurm cluster;
/// another turns it back into nothing.
#[derive(Debug, Parser)]
#[command(name = "hpcapi", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, \
    3 not (all) ready, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Status(status::Args),
    Token(token::Args),
    Teardown(teardown::Args),
    Config(config::Args),
    Sandbox(sandbox::Args),
}

/// Reads the arguments and runs the command, until it ends or the user interrupts it.
pub async fn main() -> Result<()> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap knows where its text belongs and which exit code (0 or 2) it means.
        Err(error) => error.exit(),
    };
    tokio::select! {
        result = run(cli.command) => result,
        () = interrupt() => Err(Error::new(Kind::Interrupted, "interrupted")
            .hint("AWS goes on with what was begun; type the same command to come back to it")),
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Token(args) => token::run(args).await,
        Command::Teardown(args) => teardown::run(args).await,
        Command::Config(args) => config::run(args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
