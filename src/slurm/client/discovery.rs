//! Which version of the API is spoken with a server: the one that the user says, or the newest
//! that both sides know, which the server's OpenAPI document tells, or else its answers.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::shape;

use super::Client;
use super::layer::Layer;
use super::refusal::unexpected;
use super::request::Request;
use super::transport::{Lost, Reply};
use super::version::{ApiVersion, offered};

impl Client {
    /// Lets the client speak this version, whatever the server says.
    #[must_use]
    pub fn speaking(mut self, version: Option<ApiVersion>) -> Client {
        self.fixed = version;
        self
    }

    /// Asks the server which versions it serves.
    pub(super) async fn discover(&self) -> Result<ApiVersion> {
        let request = Request::openapi();
        let reply = self.answer(&request).await.map_err(Lost::into_error)?;
        let version = match offered(&reply.body).filter(|_| reply.status == 200) {
            Some(offered) => ApiVersion::choose(&offered),
            None => match self.tried(&reply).await? {
                Some(version) => Some(version),
                None => {
                    let error = match reply.status {
                        200 => unexpected(&request, &reply),
                        _ => self.refusal(&request, &reply),
                    };
                    return Err(error.hint(
                        "if its site passes on /slurm/ alone, say the version: --api-version v0.0.42",
                    ));
                }
            },
        };
        match version {
            Some(version) => {
                self.memory.remember_version(version);
                Ok(version)
            }
            None => Err(Error::failed(format!(
                "{} serves no API version that hpcapi speaks ({} to {})",
                self.server(),
                ApiVersion::OLDEST,
                ApiVersion::NEWEST
            ))
            .hint(Hint::run(Verb::Api.with("GET /openapi/v3")).because("see what it serves"))),
        }
    }

    /// Asks for each version, the newest first, where somebody keeps the document from us.
    async fn tried(&self, kept_back: &Reply) -> Result<Option<ApiVersion>> {
        let may_be_kept_back = matches!(
            Layer::of(kept_back),
            Layer::Route | Layer::Path | Layer::Stranger | Layer::Refusal
        );
        if !may_be_kept_back {
            return Ok(None);
        }
        for version in ApiVersion::known_newest_first() {
            let request = Request::ping(version);
            let reply = self.answer(&request).await.map_err(Lost::into_error)?;
            match Layer::of(&reply) {
                Layer::Slurm if has_pings(&reply) => return Ok(Some(version)),
                // Slurm answers in JSON only where it serves the version.
                Layer::Refusal | Layer::Unspecified | Layer::Slurmctld => return Ok(Some(version)),
                Layer::Token if reply.status != 401 => return Ok(Some(version)),
                Layer::Token => return Err(self.refusal(&request, &reply)),
                _ => {}
            }
        }
        Ok(None)
    }
}

fn has_pings(reply: &Reply) -> bool {
    let answer = shape::read::<Value>(&reply.body);
    answer.is_ok_and(|answer| answer["pings"].is_array())
}
