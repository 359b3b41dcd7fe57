//! Which part of the way answered a request: the parts speak differently, and an error is
//! only useful when it names the one that spoke.

use std::time::Duration;

use super::problem::{Problem, Problems};
use super::transport::Reply;

/// API Gateway gives up after 30 s; an answer of its own after nearly that means just this.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(29);

/// The part of the way that gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// API Gateway has no route for the path.
    Route,
    /// API Gateway could not use the integration: its VPC link or listener is wrong.
    Integration,
    /// API Gateway did not reach the load balancer through the VPC link.
    LoadBalancer,
    /// API Gateway waited for its longest, 30 s.
    Gateway,
    /// The load balancer has no target in use.
    Target,
    /// The load balancer did not reach the head node's port.
    HeadNodePort,
    /// The proxy on the head node answers, slurmrestd behind it does not.
    Slurmrestd,
    /// slurmrestd answers, slurmctld does not.
    Slurmctld,
    /// Slurm refuses the token, or the lack of one.
    Token,
    /// The body or the headers are too large for one of the parts.
    Size,
    /// One of the parts takes no more requests for now.
    Rate,
    /// slurmrestd does not serve this path in this API version.
    Path,
    /// Slurm answered that it cannot or will not.
    Refusal,
    /// Slurm did not do it as it should, and does not say why.
    Unspecified,
    /// Slurm answered as it should.
    Slurm,
    /// Somebody answered who is none of those we know.
    Stranger,
}

impl Layer {
    /// Returns who gave `reply` to a call with a token. The shapes are API Gateway's JSON
    /// `{"message":…}`, the load balancer's HTML pages, slurmrestd's text and JSON with `errors[]`
    /// from Slurm or from the proxy on the head node, which names itself as their source.
    pub fn of(reply: &Reply) -> Layer {
        if let Some(layer) = reply.giver {
            return layer;
        }
        let body = reply.body.trim_ascii_start();
        let is_json = body.starts_with(b"{");
        match reply.status {
            401 => return Layer::Token,
            413 | 431 | 494 => return Layer::Size,
            429 => return Layer::Rate,
            _ => {}
        }
        if is_json && has_message(body) {
            return match reply.status {
                404 => Layer::Route,
                500 => Layer::Integration,
                502..=504 if reply.took >= GATEWAY_PATIENCE => Layer::Gateway,
                503 | 504 => Layer::LoadBalancer,
                _ => Layer::Stranger,
            };
        }
        if body.starts_with(b"<") {
            return match reply.status {
                503 => Layer::Target,
                502 | 504 => Layer::HeadNodePort,
                _ => Layer::Stranger,
            };
        }
        if !is_json {
            return match reply.status {
                200 if body.is_empty() => Layer::Stranger,
                404 | 405 if contains(body, b"requested URL") => Layer::Path,
                _ => Layer::Stranger,
            };
        }
        match Problems::read(&reply.body) {
            Some(problems) => Layer::of_problems(reply.status, &problems.errors),
            None => Layer::Stranger,
        }
    }

    fn of_problems(status: u16, errors: &[Problem]) -> Layer {
        if errors.iter().any(|error| error.source() == "hpcapi-proxy") {
            return match status {
                502 => Layer::Slurmrestd,
                504 => Layer::Slurmctld,
                _ => Layer::Stranger,
            };
        }
        if status == 511 || errors.iter().any(Problem::is_about_the_token) {
            return Layer::Token;
        }
        let is_refused = errors.iter().any(Problem::is_refusal);
        if !is_refused && errors.iter().any(Problem::is_without_controller) {
            return Layer::Slurmctld;
        }
        match status {
            200..300 => Layer::Slurm,
            // slurmrestd itself says so of slurmctld, with or without a reason.
            502 | 504 if !is_refused => Layer::Slurmctld,
            500..600 if !is_refused => Layer::Unspecified,
            400..600 => Layer::Refusal,
            _ => Layer::Stranger,
        }
    }

