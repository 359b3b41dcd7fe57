//! `hpcapi sandbox`.

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::hint::{Hint, Verb};
use crate::output::{self, Answer, Format, Volume};
use crate::sandbox::{Running, Sandbox};

use super::deployment::{open_sandbox, sandbox_account};

/// Start or stop the sandbox: AWS on this machine
///
/// It is an AWS of your own, needs no account and costs nothing.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing, and start it
    Start,
    /// Stop it, with everything that runs in it; what was deployed there is gone
    Stop,
    /// Print what points the AWS CLI, boto3 and pcluster at it: eval "$(hpcapi sandbox env)"
    Env,
    /// Say whether it runs; exits 3 when it does not
    Status {
        /// How the answer is printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        output: Format,
    },
}

pub(super) async fn run(args: Args) -> Result<()> {
    let sandbox = open_sandbox()?;
    match args.command {
        Command::Start => start(&sandbox).await,
        Command::Stop => {
            let ran = sandbox.stop().await?;
            output::raw(if ran {
                "the sandbox is stopped\n"
            } else {
                "the sandbox did not run\n"
            })
        }
        Command::Env => {
            let running = sandbox.running().ok_or_else(not_running)?;
            output::raw(&env(&running)?)
        }
        Command::Status { output } => {
            let running = sandbox.running();
            let answer = SandboxAnswer::new(&sandbox, running.as_ref()).await;
            output::answer(&answer, output)?;
            running.map(|_| ()).ok_or_else(not_running)
        }
    }
}

async fn start(sandbox: &Sandbox) -> Result<()> {
    let started = output::telling(Volume::Steps, async |events| sandbox.start(events).await).await;
    let running = started?;
    let answer = SandboxAnswer::new(sandbox, Some(&running)).await;
    output::answer(&answer, Format::Text)
}

fn not_running() -> Error {
    Error::new(Kind::NotReady, "the sandbox does not run").hint(Hint::run(Verb::SandboxStart))
}

fn env(running: &Running) -> Result<String> {
    let endpoint = running.endpoint(None, sandbox_account()?.as_deref());
    Ok(endpoint
        .environment()
        .into_iter()
        .map(|(key, value)| format!("export {key}={value}\n"))
        .collect())
}

#[derive(Serialize)]
struct SandboxAnswer {
    running: bool,
    installed: bool,
    endpoint: Option<String>,
    pid: Option<u32>,
    folder: String,
}

impl SandboxAnswer {
    async fn new(sandbox: &Sandbox, running: Option<&Running>) -> SandboxAnswer {
        SandboxAnswer {
            running: running.is_some(),
            installed: sandbox.is_installed().await,
            endpoint: running.map(|running| running.endpoint.clone()),
            pid: running.map(|running| running.pid),
            folder: sandbox.folder().display().to_string(),
        }
    }
}

impl Answer for SandboxAnswer {
    fn text(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("the sandbox runs at {endpoint}, in {}\n", self.folder),
            None if self.installed => format!("the sandbox in {} does not run\n", self.folder),
            None => format!("the sandbox is not installed ({})\n", self.folder),
        }
    }
}
