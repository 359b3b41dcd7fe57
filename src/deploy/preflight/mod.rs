//! What can be known before anything is changed is said before anything is changed: all of it at
//! once, so that nobody mends one thing after the other.

mod access_log;
mod account;
mod account_plan;
mod configuration;
mod existing_network;
mod judgement;
mod machine;
mod names;
mod new_network;
mod permissions;
mod room;
mod sandbox_limits;
mod validators;
mod vcpus;
mod vpc_endpoints;

use crate::context::Context;
use crate::error::{Error, Kind, Result};

use super::finding::{Finding, Verdict};

pub(super) use account::require_partition;

/// Looks at everything that `up` needs, and changes nothing.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    // All of them are questions to others: asked side by side, they take as long as the slowest.
    let machine_and_validators = async {
        let machine = machine::look(context).await;
        // What `pcluster` lacks on this machine is said; nothing is installed in spite of it.
        let validators = match machine.iter().all(Finding::is_fine) {
            true => Some(validators::look(context).await),
            false => None,
        };
        (machine, validators)
    };
    let (
        account,
        plan,
        permissions,
        (machine, validators),
        names,
        room,
        access_log,
        judged,
        configuration,
        network,
    ) = tokio::join!(
        account::look(context),
        account_plan::look(context),
        permissions::look(context),
        machine_and_validators,
        names::look(context),
        room::look(context),
        access_log::look(context),
        judgement::look(context),
        configuration::look(context),
        existing_network::look(context),
    );
    let of_file = [
        judged,
        sandbox_limits::look(context),
        configuration,
        validators.unwrap_or_default(),
    ];
    let of_account = [
        account,
        vec![plan],
        permissions,
        machine,
        names,
        room,
        network,
        vec![access_log],
    ];
    [of_account.concat(), of_file.concat()].concat()
}

/// Looks at what is wrong, or should be known, about the configuration of a cluster that is not
/// there yet, while other things of the deployment are.
pub(super) async fn look_at_configuration(context: &Context) -> Vec<Finding> {
    let (judged, validators) = tokio::join!(judgement::look(context), validators::look(context));
    let mut findings = [judged, sandbox_limits::look(context), validators].concat();
    findings.retain(|one| matches!(one.verdict, Verdict::Problem | Verdict::Warning));
    findings
}

/// Fails when the cluster that `up` is about to make could not be made; tells every reason.
pub(super) async fn look_for_problems(context: &Context) -> Result<()> {
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
    problem(&findings).map_or(Ok(()), Err)
}

/// Returns `error`, which a look at the deployment met, with all else that keeps `up` from it.
pub(super) async fn beside(context: &Context, error: Error) -> Error {
    if error.kind() != Kind::Usage {
        return error;
    }
    problem(&look(context).await).unwrap_or(error)
}

/// Returns what keeps `up` from it, as one error.
fn problem(findings: &[Finding]) -> Option<Error> {
    let is_problem = |finding: &&Finding| finding.verdict == Verdict::Problem;
    let problems: Vec<_> = findings.iter().filter(is_problem).collect();
    match problems.as_slice() {
        [] => None,
        // A lone problem is the error itself.
        [one] => Some(with_hints(as_error(one), one)),
        several => {
            let lines: Vec<_> = several.iter().map(|finding| finding.sentence()).collect();
            let error = Error::usage(format!("{} things keep `up` from it", several.len()))
                .because(lines.join("\n"));
            let all = several.iter();
            Some(all.fold(error, |error, one| with_hints(error, one)))
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
