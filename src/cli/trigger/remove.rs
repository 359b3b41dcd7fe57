//! `hpcapi trigger remove`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output;
use crate::triggers::TriggerName;

use super::super::deployment::DeploymentArgs;
use super::with_triggers;

/// Remove a trigger and what is known of its events; its jobs, runs and outputs stay
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The trigger
    trigger: TriggerName,

    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let name = &args.trigger;
    with_triggers(&args.deployment, async |triggers, _| {
        triggers.remove(name).await
    })
    .await?;
    output::raw(&format!("the trigger {name} is removed\n"))
}
