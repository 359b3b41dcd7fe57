//! `hpcapi teardown`.

use std::io::IsTerminal;

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::deploy::{self, Leftover, Teardown};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Story};

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse, open_sandbox};

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

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    if args.deployment.is_in_sandbox() {
        let sandbox = open_sandbox()?;
        if sandbox.running().is_none() && !sandbox.is_installed() {
            output::answer(&TeardownAnswer::nothing(), args.output);
            return Ok(());
        }
    }
    let (events, story) = Story::start(false);
    let done = work(&args, &events).await;
    drop(events);
    story.end().await;
    let answer = done?;
    output::answer(&answer, args.output);
    match answer.left.first() {
        None => Ok(()),
        Some(first) => Err(
            Error::failed(format!("the {} `{}` is left", first.kind, first.name)).hint(format!(
                "try again: {}",
                args.deployment.again(&args.cluster).command("teardown")
            )),
        ),
    }
}

async fn work(args: &Args, events: &Events) -> Result<TeardownAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    let doomed = deploy::doomed(&context).await?;
    if !doomed.is_empty() {
        confirm(args, &doomed)?;
    }
    Ok(TeardownAnswer::new(deploy::teardown(&context).await?))
}

/// Says what will be deleted, and asks unless `--yes` was given.
fn confirm(args: &Args, doomed: &[String]) -> Result<()> {
    let list = format!("this deletes for good:\n  {}\n", doomed.join("\n  "));
    output::tell(&list);
    let agreed = args.yes || (std::io::stdin().is_terminal() && output::confirm("delete it all?"));
    if agreed {
        return Ok(());
    }
    Err(Error::usage("nothing was deleted").hint(format!(
        "without the question: {} --yes",
        args.deployment.again(&args.cluster).command("teardown")
    )))
}

#[derive(Serialize)]
struct TeardownAnswer {
    /// The steps whose things were removed.
    removed: Vec<&'static str>,
    /// What should be gone, and is not.
    left: Vec<LeftAnswer>,
    /// What stays on purpose.
    kept: Vec<LeftAnswer>,
}

#[derive(Serialize)]
struct LeftAnswer {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

impl TeardownAnswer {
    fn new(done: Teardown) -> TeardownAnswer {
        let (kept, left): (Vec<_>, Vec<_>) = done
            .leftovers
            .into_iter()
            .partition(|leftover| leftover.kept.is_some());
        let answers = |leftovers: Vec<Leftover>| {
            leftovers
                .into_iter()
                .map(|leftover| LeftAnswer {
                    kind: leftover.kind,
                    name: leftover.name,
                    why: leftover.kept,
                })
                .collect()
        };
        TeardownAnswer {
            removed: done
                .removed
                .into_iter()
                .map(crate::step::Step::name)
                .collect(),
            left: answers(left),
            kept: answers(kept),
        }
    }

    fn nothing() -> TeardownAnswer {
        TeardownAnswer {
            removed: Vec::new(),
            left: Vec::new(),
            kept: Vec::new(),
        }
    }
}

impl Answer for TeardownAnswer {
    fn text(&self) -> String {
        let mut text = match self.removed.as_slice() {
            [] => "there was nothing to remove\n".to_owned(),
            removed => format!("removed: {}\n", removed.join(", ")),
        };
        if self.left.is_empty() {
            text.push_str("nothing of the deployment is left\n");
        }
        for left in &self.left {
            text.push_str(&format!("left: {} {}\n", left.kind, left.name));
        }
        for kept in &self.kept {
            let why = kept.why.unwrap_or_default();
            text.push_str(&format!(
                "not touched: {} {} ({why})\n",
                kept.kind, kept.name
            ));
        }
        text
    }
}
