//! The time limit: until when the deployment works, and whether what puts it to rest is as it should be.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::limits;
use crate::error::Result;

pub(super) const SUBJECT: &str = "time limit";

/// Looks at the time limit; `None` when the deployment has none, or rests.
pub(super) async fn look(context: &Context) -> Result<Option<Finding>> {
    let state = limits::check(context).await?;
    let (rests, term) = {
        let facts = context.facts();
        (facts.resting, facts.term)
    };
    let text = match (state, term) {
        (State::Unwanted | State::Missing | State::Resting, _) => return Ok(None),
        _ if rests => return Ok(None),
        (State::Ready, term) => {
            let end = term.map_or_else(|| "its end".to_owned(), |term| term.end());
            let text = format!("AWS puts the deployment to rest at {end}");
            return Ok(Some(Finding::good(SUBJECT, text)));
        }
        (State::Waiting { on }, _) => format!("it waits for {on}"),
        (State::Incomplete { reason }, _) => reason,
    };
    let up = context.settings.again.command("up");
    Ok(Some(Finding::problem(SUBJECT, text).then(up)))
}
