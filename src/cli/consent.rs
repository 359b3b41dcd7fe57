//! Questions before something is made or deleted.

use std::io::IsTerminal;

use crate::error::{Error, Kind, Result};
use crate::output;

/// Asks whoever sits at the terminal to type a name, where a `y` would be typed too soon; fails unless it
/// is that name.
pub(super) async fn ask_for(name: &str, unasked: impl FnOnce() -> Error) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(unasked());
    }
    let question = format!("to delete it all, type its name ({name}):");
    match output::asked(&question).await {
        Some(answer) if answer == name => Ok(()),
        _ => Err(cancelled()),
    }
}

fn cancelled() -> Error {
    Error::new(Kind::Declined, "cancelled; nothing was changed")
}

/// Asks whoever sits at the terminal; fails unless the answer is yes, and where nobody sits with the
/// error of a question that cannot be asked.
pub(super) async fn ask(question: &str, unasked: impl FnOnce() -> Error) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(unasked());
    }
    match output::confirm(question).await {
        true => Ok(()),
        false => Err(cancelled()),
    }
}
