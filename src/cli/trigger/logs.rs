//! `hpcapi trigger logs`.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{self, Format};
use crate::triggers::{Record, Seen, TriggerName};
use crate::wait::Pace;

use super::super::deployment::DeploymentArgs;
use super::answer::{EventsAnswer, line};
use super::with_triggers;

/// How often it is looked for news.
const LOOK: Duration = Duration::from_secs(2);

/// Show what has become of each object that a trigger took
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The trigger
    trigger: TriggerName,

    /// Go on, and show what becomes of those that come; Ctrl-C ends it
    #[arg(short, long, conflicts_with = "output")]
    follow: bool,

    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let name = &args.trigger;
    with_triggers(&args.deployment, async |triggers, _| {
        triggers.named(name).await?;
        if !args.follow {
            let events = triggers.records(name, &mut Seen::default()).await?;
            return output::answer(&EventsAnswer { events }, args.output);
        }
        let mut told: Vec<Record> = Vec::new();
        let mut seen = Seen::default();
        loop {
            let now = triggers.records(name, &mut seen).await?;
            let news: String = now
                .iter()
                .filter(|one| !told.contains(one))
                .map(line)
                .collect();
            output::raw(&news)?;
            told = now;
            Pace::pause(LOOK).await;
        }
    })
    .await
}
