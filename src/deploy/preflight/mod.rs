//! What can be known before anything is changed is said before anything is changed: all of it at
//! once, so that nobody mends one thing after the other.

mod account;
mod configuration;
mod machine;
mod names;
mod room;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::step::Step;

use super::finding::{Finding, Verdict};
use super::{State, StepStatus};

/// Looks at everything that `up` needs, and changes nothing.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    // All of them are questions to others: asked side by side, they take as long as the slowest.
    let (account, machine, names, room, configuration) = tokio::join!(
        account::look(context),
        machine::look(context),
        names::look(context),
        room::look(context),
        configuration::look(context),
    );
    [account, machine, names, room, configuration].concat()
}

/// Fails when the cluster that `up` is about to make could not be made; tells every reason.
pub(super) async fn before(context: &Context, found: &[StepStatus]) -> Result<()> {
    let is_missing = |step: Step| {
        found
            .iter()
            .any(|status| status.step == step && status.state == State::Missing)
    };
    if !is_missing(Step::Cluster) {
        return Ok(());
    }
    let findings = look(context).await;
    for finding in &findings {
        match finding.verdict {
            Verdict::Warning => context.events.warn(finding.sentence()),
            // What cannot be looked at may be well: it is said, and does not keep `up` from it.
            Verdict::Unknown => context
                .events
                .warn(format!("not looked at: {}", finding.sentence())),
            Verdict::Good | Verdict::Waiting | Verdict::Problem => {}
        }
    }
    let problems: Vec<_> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Problem)
        .collect();
    match problems.as_slice() {
        [] => Ok(()),
        // A lone problem is the error itself.
        [one] => Err(with_hints(as_error(one), one)),
        several => {
            let lines: Vec<_> = several.iter().map(|finding| finding.sentence()).collect();
            let error = Error::usage(format!("{} things keep `up` from it", several.len()))
                .because(lines.join("\n"));
            Err(several
                .iter()
                .fold(error, |error, one| with_hints(error, one)))
        }
    }
}

fn as_error(finding: &Finding) -> Error {
    let error = Error::usage(finding.text.clone());
    match &finding.cause {
        Some(cause) => error.because(cause.clone()),
        None => error,
    }
}

fn with_hints(error: Error, finding: &Finding) -> Error {
    let next = finding.next.iter();
    next.fold(error, |error, next| error.hint(next.clone()))
}

/// Returns what an answer that was looked for says: what is good about it, or the error.
fn finding<T>(subject: &'static str, answer: Result<T>, good: impl FnOnce(T) -> String) -> Finding {
    match answer {
        Ok(answer) => Finding::good(subject, good(answer)),
        Err(error) => Finding::of_error(subject, &error),
    }
}
