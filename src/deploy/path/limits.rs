//! The time limit: until when the deployment works, or how long without a job, and whether what puts it to rest is as it should be.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::limits;
use crate::error::Result;

pub(super) const SUBJECT: &str = "time limit";

/// Looks at the time limit; `None` when the deployment has none, or rests.
pub(super) async fn look(context: &Context) -> Result<Option<Finding>> {
    let state = limits::check(context).await?;
    let (rests, limits) = {
        let facts = context.facts();
        (facts.resting, facts.limits)
    };
    let text = match state {
        State::Unwanted | State::Missing | State::Resting => return Ok(None),
        _ if rests => return Ok(None),
        State::Ready => {
            let text = format!("AWS puts the deployment to rest {limits}");
            return Ok(Some(Finding::good(SUBJECT, text)));
        }
        State::Waiting { on } => format!("it waits for {on}"),
        State::Incomplete { reason } => reason,
    };
    let up = context.settings.again.command("up");
    Ok(Some(Finding::problem(SUBJECT, text).then(up)))
}
