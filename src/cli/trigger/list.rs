//! `hpcapi trigger list`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{self, Emptiness, Format};

use super::super::deployment::DeploymentArgs;
use super::answer::ListAnswer;
use super::with_triggers;

/// List the triggers
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let triggers =
        with_triggers(&args.deployment, async |triggers, _| triggers.all().await).await?;
    let add = "trigger add NAME --prefix inbox/ SCRIPT";
    let empty = triggers.is_empty().then(|| Emptiness {
        said: "there are no triggers".to_owned(),
        next: vec![args.deployment.command(add)],
    });
    output::answer(&ListAnswer { triggers, empty }, args.output)
}
