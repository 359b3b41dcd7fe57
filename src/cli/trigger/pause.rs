//! `hpcapi trigger pause` and `hpcapi trigger resume`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output;
use crate::triggers::TriggerName;

use super::super::deployment::DeploymentArgs;
use super::with_triggers;

/// Have a trigger take nothing for now: what comes meanwhile becomes no job, later neither
#[derive(Debug, ClapArgs)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    which: Which,
}

/// Have a trigger take again what comes from now on
#[derive(Debug, ClapArgs)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, ClapArgs)]
struct Which {
    /// The trigger
    trigger: TriggerName,

    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(super) async fn pause(args: PauseArgs) -> Result<()> {
    set(&args.which, true).await
}

pub(super) async fn resume(args: ResumeArgs) -> Result<()> {
    set(&args.which, false).await
}

async fn set(which: &Which, is_paused: bool) -> Result<()> {
    let name = &which.trigger;
    let is_new = with_triggers(&which.deployment, async |triggers, _| {
        triggers.pause(name, is_paused).await
    });
    let state = match (is_paused, is_new.await?) {
        (true, true) => "is paused",
        (true, false) => "was paused already",
        (false, true) => "takes again",
        (false, false) => "was not paused",
    };
    output::raw(&format!("the trigger {name} {state}\n"))
}
