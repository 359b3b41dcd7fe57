//! How an SDK error becomes ours: AWS's own words as the cause, and a hint for the few that
//! every call can meet.

use std::error::Error as StdError;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::Error;
use crate::hint::{AwsCall, Hint};
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
        | "SignatureDoesNotMatch" => failed.hint(
            Hint::run(AwsCall::here("sts get-caller-identity"))
                .because("AWS does not take these credentials: check with"),
        ),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            failed.hint(whose_denial(message))
        }
        _ => failed,
    }
}

/// Returns who can change what denies a call, as AWS names it ("Troubleshoot access denied error
/// messages", IAM User Guide).
fn whose_denial(message: &str) -> Hint {
    const DENIALS: [(&str, &str); 3] = [
        (
            "service control policy",
            "a policy of the organization denies it: ask who administers that",
        ),
        (
            "permissions boundary",
            "the permissions boundary of the AWS user or role does not let it: ask who administers the account",
        ),
        (
            "explicit deny in an identity-based policy",
            "a policy of the AWS user or role denies it: ask who administers the account",
        ),
    ];
    if message.contains("resource-based policy") {
        let command = AwsCall::here("s3api delete-bucket-policy").with("--bucket NAME");
        return Hint::run(command)
            .because(
                "a policy of that resource denies it: whoever may change that has to. Of a bucket of \
                 hpcapi's",
            )
            .then(", and `up` gives it back its own");
    }
    let named = DENIALS.iter().find(|(words, _)| message.contains(words));
    let hint = named.map_or(
        "the AWS user or role lacks this permission: ask who administers the account",
        |(_, hint)| *hint,
    );
    hint.into()
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
    let words = outermost_and_innermost(error);
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
    if is_about_credentials(&words) {
        return failed.because(words).hint(
            "give AWS credentials: in CloudShell they are there, elsewhere `aws configure` or `aws sso login`",
        );
    }
    failed
        .because(words)
        .hint("check the network, then type the same command again: it goes on where it stopped")
}

/// Returns an error and all those that caused it.
fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns what the SDK says, and what the network said: what lies between is how the one came from the
/// other.
fn outermost_and_innermost(error: &(dyn StdError + 'static)) -> String {
    let through = proxy_of(error).map(ToString::to_string);
    let causes = || chain(error).skip(1).map(ToString::to_string);
    let innermost = causes().last();
    let of_credentials = causes().find(|words| is_about_credentials(words));
    let words = [Some(error.to_string()), through, of_credentials, innermost];
    let mut words: Vec<_> = words.into_iter().flatten().collect();
    words.dedup();
    words.join(": ")
}

fn is_about_credentials(words: &str) -> bool {
    words.contains("credential")
}

/// Returns the proxy that the call went through, if it went through one.
fn proxy_of<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e ThroughProxy> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Returns whether AWS answered with one of `codes`.
pub(super) fn is_code<E: ProvideErrorMetadata>(error: &E, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::super::{Aws, Connection};
    use super::*;

    #[tokio::test]
    async fn what_the_network_says_is_told() {
        // A port that somebody just had.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let nobody = Connection {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(format!("http://{port}")),
            access_key: Some(("id".to_owned(), "secret".to_owned())),
            ..Connection::default()
        };
        let error = Aws::connect(&nobody)
            .await
            .unwrap()
            .identity()
            .await
            .unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("Connection refused"), "{cause}");
    }

    #[test]
    fn who_denies_is_told_apart() {
        let denied = |by: &str| {
            let hint = whose_denial(&format!(
                "User: arn:aws:iam::1:user/x is not authorized to perform: s3:ListBucket on resource: \
                 \"arn:aws:s3:::b\" {by}"
            ));
            hint.to_string()
        };
        let by_bucket = denied("with an explicit deny in a resource-based policy");
        assert!(by_bucket.contains("delete-bucket-policy"), "{by_bucket}");
        let by_organization = denied("with an explicit deny in a service control policy");
        assert!(
            by_organization.contains("organization"),
            "{by_organization}"
        );
        let by_boundary = denied("because no permissions boundary allows the s3:ListBucket action");
        assert!(by_boundary.contains("boundary"), "{by_boundary}");
        let missing = denied("because no identity-based policy allows the s3:ListBucket action");
        assert!(missing.contains("lacks this permission"), "{missing}");
    }

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
