//! The triggers: whether what makes jobs of objects is as it should be, and what it could make none of.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::finding::Finding;
use crate::deploy::steps::triggers;
use crate::error::Result;
use crate::triggers::Triggers;

pub(super) const SUBJECT: &str = "triggers";

/// Looks at the triggers; nothing is found when the deployment has none.
pub(super) async fn look(context: &Context) -> Result<Vec<Finding>> {
    let again = &context.settings.again;
    let text = match triggers::check(context).await? {
        State::Unwanted | State::Missing | State::Resting => return Ok(Vec::new()),
        State::Ready => None,
        State::Waiting { on } => Some(format!("they wait for {on}")),
        State::Incomplete { reason } => Some(reason),
    };
    if let Some(text) = text {
        let found = Finding::problem(SUBJECT, text).then(again.command("up"));
        return Ok(vec![found]);
    }
    let Some(requirements) = context.requirements() else {
        return Ok(Vec::new());
    };
    let triggers = Triggers::new(context.aws.buckets.clone(), requirements.bucket);
    let mut findings = Vec::new();
    let all = triggers.all().await?;
    for trigger in &all {
        let count = triggers.refused(&trigger.name).await?;
        if count > 0 {
            let why = again.command(&format!("trigger logs {}", trigger.name));
            let text = format!(
                "objects that became no jobs: {count} of `{}` ({why})",
                trigger.name
            );
            findings.push(Finding::warning(SUBJECT, text));
        }
    }
    if findings.is_empty() {
        let text = format!("{} of them, and no object was refused", all.len());
        findings.push(Finding::good(SUBJECT, text));
    }
    Ok(findings)
}
