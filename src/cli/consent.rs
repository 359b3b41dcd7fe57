//! Questions before something is made or deleted.

use std::io::IsTerminal;

use crate::error::{Error, Kind, Result};
use crate::output;

/// Asks whoever sits at the terminal; fails unless the answer is yes, and where nobody sits with the
/// error of a question that cannot be asked.
pub(super) async fn ask(question: &str, unasked: impl FnOnce() -> Error) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(unasked());
    }
    match output::confirm(question).await {
        true => Ok(()),
        false => Err(Error::new(Kind::Declined, "cancelled; nothing was changed")),
    }
}
