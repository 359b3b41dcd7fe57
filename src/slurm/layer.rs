//! Which part of the way answered a request: the parts speak differently, and an error is
//! only useful when it names the one that spoke.

use super::api::Reply;

/// The part of the way that gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// API Gateway has no route for the path.
    Route,
    /// API Gateway could not use the integration: its VPC link or listener is wrong.
    Integration,
    /// API Gateway did not reach the load balancer through the VPC link.
    LoadBalancer,
    /// The load balancer has no target in use.
    Target,
    /// The load balancer did not reach the head node's port.
    HeadNodePort,
    /// The proxy on the head node answers, slurmrestd behind it does not.
    Slurmrestd,
    /// slurmrestd answers, slurmctld does not.
    Slurmctld,
    /// Slurm refuses the token.
    Token,
    /// Slurm answered as it should.
    Slurm,
    /// None of those we know.
    Unknown,
}

impl Layer {
    /// Returns who gave `reply` to a call with a token. The shapes are API Gateway's JSON
    /// `{"message":…}`, the load balancer's HTML pages, slurmrestd's text and JSON with `errors[]`
    /// from Slurm or from the proxy on the head node, which names itself as their source.
    pub fn of(reply: &Reply) -> Layer {
        let body = reply.body.trim_start();
        let by_gateway = body.starts_with("{\"message\":");
        let by_proxy = body.contains("\"hpcapi-proxy\"");
        match reply.status {
            404 if by_gateway => Layer::Route,
            500 if by_gateway => Layer::Integration,
            503 | 504 if by_gateway => Layer::LoadBalancer,
            502 if by_proxy => Layer::Slurmrestd,
            504 if by_proxy => Layer::Slurmctld,
            503 if body.starts_with('<') => Layer::Target,
            502 | 504 if body.starts_with('<') => Layer::HeadNodePort,
            401 => Layer::Token,
            511 => Layer::Token,
            500 if body.contains("Unspecified error") => Layer::Token,
            502 | 500 if body.contains("\"errors\"") => Layer::Slurmctld,
            200 if body.starts_with('{') => Layer::Slurm,
            _ => Layer::Unknown,
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
            Layer::Target => {
                "the load balancer has no target in use: the head node is not registered, or does not run"
            }
            Layer::HeadNodePort => {
                "the load balancer does not reach port 6830 of the head node: security group rule or the proxy there"
            }
            Layer::Slurmrestd => "slurmrestd on the head node does not answer",
            Layer::Slurmctld => "slurmctld on the head node does not answer",
            Layer::Token => "Slurm refuses the token",
            Layer::Slurm => "Slurm answers",
            Layer::Unknown => "an unexpected answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(status: u16, body: &str) -> Layer {
        Layer::of(&Reply {
            status,
            body: body.to_owned(),
        })
    }

    #[test]
    fn each_layer_is_known_by_its_words() {
        let page = "<html>\n<head><title>503 Service Temporarily Unavailable</title></head>";
        let proxy = r#"{"errors":[{"error":"slurmrestd is down","source":"hpcapi-proxy"}]}"#;
        let refused =
            r#"{"errors":[{"description":"Protocol authentication error","error_number":1007}]}"#;
        let down = r#"{"errors":[{"description":"Unable to contact slurm controller","error_number":1800}]}"#;
        assert_eq!(layer(404, r#"{"message":"Not Found"}"#), Layer::Route);
        assert_eq!(
            layer(500, r#"{"message":"Internal Server Error"}"#),
            Layer::Integration
        );
        assert_eq!(
            layer(503, r#"{"message":"Service Unavailable"}"#),
            Layer::LoadBalancer
        );
        assert_eq!(layer(503, page), Layer::Target);
        assert_eq!(
            layer(504, "<html>504 Gateway Time-out"),
            Layer::HeadNodePort
        );
        assert_eq!(layer(502, proxy), Layer::Slurmrestd);
        assert_eq!(layer(504, proxy), Layer::Slurmctld);
        assert_eq!(layer(401, "Authentication failure"), Layer::Token);
        assert_eq!(layer(511, refused), Layer::Token);
        assert_eq!(layer(502, down), Layer::Slurmctld);
        assert_eq!(layer(200, r#"{"statistics":{}}"#), Layer::Slurm);
        assert_eq!(layer(418, "teapot"), Layer::Unknown);
    }
}