    /// Returns what the answer means, as the end of a sentence about the endpoint.
    pub fn meaning(self) -> &'static str {
        match self {
            Layer::Route => "API Gateway has no route for this path",
            Layer::Integration => {
                "API Gateway cannot use its integration: the VPC link or the listener it names is not there"
            }
            Layer::LoadBalancer => {
                "API Gateway does not reach the load balancer through the VPC link: link, listener or security group rule for port 80"
            }
            Layer::Gateway => "API Gateway got no answer within its 30 s",
            Layer::Target => {
                "the load balancer has no target in use: the head node is not registered, or does not run"
            }
            Layer::HeadNodePort => {
                "the load balancer does not reach port 6830 of the head node: security group rule or the proxy there"
            }
            Layer::Slurmrestd => "slurmrestd on the head node does not answer",
            Layer::Slurmctld => "slurmctld on the head node does not answer",
            Layer::Token => "Slurm refuses the token",
            Layer::Size => "the request is too large",
            Layer::Rate => "too many requests",
            Layer::Path => "slurmrestd does not serve this path",
            Layer::Refusal => "Slurm refuses",
            Layer::Unspecified => "Slurm gives no reason",
            Layer::Slurm => "Slurm answers",
            Layer::Stranger => "an unexpected answer",
        }
    }

    /// Returns whether the same request may well be answered in a moment.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Layer::LoadBalancer
                | Layer::Target
                | Layer::HeadNodePort
                | Layer::Slurmrestd
                | Layer::Slurmctld
                | Layer::Rate
        )
    }

    /// Returns whether Slurm may have done what the request asked for, although the answer does
    /// not say so.
    pub fn may_have_acted(self) -> bool {
        !matches!(
            self,
            Layer::Route
                | Layer::Integration
                | Layer::Token
                | Layer::Size
                | Layer::Rate
                | Layer::Path
                | Layer::Refusal
                | Layer::Slurm
        )
    }
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}

/// Returns whether a JSON object is one of API Gateway's own.
fn has_message(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Own {
        #[serde(rename = "message", alias = "Message")]
        _message: Option<String>,
    }
    let is_own = |body| serde_json::from_slice::<Own>(body).is_ok_and(|own| own._message.is_some());
    body.len() < 1000 && is_own(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(status: u16, body: &str) -> Layer {
        after(status, body, 0)
    }

    fn after(status: u16, body: &str, seconds: u64) -> Layer {
        let body = body.as_bytes().to_vec();
        Layer::of(&Reply::new(status, body, Duration::from_secs(seconds)))
    }

    #[test]
    fn each_layer_is_known_by_its_words() {
        let page = "<html>\n<head><title>503 Service Temporarily Unavailable</title></head>";
        let proxy = r#"{"errors":[{"error":"slurmrestd is down","source":"hpcapi-proxy"}]}"#;
        let refused =
            r#"{"errors":[{"description":"Protocol authentication error","error_number":1007}]}"#;
        let down = r#"{"errors":[{"description":"Unable to contact slurm controller","error_number":1800}]}"#;
        let nothing = r#"{"errors":[{"error":"Unspecified error","errno":-1}]}"#;
        let denied = r#"{"errors":[{"error":"Operation not permitted","error_number":1}]}"#;
        let hung = r#"{"errors":[{"error":"Socket timed out","error_number":5004}]}"#;
        let reset = r#"{"errors":[{"error":"Connection reset by peer","error_number":104}]}"#;
        let bad_partition = r#"{"errors":[{"error":"Invalid partition","error_number":2000}]}"#;
        let busy = r#"{"message":"Service Unavailable"}"#;
        for (status, body, expected) in [
            (404, r#"{"message":"Not Found"}"#, Layer::Route),
            (
                500,
                r#"{"message":"Internal Server Error"}"#,
                Layer::Integration,
            ),
            (503, busy, Layer::LoadBalancer),
            (
                413,
                r#"{"message":"Request Entity Too Large"}"#,
                Layer::Size,
            ),
            (429, r#"{"message":"Too Many Requests"}"#, Layer::Rate),
            (503, page, Layer::Target),
            (504, "<html>504 Gateway Time-out", Layer::HeadNodePort),
            (502, proxy, Layer::Slurmrestd),
            (504, proxy, Layer::Slurmctld),
            (401, "Authentication failure", Layer::Token),
            (511, refused, Layer::Token),
            (500, nothing, Layer::Unspecified),
            (500, denied, Layer::Unspecified),
            (500, r#"{"errors":[]}"#, Layer::Unspecified),
            (504, r#"{"errors":[]}"#, Layer::Slurmctld),
            (504, hung, Layer::Slurmctld),
            (500, reset, Layer::Slurmctld),
            (502, down, Layer::Slurmctld),
            (500, down, Layer::Slurmctld),
            (500, bad_partition, Layer::Refusal),
            (404, "Unable find requested URL", Layer::Path),
            (200, r#"{"statistics":{}}"#, Layer::Slurm),
            (200, "<html>log in here", Layer::Stranger),
            (200, "", Layer::Stranger),
            (200, r#"{"job_id":1"#, Layer::Stranger),
            (500, r#"{"errors":"#, Layer::Stranger),
            (418, "teapot", Layer::Stranger),
        ] {
            assert_eq!(layer(status, body), expected, "{status} {body}");
        }
        assert_eq!(after(503, busy, 30), Layer::Gateway);
    }
}
