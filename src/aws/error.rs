//! How an SDK error becomes ours: AWS's own words as the cause, and a hint for the few that
//! every call can meet.

use std::error::Error as StdError;

use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::Error;
use crate::proxies;

use super::http::ThroughProxy;

/// Returns the error of an AWS call; `doing` says what the call was for, e.g. "cannot
/// describe the stack `x`".
pub(super) fn service<E>(doing: impl Into<String>, error: E) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let doing = doing.into();
    let Some(code) = error.code() else {
        return unanswered(doing, &error);
    };
    let message = error.message().unwrap_or("no message");
    let failed = Error::failed(doing).because(format!("{code}: {message}"));
    if blames_the_clock(code, message) {
        return failed.hint(
            "the clock of this machine is wrong: set it (`sudo chronyc makestep`), then type the \
             same command",
        );
    }
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => failed
            .hint("the AWS credentials have expired: sign in again, then type the same command"),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "AuthFailure"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch" => failed
            .hint("AWS does not take these credentials: check with `aws sts get-caller-identity`"),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => failed
            .hint("the AWS user or role lacks this permission: ask who administers the account"),
        _ => failed,
    }
}

/// Returns whether AWS refuses a call because of the time that its signature names. Services say
/// it differently: S3 by a code of its own, most others in the message.
fn blames_the_clock(code: &str, message: &str) -> bool {
    code == "RequestTimeTooSkewed"
        || ["Signature expired", "Signature not yet current"]
            .iter()
            .any(|words| message.contains(words))
}

/// The call got no answer that AWS itself gave: no network, no credentials, a broken answer.
pub(super) fn unanswered(doing: String, error: &(dyn StdError + 'static)) -> Error {
    let words = DisplayErrorContext(error).to_string();
    // The SDK's sentence ends with a dump of the whole error; people need its first part.
    let words = words.split(" (").next().unwrap_or(&words).to_owned();
    let failed = Error::failed(doing);
    if let Some(through) = proxy_of(error) {
        let failed = failed.because(words).hint(proxies::ADVICE);
        return match through.is_about_certificates() {
            true => failed.hint(
                "if it opens TLS connections, name the file with its certificate: export \
                 SSL_CERT_FILE=/path/to/ca.pem",
            ),
            false => failed,
        };
    }
    if words.contains("credential") {
        return failed.because(words).hint(
            "give AWS credentials: in CloudShell they are there, elsewhere `aws configure` or `aws sso login`",
        );
    }
    failed
        .because(words)
        .hint("check the network, then type the same command again: it goes on where it stopped")
}

/// Returns the proxy that the call went through, if it went through one.
fn proxy_of<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e ThroughProxy> {
    std::iter::successors(Some(error), |&error| error.source())
        .find_map(|error| error.downcast_ref())
}

/// Returns whether AWS answered with one of `codes`.
pub(super) fn is_code<E: ProvideErrorMetadata>(error: &E, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_told_apart_from_wrong_credentials() {
        let expired = "Signature expired: 20261123T100000Z is now earlier than 20261123T110000Z";
        let early = "Signature not yet current: 20261123T130000Z is still later than ...";
        let wrong =
            "The request signature we calculated does not match the signature you provided.";
        assert!(blames_the_clock("InvalidSignatureException", expired));
        assert!(blames_the_clock("SignatureDoesNotMatch", early));
        assert!(blames_the_clock("RequestTimeTooSkewed", "no message"));
        assert!(!blames_the_clock("SignatureDoesNotMatch", wrong));
    }
}
