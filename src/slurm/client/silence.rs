//! Answers that give no reason. Slurm says the same of a slurmctld that does not answer, of a
//! refusal by a plug-in of the site and, before 24.11, of a token that it does not take. What
//! everybody may ask for, the statistics, tells them apart.

use std::time::Duration;

use super::layer::Layer;
use super::problem::Problems;
use super::request::Request;
use super::transport::{Lost, Reply};
use super::version::ApiVersion;

/// The first version that is spoken only with a Slurm that refuses a token by HTTP 511 alone.
const TOKENS_APART: ApiVersion = ApiVersion::new(42);

/// A token is refused at once; a slurmctld that does not answer is given up after 9 s and more.
const SLOW: Duration = Duration::from_secs(5);

/// What an answer to a call with a bad token is before 24.11, if it changes something: "zero
/// bytes were transmitted or received".
const ZERO_BYTES: i64 = 5005;

/// Returns whether an answer leaves open who gave it.
pub(super) fn is_open(reply: &Reply, version: ApiVersion) -> bool {
    let is_zero = || {
        let errors = Problems::of(&reply.body).errors;
        errors
            .iter()
            .any(|error| error.number() == Some(ZERO_BYTES))
    };
    match Layer::of(reply) {
        Layer::Unspecified => true,
        Layer::Slurmctld => version < TOKENS_APART && reply.took < SLOW && is_zero(),
        _ => false,
    }
}

/// Returns the request whose answer decides.
pub(super) fn question() -> Request {
    Request::get("diag")
}

/// Returns who gave `reply`, which left it open, now that the question is answered.
pub(super) fn verdict(reply: &Reply, asked: &Result<Reply, Lost>, version: ApiVersion) -> Layer {
    let own = Layer::of(reply);
    let asked = match asked {
        Ok(asked) => asked,
        Err(Lost::Unsent(_)) => return own,
        // Whoever answered a moment ago waits for somebody else now.
        Err(Lost::Unanswered(_) | Lost::Unusable(_)) => return Layer::Slurmctld,
    };
    match Layer::of(asked) {
        Layer::Token => Layer::Token,
        _ if is_open(asked, version) => {
            let is_slow = reply.took >= SLOW || asked.took >= SLOW;
            if version >= TOKENS_APART || is_slow {
                Layer::Slurmctld
            } else {
                Layer::Token
            }
        }
        passing if passing.is_passing() && passing != Layer::Rate => passing,
        // By now it answers again.
        _ if reply.took >= SLOW => Layer::Slurmctld,
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &str = r#"{"errors":[{"error":"Unspecified error","error_number":-1}]}"#;
    const ZERO: &str = r#"{"errors":[{"error":"Zero Bytes","error_number":5005}]}"#;

    fn reply(status: u16, body: &str, seconds: u64) -> Reply {
        let body = body.as_bytes().to_vec();
        Reply::new(status, body, Duration::from_secs(seconds))
    }

    #[test]
    fn the_statistics_tell_who_gave_no_reason() {
        let (old, new) = (ApiVersion::new(38), ApiVersion::new(42));
        let refused = r#"{"errors":[{"error_number":1007}]}"#;
        let hung = r#"{"errors":[{"error_number":5004}]}"#;
        let good = r#"{"statistics":{}}"#;
        for (body, version, status, asked, seconds, expected) in [
            (NOTHING, new, 511, refused, 0, Layer::Token),
            (NOTHING, new, 504, hung, 10, Layer::Slurmctld),
            (NOTHING, new, 500, NOTHING, 0, Layer::Slurmctld),
            (NOTHING, new, 200, good, 0, Layer::Unspecified),
            (NOTHING, old, 500, NOTHING, 0, Layer::Token),
            (NOTHING, old, 500, NOTHING, 10, Layer::Slurmctld),
            (NOTHING, old, 200, good, 0, Layer::Unspecified),
            (ZERO, old, 500, NOTHING, 0, Layer::Token),
            (ZERO, old, 500, NOTHING, 10, Layer::Slurmctld),
            (ZERO, old, 200, good, 0, Layer::Slurmctld),
        ] {
            let first = reply(500, body, 0);
            assert!(is_open(&first, version));
            let asked = Ok(reply(status, asked, seconds));
            assert_eq!(verdict(&first, &asked, version), expected, "{asked:?}");
        }
        let late = verdict(&reply(500, NOTHING, 10), &Ok(reply(200, good, 0)), old);
        assert_eq!(late, Layer::Slurmctld, "it answers again");
        assert!(!is_open(&reply(500, ZERO, 0), new));
        assert!(!is_open(&reply(500, ZERO, 10), old));
    }

    #[test]
    fn a_question_that_is_not_answered_is_an_answer() {
        let lost = |lost: fn(crate::error::Error) -> Lost| {
            let lost = Err(lost(crate::error::Error::failed("lost")));
            verdict(&reply(500, NOTHING, 0), &lost, ApiVersion::new(42))
        };
        assert_eq!(lost(Lost::Unanswered), Layer::Slurmctld);
        assert_eq!(lost(Lost::Unsent), Layer::Unspecified);
    }
}
