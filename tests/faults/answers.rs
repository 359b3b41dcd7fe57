//! What AWS answers when something is wrong, in the spelling of each service.

use crate::call::{Protocol, Request};
use crate::point::Act;

/// Returns the answer that refuses a call with `code`.
fn refusal(request: &Request, status: u16, code: &str, message: &str) -> Vec<u8> {
    let (kind, body) = match request.protocol() {
        Protocol::Query => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}\
                 </Message></Error><RequestId>1</RequestId></ErrorResponse>"
            ),
        ),
        Protocol::Ec2 => (
            "text/xml",
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
                 </Errors><RequestID>1</RequestID></Response>"
            ),
        ),
        Protocol::S3 => (
            "application/xml",
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        ),
        Protocol::Json | Protocol::Rest => (
            "application/x-amz-json-1.1",
            format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"),
        ),
    };
    // An answer to HEAD tells its length and has no body.
    let sent = if request.method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: {kind}\r\nx-amzn-errortype: {code}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{sent}",
        body.len()
    )
    .into_bytes()
}

/// Returns the answer of a fault that is an answer.
pub(crate) fn of(act: Act, request: &Request) -> Option<Vec<u8>> {
    let s3 = request.protocol() == Protocol::S3;
    let ec2 = request.protocol() == Protocol::Ec2;
    Some(match act {
        Act::Throttling if s3 => refusal(request, 503, "SlowDown", "Reduce your request rate."),
        Act::Throttling if ec2 => refusal(
            request,
            503,
            "RequestLimitExceeded",
            "Request limit exceeded.",
        ),
        Act::Throttling if matches!(request.protocol(), Protocol::Json | Protocol::Rest) => {
            refusal(request, 400, "ThrottlingException", "Rate exceeded")
        }
        Act::Throttling => refusal(request, 400, "Throttling", "Rate exceeded"),
        Act::ServerError => refusal(request, 500, "InternalError", "An error occurred."),
        Act::Expired if ec2 => refusal(request, 400, "RequestExpired", "Request has expired."),
        Act::Expired => refusal(
            request,
            if s3 { 400 } else { 403 },
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
        _ => return None,
    })
}

/// A call that makes something, the looks that may not find it at first, how AWS says so, and
/// whether by an error.
const MAKERS: &[(&str, &[&str], u16, &str, &str)] = &[
    (
        "cloudformation.CreateChangeSet",
        &["cloudformation.DescribeChangeSet"],
        404,
        "ChangeSetNotFound",
        "ChangeSet does not exist",
    ),
    (
        "cloudformation.CreateChangeSet",
        &["cloudformation.DescribeStackEvents"],
        400,
        "ValidationError",
        "Stack does not exist",
    ),
    (
        "cloudformation.CreateStack",
        &["cloudformation.DescribeStacks"],
        400,
        "ValidationError",
        "Stack with id that does not exist",
    ),
    (
        "ec2.ImportKeyPair",
        &["ec2.DescribeKeyPairs"],
        400,
        "InvalidKeyPair.NotFound",
        "The key pair does not exist",
    ),
    (
        "ssm.SendCommand",
        &["ssm.GetCommandInvocation"],
        400,
        "InvocationDoesNotExist",
        "",
    ),
];

/// Returns whether what the call makes may not be found at first.
pub(crate) fn makes_something(action: &str) -> bool {
    MAKERS.iter().any(|(maker, ..)| *maker == action)
}

/// Returns the answer to a look for what `maker` has just made; `None` when it is no such look.
pub(crate) fn not_found_yet(maker: &str, action: &str, request: &Request) -> Option<Vec<u8>> {
    let (_, _, status, code, message) = MAKERS
        .iter()
        .find(|(made_by, looks, ..)| *made_by == maker && looks.contains(&action))?;
    Some(refusal(request, *status, code, message))
}
