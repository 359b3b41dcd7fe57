//! The notifications: whether what tells of jobs is as it should be.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::notifications;
use crate::error::Result;

pub(super) const SUBJECT: &str = "notifications";

/// Looks at the notifications; `None` when the deployment has none.
pub(super) async fn look(context: &Context) -> Result<Option<Finding>> {
    let text = match notifications::check(context).await? {
        State::Unwanted | State::Missing | State::Resting => return Ok(None),
        State::Ready => {
            let text = "whom `up --notify` has named is told, once they have confirmed";
            return Ok(Some(Finding::good(SUBJECT, text)));
        }
        State::Waiting { on } => format!("they wait for {on}"),
        State::Incomplete { reason } => reason,
    };
    let up = context.settings.again.command("up");
    Ok(Some(Finding::problem(SUBJECT, text).then(up)))
}
