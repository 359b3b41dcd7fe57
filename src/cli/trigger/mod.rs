//! `hpcapi trigger`.

mod add;
mod answer;
mod list;
mod logs;
mod pause;
mod remove;
mod retry;
mod show;
mod test;

use std::sync::Arc;

use clap::{Args as ClapArgs, Subcommand};

use crate::context::Context;
use crate::deploy;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Volume};
use crate::triggers::Triggers;

use super::cluster_args::ClusterArgs;
use super::deployment::DeploymentArgs;
use super::deployment::SandboxUse;

/// Make jobs of objects that come into the bucket
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Box<add::Args>),
    List(list::Args),
    Show(show::Args),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Logs(logs::Args),
    Retry(retry::Args),
    Test(test::Args),
    Remove(remove::Args),
}

impl Args {
    /// Returns what goes on when the user interrupts.
    pub(super) fn what_goes_on(&self) -> Option<&'static str> {
        match self.command {
            Command::Add(_) => {
                Some("AWS goes on with what was begun; type the same command to come back to it")
            }
            _ => None,
        }
    }
}

pub(super) async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Add(args) => add::run(*args).await,
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Pause(args) => pause::pause(args).await,
        Command::Resume(args) => pause::resume(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Retry(args) => retry::run(args).await,
        Command::Test(args) => test::run(args).await,
        Command::Remove(args) => remove::run(args).await,
    }
}

/// Works with the triggers of a deployment that is there.
async fn with_triggers<T>(
    deployment: &DeploymentArgs,
    work: impl AsyncFnOnce(&Triggers, &Events) -> Result<T>,
) -> Result<T> {
    output::telling(Volume::of_answer(deployment.verbose), async |events| {
        let context = open(deployment, &ClusterArgs::default(), events).await?;
        work(&triggers_of(&context)?, events).await
    })
    .await
}

/// Returns the context of a deployment that is there, with what is known of it.
async fn open(
    deployment: &DeploymentArgs,
    cluster: &ClusterArgs,
    events: &Events,
) -> Result<Arc<Context>> {
    let told = events.going_on("looking for the deployment");
    let expected = SandboxUse::Expect;
    let context = deployment.context(cluster, expected, events).await?;
    deploy::locate(&context).await?;
    told.end().await;
    Ok(context)
}

fn triggers_of(context: &Arc<Context>) -> Result<Triggers> {
    let bucket = context.requirements().map(|it| it.bucket);
    let bucket = bucket.ok_or_else(|| {
        let name = &context.settings.name;
        Error::new(Kind::NotReady, format!("`{name}` has no bucket"))
            .hint(context.settings.again.command("up"))
    })?;
    Ok(Triggers::new(context.aws.buckets.clone(), bucket))
}
