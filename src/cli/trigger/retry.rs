//! `hpcapi trigger retry`.

use clap::Args as ClapArgs;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output;
use crate::triggers::{Outcome, Record, Seen, TriggerName};

use super::super::deployment::DeploymentArgs;
use super::with_triggers;

/// Have refused objects tried again
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["key", "all"])))]
pub(super) struct Args {
    /// The trigger
    trigger: TriggerName,

    /// The keys of the objects
    key: Vec<String>,

    /// All that were refused
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let name = &args.trigger;
    let count = with_triggers(&args.deployment, async |triggers, _| {
        triggers.named(name).await?;
        let refused = triggers.records(name, &mut Seen::default()).await?;
        let refused: Vec<_> = refused.into_iter().filter(is_refused).collect();
        if let Some(other) = args
            .key
            .iter()
            .find(|key| !refused.iter().any(|one| one.event.key == **key))
        {
            return Err(
                Error::usage(format!("`{name}` has refused no object `{other}`"))
                    .hint(Hint::run(Verb::TriggerLogs.with(name)).because("what it has refused")),
            );
        }
        let wanted = refused
            .iter()
            .filter(|one| args.all || args.key.contains(&one.event.key));
        let mut count = 0;
        for record in wanted {
            triggers.retry(name, &record.event).await?;
            count += 1;
        }
        Ok(count)
    });
    let logs = args.deployment.command(&format!("trigger logs -f {name}"));
    output::raw(&match count.await? {
        0 => format!("the trigger {name} has refused nothing\n"),
        1 => format!("1 object is tried again: {logs}\n"),
        count => format!("{count} objects are tried again: {logs}\n"),
    })
}

fn is_refused(record: &Record) -> bool {
    matches!(record.outcome, Outcome::Refused { .. })
}
