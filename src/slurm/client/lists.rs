//! Lists, which are read as they come: one element after the other.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{Context, Error, Result};
use crate::wait::Pace;

use super::elements::Elements;
use super::problem::Problems;
use super::refusal::{NOT_SLURM, excerpt, refused};
use super::request::Request;
use super::transport::{Broken, Reply};
use super::{Begun, Client, PATIENCE};

/// The answer to a request for a list.
#[derive(Debug)]
pub enum Listed<T> {
    /// What was kept of its elements, and what stands around them.
    All(Vec<T>, Envelope),
    /// An answer that is no list.
    Reply(Reply),
}

/// What stands around the elements of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope(serde_json::Value);

impl Envelope {
    /// Returns when the list last changed, in seconds since 1970, if the server says it.
    pub fn last_update(&self) -> Option<u64> {
        let number = self.0.get("last_update")?.clone();
        let number: crate::slurm::shape::Number = serde_json::from_value(number).ok()?;
        number.positive()
    }
}

impl Client {
    /// Sends a GET for a list; returns what `keep` makes of its elements, which are read as they
    /// come. `None` when the server says that nothing changed (HTTP 304).
    pub async fn list<T: DeserializeOwned, U>(
        &self,
        request: &Request,
        list: &'static str,
        keep: impl FnMut(T) -> Option<U>,
    ) -> Result<Option<(Vec<U>, Envelope)>> {
        match self.list_or_reply(request, list, keep).await? {
            Listed::All(kept, envelope) => Ok(Some((kept, envelope))),
            Listed::Reply(reply) if reply.status == 304 => Ok(None),
            Listed::Reply(reply) => Err(self.refusal(request, &reply)),
        }
    }

    /// Like [`Client::list`], but an answer that is no list is returned as it is.
    pub async fn list_or_reply<T: DeserializeOwned, U>(
        &self,
        request: &Request,
        list: &'static str,
        mut keep: impl FnMut(T) -> Option<U>,
    ) -> Result<Listed<U>> {
        let mut pace = Pace::retries(PATIENCE);
        loop {
            let incoming = match self.begin(request).await? {
                Begun::Stream(incoming) => incoming,
                Begun::Reply(reply) => return Ok(Listed::Reply(reply)),
            };
            let mut kept = Vec::new();
            let mut elements = Elements::of(list);
            let came = incoming
                .each(|piece| {
                    elements.push(piece, |element| {
                        let element = serde_json::from_slice(element).doing(|| {
                            format!("an element of the server's `{list}` is not understood")
                        })?;
                        kept.extend(keep(element));
                        Ok(())
                    })
                })
                .await;
            match came {
                Ok(()) => {
                    let envelope = self.envelope(request, list, elements);
                    let envelope = envelope.map_err(|error| error.or_hint(NOT_SLURM))?;
                    return Ok(Listed::All(kept, envelope));
                }
                Err(Broken::Off(_)) if pace.next().await => {}
                Err(broken) => return Err(broken.into_error().or_hint(NOT_SLURM)),
            }
        }
    }

    fn envelope(
        &self,
        request: &Request,
        list: &'static str,
        elements: Elements,
    ) -> Result<Envelope> {
        let reply = Reply::new(200, elements.finish()?, Duration::ZERO);
        let envelope: serde_json::Value = self.read(request, &reply)?;
        let problems = Problems::of(&reply.body);
        if !problems.errors.is_empty() {
            return Err(refused(&problems.errors));
        }
        // What is no element has stayed in the envelope.
        let rest = envelope.get(list).and_then(serde_json::Value::as_array);
        if rest.is_none_or(|rest| !rest.is_empty()) {
            return Err(
                Error::failed(format!("the server's answer holds no list `{list}`"))
                    .because(excerpt(&reply.text())),
            );
        }
        Ok(Envelope(envelope))
    }
}
