//! Lists, which are read as they come: one element after the other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::slurm::shape::{self, Number};
use crate::wait::Pace;

use super::elements::Elements;
use super::problem::Problems;
use super::refusal::{excerpt, not_slurm, refused};
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
pub struct Envelope {
    envelope: Value,
    count: usize,
}

impl Envelope {
    /// Returns when the list last changed, in seconds since 1970, if the server says it.
    pub fn last_update(&self) -> Option<u64> {
        let number = self.envelope.get("last_update")?.clone();
        let number: Number = serde_json::from_value(number).ok()?;
        number.positive()
    }

    /// Returns how many elements there were, wanted or not.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What becomes of an element of a list.
#[derive(Debug)]
pub enum Element<T> {
    /// It is wanted.
    Wanted(T),
    /// It is understood, but not wanted.
    Unwanted,
    /// It lacks what it cannot be told without.
    NotUnderstood,
}

impl<T> Element<T> {
    /// Returns an element that is wanted if it is understood.
    pub fn understood(element: Option<T>) -> Element<T> {
        element.map_or(Element::NotUnderstood, Element::Wanted)
    }
}

impl Client {
    /// Sends a GET for a list; returns what `keep` makes of its elements, which are read as they
    /// come. `None` when the server says that nothing changed (HTTP 304).
    pub async fn list<T: DeserializeOwned, U>(
        &self,
        request: &Request,
        list: &'static str,
        keep: impl FnMut(T) -> Element<U>,
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
        mut keep: impl FnMut(T) -> Element<U>,
    ) -> Result<Listed<U>> {
        let mut pace = Pace::retries(PATIENCE);
        loop {
            let incoming = match self.begin(request).await? {
                Begun::Stream(incoming) => incoming,
                Begun::Reply(reply) => return Ok(Listed::Reply(reply)),
            };
            let (mut kept, mut count, mut left_out) = (Vec::new(), 0, 0);
            let mut elements = Elements::of(list);
            let came = incoming
                .each(|piece| {
                    elements.push(piece, |element| {
                        count += 1;
                        match read_element(element).map_or(Element::NotUnderstood, &mut keep) {
                            Element::Wanted(element) => kept.push(element),
                            Element::Unwanted => {}
                            Element::NotUnderstood => left_out += 1,
                        }
                        Ok(())
                    })
                })
                .await;
            match came {
                Ok(()) => {
                    let envelope = self.envelope(request, list, elements, count);
                    let envelope = envelope.map_err(|error| error.or_hint(not_slurm()))?;
                    // One of many may be strange; all of them are a stranger's.
                    if left_out > 0 && left_out == count {
                        return Err(Error::failed(format!(
                            "the elements of the server's `{list}` are not understood"
                        ))
                        .hint(not_slurm()));
                    }
                    self.left_out.fetch_add(left_out, Ordering::Relaxed);
                    return Ok(Listed::All(kept, envelope));
                }
                Err(Broken::Off(_)) if pace.next().await => {}
                Err(broken) => return Err(broken.into_error().or_hint(not_slurm())),
            }
        }
    }

    fn envelope(
        &self,
        request: &Request,
        list: &'static str,
        elements: Elements,
        count: usize,
    ) -> Result<Envelope> {
        let reply = Reply::new(200, elements.finish()?, Duration::ZERO);
        let envelope: Value = self.read(request, &reply)?;
        let mut errors = Problems::of(&reply.body).errors;
        errors.retain(|error| !error.is_about_nothing_found());
        if !errors.is_empty() {
            return Err(refused(&errors));
        }
        // What is no element has stayed in the envelope.
        let rest = envelope.get(list).and_then(Value::as_array);
        if rest.is_none_or(|rest| !rest.is_empty()) {
            return Err(
                Error::failed(format!("the server's answer holds no list `{list}`"))
                    .because(excerpt(&reply.text())),
            );
        }
        Ok(Envelope { envelope, count })
    }
}

/// Reads an element; of one that is not what it should be, the fields that are. `None` when
/// without the others it is nothing, or it is no JSON.
fn read_element<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if let Ok(element) = shape::read(bytes) {
        return Some(element);
    }
    let mut fields: Map<String, Value> = shape::read(bytes).ok()?;
    fields.retain(|name, value| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<T>(Value::Object(alone)).is_ok()
    });
    serde_json::from_value(Value::Object(fields)).ok()
}
