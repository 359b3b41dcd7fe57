//! The error for an answer that is not what was asked for: which layer spoke, its own words,
//! and what to do next.

use crate::clock;
use crate::error::Error;
use crate::hint::{Hint, Verb};
use crate::slurm::Token;

use super::layer::Layer;
use super::problem::{Problem, Problems};
use super::request::Request;
use super::transport::Reply;

/// The longest excerpt of an answer that an error shows, in characters.
const EXCERPT: usize = 300;

/// Returns what to do about an answer that no Slurm gives.
pub fn not_slurm() -> Hint {
    Hint::run(Verb::Ping).because("is this the address of a slurmrestd? look with")
}

/// Returns the error for `reply`, which answered `request` made with `token`.
pub fn refusal(request: &Request, reply: &Reply, token: Option<&Token>) -> Error {
    let layer = Layer::of(reply);
    let problems = Problems::of(&reply.body);
    match layer {
        Layer::Token => unauthorized(reply, token),
        Layer::Refusal if problems.errors.is_empty() => unexpected(request, reply),
        Layer::Refusal => refused(&problems.errors),
        Layer::Unspecified => without_reason(&problems.errors),
        Layer::Slurm | Layer::Stranger => unexpected(request, reply),
        _ => hinted(
            Error::failed(format!("{} (HTTP {})", layer.meaning(), reply.status))
                .because(words(reply, &problems)),
            layer,
        ),
    }
}

/// Returns the error for what Slurm itself says.
pub fn refused(errors: &[Problem]) -> Error {
    let Some(first) = errors.first() else {
        return Error::failed("Slurm refuses, and gives no reason").hint(not_slurm());
    };
    let mut error = Error::failed(format!("Slurm refuses: {first}"));
    let rest: Vec<_> = errors[1..]
        .iter()
        .filter(|other| other.words() != first.words())
        .map(ToString::to_string)
        .collect();
    if !rest.is_empty() {
        error = error.because(rest.join("; "));
    }
    error.hint(
        errors.iter().find_map(Problem::hint).unwrap_or_else(|| {
            "its own log says more: /var/log/slurmctld.log on the head node".into()
        }),
    )
}

/// Returns the error for a refusal by which Slurm does not say why.
fn without_reason(errors: &[Problem]) -> Error {
    let error = match errors.first() {
        Some(first) => Error::failed(format!("Slurm refuses: {first}")),
        None => Error::failed("Slurm refuses, and gives no reason"),
    };
    error.hint(
        "a plug-in of the site may have refused it: /var/log/slurmctld.log on the head node says why",
    )
}

/// Returns how to get a token.
pub(in crate::slurm) fn mint() -> Hint {
    Hint::from("mint one: export SLURM_JWT=$(")
        .then_run(Verb::Token)
        .then(")")
}

fn unauthorized(reply: &Reply, token: Option<&Token>) -> Error {
    let again = Hint::from("mint another: export SLURM_JWT=$(")
        .then_run(Verb::Token)
        .then("), or on the cluster: scontrol token");
    let Some(token) = token else {
        return Error::failed("Slurm wants a token").hint(mint());
    };
    let now = clock::now();
    let Ok(claims) = token.claims() else {
        return Error::failed("SLURM_JWT is no Slurm token").hint(again);
    };
    let whose = match &claims.sun {
        Some(name) => format!("the token of `{name}`"),
        None => "the token".to_owned(),
    };
    let ago = claims.expires().and_then(|end| now.checked_sub(end));
    if let Some(ago) = ago {
        return Error::failed(format!("{whose} expired {ago} s ago")).hint(again);
    }
    let error = Error::failed(format!(
        "Slurm refuses {whose} (HTTP {}), which has not expired",
        reply.status
    ))
    .because("it is another cluster's, another user's, or the key that signed it is gone");
    match claims.sun {
        Some(_) => error.hint(again),
        None => error
            .hint("it does not say whose it is, which Slurm may want: --user NAME or SLURM_USER")
            .hint(again),
    }
}

