//! What is told of each call: who was asked for what, how it was answered and how long that took, and
//! nothing of what was said.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// A call of AWS. One that is tried again is a call each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service and the operation, e.g. `cloudformation DescribeStacks`; where the operation is in
    /// the path, beside names of the user's, HTTP's method stands for it.
    pub operation: String,
    /// HTTP's status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// How long it took until the answer began.
    pub took: Duration,
}

/// Who is told of each call.
#[derive(Clone, Default)]
pub struct CallListener(Option<Arc<dyn Fn(Call) + Send + Sync>>);

impl CallListener {
    /// Returns a listener that calls `told`.
    pub fn new(told: impl Fn(Call) + Send + Sync + 'static) -> CallListener {
        CallListener(Some(Arc::new(told)))
    }

    /// Makes a call with `connect`, and tells of it.
    pub(super) fn heard(
        &self,
        request: HttpRequest,
        connect: impl FnOnce(HttpRequest) -> HttpConnectorFuture,
    ) -> HttpConnectorFuture {
        let Some(told) = self.0.clone() else {
            return connect(request);
        };
        let operation = operation(&request);
        let begun = Instant::now();
        let answer = connect(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            told(Call {
                operation,
                status: answer.as_ref().ok().map(|answer| answer.status().as_u16()),
                took: begun.elapsed(),
            });
            answer
        })
    }
}

impl fmt::Debug for CallListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallListener")
    }
}

/// Returns the service and the operation of a signed request.
fn operation(request: &HttpRequest) -> String {
    let headers = request.headers();
    let service = headers.get("authorization").and_then(service);
    // Of JSON's protocols the target is `Service.Operation`, of the query protocols the body begins
    // with it.
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.rsplit('.').next());
    let operation = target.or_else(|| request.body().bytes().and_then(action));
    let operation = operation.filter(|it| it.chars().all(|c| c.is_ascii_alphanumeric()));
    format!(
        "{} {}",
        service.unwrap_or("-"),
        operation.unwrap_or(request.method())
    )
}

/// Returns the service that a request is signed for:
/// `Credential=KEY/20261123/us-east-1/SERVICE/aws4_request`.
fn service(authorization: &str) -> Option<&str> {
    let (before, _) = authorization.split_once("/aws4_request")?;
    before.rsplit('/').next()
}

/// Returns the operation that the body of a query begins with.
fn action(body: &[u8]) -> Option<&str> {
    let rest = body.strip_prefix(b"Action=")?;
    let end = rest.iter().position(|byte| *byte == b'&');
    std::str::from_utf8(&rest[..end.unwrap_or(rest.len())]).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::recorded::{answered, heard};
    use super::*;

    #[tokio::test]
    async fn a_call_is_told_without_its_parameters() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let calls = Arc::clone(&told);
        let listener = CallListener::new(move |call| calls.lock().unwrap().push(call));
        let refused = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id \
                       secret-name does not exist</Message></Error></ErrorResponse>";
        let aws = heard(&[(400, refused), (404, "")], listener).await;
        let absent = aws.stacks.describe("secret-name").await;
        assert_eq!(absent.unwrap(), None);
        assert!(!aws.buckets.exists("secret-name").await.unwrap());
        let told = told.lock().unwrap();
        let calls: Vec<_> = told
            .iter()
            .map(|call| (call.operation.as_str(), call.status))
            .collect();
        assert_eq!(
            calls,
            [
                ("cloudformation DescribeStacks", Some(400)),
                ("s3 GET", Some(404))
            ]
        );
    }

    #[tokio::test]
    async fn nobody_need_listen() {
        let aws = answered(&[(404, "")]).await;
        assert!(!aws.buckets.exists("x").await.unwrap());
    }

    #[test]
    fn service_and_action_are_found() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/ec2/aws4_request, \
                      SignedHeaders=host, Signature=0";
        assert_eq!(service(signed), Some("ec2"));
        assert_eq!(service("Basic x"), None);
        assert_eq!(
            action(b"Action=RunInstances&ImageId=x"),
            Some("RunInstances")
        );
        assert_eq!(action(b"{}"), None);
    }
}
