//! Calls to slurmrestd through the public URL.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::error::{Context, Error, Result};

use super::layer::Layer;
use super::token::{Token, UserName};

/// API Gateway gives up after 30 s; so much and a little is enough.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The endpoint of a deployment.
#[derive(Debug, Clone)]
pub struct Api {
    endpoint: String,
    http: reqwest::Client,
}

/// An answer, whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Reply {
    /// Returns the body as JSON; fails when Slurm is not who answered.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(|error| {
            Error::failed(format!(
                "{} (HTTP {})",
                Layer::of(self).meaning(),
                self.status
            ))
            .because(error)
        })
    }
}

impl Api {
    /// Returns a client of the endpoint, a URL without a slash at its end.
    pub fn new(endpoint: impl Into<String>) -> Result<Api> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("hpcapi/", env!("CARGO_PKG_VERSION")))
            .build()
            .doing(|| "cannot make an HTTP client".to_owned())?;
        Ok(Api {
            endpoint: endpoint.into(),
            http,
        })
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a call; an HTTP error status is an answer, too. Without a token the call is
    /// anonymous.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        identity: Option<(&UserName, &Token)>,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let url = format!("{}{path}", self.endpoint);
        let mut request = self.http.request(method, &url);
        if let Some((user, token)) = identity {
            request = request
                .header("X-SLURM-USER-NAME", user.as_str())
                .header("X-SLURM-USER-TOKEN", token.reveal());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = || format!("the endpoint {url} does not answer");
        let answer = request.send().await.doing(unreachable)?;
        Ok(Reply {
            status: answer.status().as_u16(),
            body: answer.text().await.doing(unreachable)?,
        })
    }

    /// Returns the newest API version that the server speaks, e.g. `v0.0.44`, from its own
    /// OpenAPI document; or the reply that was no such document.
    pub async fn newest_version(
        &self,
        user: &UserName,
        token: &Token,
    ) -> Result<Result<String, Reply>> {
        let reply = self
            .call(Method::GET, "/openapi/v3", Some((user, token)), None)
            .await?;
        if reply.status != 200 {
            return Ok(Err(reply));
        }
        Ok(match newest_version(&reply.body) {
            Some(version) => Ok(version),
            None => Err(reply),
        })
    }
}

/// Returns the newest `v0.0.NN` among the `/slurm/v0.0.NN/…` paths of an OpenAPI document.
fn newest_version(document: &str) -> Option<String> {
    let document: Value = serde_json::from_str(document).ok()?;
    let paths = document["paths"].as_object()?;
    paths
        .keys()
        .filter_map(|path| {
            path.strip_prefix("/slurm/v0.0.")?
                .split('/')
                .next()?
                .parse::<u32>()
                .ok()
        })
        .max()
        .map(|newest| format!("v0.0.{newest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_found_by_number() {
        let document = r#"{"paths":{"/slurm/v0.0.9/jobs/":{},"\/slurm\/v0.0.41\/jobs\/":{},
            "/slurm/v0.0.42/diag/":{},"/slurmdb/v0.0.50/jobs/":{}}}"#;
        assert_eq!(newest_version(document).as_deref(), Some("v0.0.42"));
        assert_eq!(newest_version("{}"), None);
    }
}
