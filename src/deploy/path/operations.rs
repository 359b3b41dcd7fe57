//! The second way to Slurm, where there is one: it needs neither slurmrestd nor a token.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::operations;
use crate::error::Result;
use crate::slurm::client::Transport;
use crate::slurm::operations::Operations;

pub(super) const SUBJECT: &str = "operations";

/// How long an answer may take: API Gateway waits no longer.
const PATIENCE: Duration = Duration::from_secs(35);

/// Looks at the operations path; `None` when the deployment has none.
pub(super) async fn look(context: &Context) -> Result<Option<Finding>> {
    let up = context.settings.again.command("up");
    match operations::check(context).await? {
        State::Unwanted | State::Missing | State::Resting => return Ok(None),
        State::Ready => {}
        State::Waiting { on } => {
            let text = format!("the operations path waits for {on}");
            return Ok(Some(Finding::waiting(SUBJECT, text).then(up)));
        }
        State::Incomplete { reason } => {
            let text = format!("the operations path is not as it should be: {reason}");
            return Ok(Some(Finding::problem(SUBJECT, text).then(up)));
        }
    }
    let Some(endpoint) = context.facts().endpoint.clone() else {
        return Ok(None);
    };
    let transport = Transport::new(endpoint.parse()?, PATIENCE)?;
    let answer = Operations::new(transport, context.aws.signer())
        .diagnosis()
        .await;
    Ok(Some(match answer {
        Ok(told) => {
            let slurm = told.slurm_version.unwrap_or_else(|| "down".to_owned());
            let text = format!("it answers without a token, too (Slurm {slurm}): --via operations");
            Finding::good(SUBJECT, text)
        }
        Err(error) => Finding::problem(SUBJECT, "the operations path does not answer")
            .because(error.to_string())
            .then(up),
    }))
}
