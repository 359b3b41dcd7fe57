//! `hpcapi trigger list`.

use clap::Args as ClapArgs;

use crate::error::Result;
use crate::output::{self, Emptiness, Format};

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
    let add = "trigger add NAME --prefix inbox/ SCRIPT";
    let empty = triggers.is_empty().then(|| Emptiness {
        said: "there are no triggers".to_owned(),
        next: vec![args.place.command(add)],
    });
    output::answer(&ListAnswer { triggers, empty }, args.output)
}
