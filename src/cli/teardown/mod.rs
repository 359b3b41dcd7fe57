//! `hpcapi teardown`.

mod answer;

use std::io::IsTerminal;

use clap::Args as ClapArgs;

use crate::deploy::{self, Scan, Teardown};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Format, Story};
use crate::step::Step;

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse, open_sandbox};

use answer::TeardownAnswer;

/// Remove the whole deployment, and show what is left
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Do not ask before deleting
    #[arg(short, long)]
    yes: bool,

    /// Delete nothing: only show what there is of the deployment, what it costs, and how to
    /// remove it
    #[arg(long)]
    check: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    if args.deployment.is_in_sandbox() {
        let sandbox = open_sandbox()?;
        if sandbox.running().is_none() && (args.check || !sandbox.is_installed().await) {
            let removed = (!args.check).then(Vec::new);
            let answer = TeardownAnswer::new(removed, Scan::default());
            return output::answer(&answer, args.output);
        }
    }
    let (events, story) = Story::start(false);
    let done = work(&args, &events).await;
    drop(events);
    story.end().await;
    let (removed, scan) = done?;
    let verdict = verdict(&args, &scan);
    let written = output::answer(&TeardownAnswer::new(removed, scan), args.output);
    verdict.and(written)
}

/// Returns the steps whose things were removed, unless it was only looked, and what there is.
async fn work(args: &Args, events: &Events) -> Result<(Option<Vec<Step>>, Scan)> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    if args.check {
        return Ok((None, deploy::check_leftovers(&context).await?));
    }
    let doomed = deploy::doomed(&context).await?;
    if !doomed.is_empty() {
        confirm(args, &doomed).await?;
    }
    let Teardown { removed, scan } = deploy::teardown(&context).await?;
    Ok((Some(removed), scan))
}

/// Fails unless everything was looked at, and nothing was found.
fn verdict(args: &Args, scan: &Scan) -> Result<()> {
    let again = args.deployment.again(&args.cluster).command("teardown");
    match (scan.left.as_slice(), scan.unseen.first()) {
        ([], None) => Ok(()),
        ([], Some(unseen)) => Err(Error::failed(format!(
            "could not look at every {}: whether something is left is not known",
            unseen.kind
        ))
        .because(unseen.why.clone())
        .hint(format!("look again: {again} --check"))),
        ([first, others @ ..], _) => Err(Error::failed(match others.len() {
            0 => format!("the {} `{}` is left", first.kind, first.name),
            number => format!(
                "the {} `{}` and {number} more are left",
                first.kind, first.name
            ),
        })
        .hint(match (args.check, &first.remove) {
            (false, Some(command)) => format!("remove it: {command}"),
            _ => format!("remove what can be: {again}"),
        })),
    }
}

/// Says what will be deleted, and asks unless `--yes` was given.
async fn confirm(args: &Args, doomed: &[String]) -> Result<()> {
    let list = format!("this deletes for good:\n  {}\n", doomed.join("\n  "));
    output::tell(&list);
    let agreed =
        args.yes || (std::io::stdin().is_terminal() && output::confirm("delete it all?").await);
    if agreed {
        return Ok(());
    }
    Err(Error::usage("nothing was deleted").hint(format!(
        "without the question: {} --yes",
        args.deployment.again(&args.cluster).command("teardown")
    )))
}
