//! `hpcapi trigger list`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{self, Format};

use super::super::place::PlaceArgs;
use super::answer::ListAnswer;
use super::with_triggers;

/// List the triggers
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let triggers = with_triggers(&args.place, async |triggers, _| triggers.all().await).await?;
    output::answer(&ListAnswer { triggers }, args.output)
}