fn hinted(error: Error, layer: Layer) -> Error {
    match layer {
        Layer::Route => error.hint(
            Hint::run(Verb::Status).because(
                "is the endpoint a deployment's of hpcapi? it routes /slurm, /slurmdb (reading) and /openapi",
            ),
        ),
        Layer::Integration | Layer::LoadBalancer => {
            error.hint(Hint::run(Verb::Status).because(
                "a VPC link that slept for weeks wakes up in minutes: try again; else",
            ))
        }
        Layer::Target | Layer::HeadNodePort | Layer::Slurmrestd => {
            error.hint(Hint::run(Verb::Status).because("look which step is not ready"))
        }
        Layer::Slurmctld => error.hint(
            Hint::run(Verb::Status).because(
                "it may be starting, and is restarted when it hangs: try again in a minute, then",
            ),
        ),
        Layer::Gateway => error.hint(
            Hint::run(Verb::JobsList.with("--state RUNNING"))
                .because("ask for less")
                .then(
                    ", or --limit 100; very long lists go over a unix socket or --endpoint on the head node",
                ),
        ),
        Layer::Size => error.hint(
            "API Gateway takes 10 MB of body and 10 kB of headers; Slurm takes scripts of 4 MB: stage large data through the bucket",
        ),
        Layer::Rate => error.hint("try again in a moment"),
        Layer::Path => error.hint(
            Hint::run(Verb::Api.with("GET /openapi/v3")).because("see what the server serves"),
        ),
        _ => error,
    }
}

/// Returns the error for an answer of somebody who does not speak Slurm's API.
pub fn unexpected(request: &Request, reply: &Reply) -> Error {
    let what = match (&reply.location, reply.status) {
        (Some(location), _) => format!("redirects to {}", excerpt(location)),
        (None, 200) => "answers, but not as Slurm does".to_owned(),
        (None, status) => format!("answers with HTTP {status}"),
    };
    Error::failed(format!(
        "the endpoint {what} to {} {}",
        request.method, request.path
    ))
    .because(match reply.body.len() {
        0 => "the answer is empty".to_owned(),
        _ => excerpt(&reply.text()),
    })
    .hint(not_slurm())
}

fn words(reply: &Reply, problems: &Problems) -> String {
    match problems.errors.first() {
        Some(problem) => problem.to_string(),
        None => excerpt(&reply.text()),
    }
}

/// Returns the beginning of a text on one line, without what could move a terminal's cursor.
pub fn excerpt(text: &str) -> String {
    let printable: String = text
        .chars()
        .take(EXCERPT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn error(status: u16, body: &str, token: Option<&Token>) -> Error {
        let reply = Reply::new(status, body.as_bytes().to_vec(), Duration::ZERO);
        refusal(&Request::get("jobs"), &reply, token)
    }

    #[test]
    fn a_refused_token_is_told_apart_from_an_expired_and_a_missing_one() {
        let body = r#"{"errors":[{"error_number":1007,"error":"Protocol authentication error"}]}"#;
        let token = |payload: &str| {
            use base64::Engine;
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(payload);
            Token::from(format!("h.{payload}.s"))
        };
        let expired = token(r#"{"exp":20,"iat":10,"sun":"me"}"#);
        let fresh = token(r#"{"exp":99999999999,"iat":10,"sun":"me"}"#);
        let none = Token::from("abc".to_owned());
        assert!(
            error(511, body, Some(&expired))
                .to_string()
                .contains("expired")
        );
        assert!(
            error(511, body, Some(&fresh))
                .to_string()
                .contains("has not expired")
        );
        assert!(
            error(511, body, Some(&none))
                .to_string()
                .contains("no Slurm token")
        );
        assert!(
            error(401, "Authentication failure", None)
                .to_string()
                .contains("wants a token")
        );
    }

    #[test]
    fn slurm_s_own_words_and_number_are_told_with_a_hint() {
        let body = r#"{"errors":[{"error_number":2017,"error":"Invalid job id specified"}]}"#;
        let error = error(404, body, None);
        assert_eq!(
            error.to_string(),
            "Slurm refuses: Invalid job id specified (Slurm error 2017)"
        );
        assert!(error.hints()[0].to_string().contains("MinJobAge"));
    }

    #[test]
    fn a_stranger_s_words_cannot_move_the_cursor() {
        assert_eq!(excerpt("a\u{1b}[2J\r\nb"), "a [2J b");
    }
}
