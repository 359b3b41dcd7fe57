//! `hpcapi trigger show`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{self, Format};
use crate::triggers::TriggerName;

use super::super::cluster_args::ClusterArgs;
use super::super::deployment::DeploymentArgs;
use super::answer::TriggerAnswer;
use super::with_triggers;

/// Show a trigger, and how many objects it could make no jobs of
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The trigger
    trigger: TriggerName,

    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let name = &args.trigger;
    let again = args.deployment.again(&ClusterArgs::default());
    let shown = with_triggers(&args.deployment, async |triggers, _| {
        let trigger = triggers.named(name).await?;
        let refused = triggers.refused(name).await?;
        Ok(TriggerAnswer::shown(trigger, refused, &again))
    });
    output::answer(&shown.await?, args.output)
}
