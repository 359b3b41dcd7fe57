//! Whether the whole way answers: the API, Slurm's controllers behind it, and the token.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

use super::client::{Client, Request, not_slurm};
use super::shape::Text;

/// What a ping finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ping {
    /// The API version that was spoken.
    pub api_version: String,
    /// The release of the slurmrestd, where it tells.
    pub slurm_version: Option<String>,
    /// Whose token was taken, if it says it.
    pub user: Option<String>,
    /// Whether a token was sent.
    #[serde(skip)]
    pub has_token: bool,
    /// Slurm's controllers.
    pub controllers: Vec<Controller>,
    /// How long the answers took, in milliseconds.
    pub milliseconds: u64,
}

/// A controller of Slurm's, as slurmrestd sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Its host.
    pub host: String,
    /// `primary`, or which backup it is.
    pub mode: Option<String>,
    /// Whether it answers.
    pub is_up: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawController {
    hostname: Text,
    mode: Text,
    ping: Text,
    pinged: Text,
    responding: Option<bool>,
    primary: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Pings {
    #[serde(default, deserialize_with = "super::shape::list")]
    pings: Vec<RawController>,
    #[serde(default)]
    meta: Value,
}

/// Returns the request that asks for the controllers.
pub fn request() -> Request {
    Request::get("ping")
}

/// Asks for the controllers, and for what only a good token gets: `ping` itself answers a bad
/// token, too.
pub async fn ping(client: &Client) -> Result<Ping> {
    let version = client.version().await?;
    let (ping_request, diag_request) = (request(), Request::get("diag"));
    let began = Instant::now();
    let (pings, diag) = tokio::join!(
        client.fetch::<Pings>(&ping_request),
        client.fetch::<Value>(&diag_request)
    );
    let took = began.elapsed();
    // Of two failures, the one of the request that proves more.
    let diag = diag?;
    if !diag["statistics"].is_object() {
        return Err(
            Error::failed("the server's answer to diag holds no statistics of Slurm's")
                .hint(not_slurm()),
        );
    }
    let mut pings = pings?;
    // A token that diag had to renew showed ping no controller.
    if !pings.pings.iter().all(RawController::is_up) {
        pings = client.fetch(&ping_request).await?;
    }
    let release = pings
        .meta
        .pointer("/slurm/release")
        .or_else(|| pings.meta.pointer("/Slurm/release"));
    Ok(Ping {
        api_version: version.to_string(),
        slurm_version: release.and_then(Value::as_str).map(ToOwned::to_owned),
        user: client
            .identity()
            .known_user()
            .await?
            .map(|user| user.as_str().to_owned()),
        has_token: client.identity().token().is_some(),
        controllers: pings
            .pings
            .into_iter()
            .map(RawController::controller)
            .collect(),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

impl RawController {
    fn is_up(&self) -> bool {
        let says_up = [&self.ping, &self.pinged]
            .iter()
            .any(|word| word.as_str() == "UP");
        self.responding.unwrap_or(says_up)
    }

    fn controller(self) -> Controller {
        let is_up = self.is_up();
        let mode = match (self.mode.some(), self.primary) {
            (Some(mode), _) => Some(mode),
            (None, Some(true)) => Some("primary".to_owned()),
            (None, _) => None,
        };
        Controller {
            host: self.hostname.some().unwrap_or_default(),
            mode,
            is_up,
        }
    }
}
