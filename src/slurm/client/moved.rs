//! A server whose address was remembered, and that may be elsewhere by now: a deployment that was
//! made anew has a new endpoint.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;

use tokio::sync::OnceCell;

use crate::error::{Kind, Result};

use super::Client;
use super::layer::Layer;
use super::request::Request;
use super::server::Server;
use super::transport::{Lost, Reply, Transport};
use super::version::ApiVersion;

/// Looks up where the server is now.
pub type LookUp =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Server>> + Send>> + Send + Sync>;

/// Where a remembered server is now, once that was looked up.
#[derive(Default)]
pub(super) struct Moved {
    look_up: Option<LookUp>,
    /// The place, if it is another one.
    place: OnceCell<Option<Place>>,
}

/// A place that was looked up.
#[derive(Debug)]
struct Place {
    transport: Transport,
    version: OnceCell<ApiVersion>,
}

impl Moved {
    /// Returns the connections to where the server is now, if it is elsewhere.
    pub(super) fn transport(&self) -> Option<&Transport> {
        Some(&self.place()?.transport)
    }

    /// Returns the version that is spoken there.
    pub(super) fn version(&self) -> Option<&OnceCell<ApiVersion>> {
        Some(&self.place()?.version)
    }

    fn place(&self) -> Option<&Place> {
        self.place.get()?.as_ref()
    }
}

impl Client {
    /// Lets the client look up its server again, should nobody be where it is remembered to be.
    #[must_use]
    pub fn looking_up(mut self, look_up: LookUp) -> Client {
        self.moved.look_up = Some(look_up);
        self
    }

    /// Returns whether an answer or its lack is due to a server that is elsewhere now, so that
    /// the request is to be sent again, there. Fails when there is no such server any more.
    pub(super) async fn has_moved(
        &self,
        request: &Request,
        outcome: Result<&Reply, &Lost>,
    ) -> Result<bool, Lost> {
        let Some(look_up) = &self.moved.look_up else {
            return Ok(false);
        };
        if !is_unknown_there(request, outcome) {
            return Ok(false);
        }
        let look = || self.look_up(look_up);
        match self.moved.place.get_or_try_init(look).await {
            Ok(Some(_)) => {
                self.is_lost.store(false, Ordering::Relaxed);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if error.kind() == Kind::NotReady => Err(Lost::Unsent(error)),
            // What the remembered place said tells more than why it was not looked up again.
            Err(_) => Ok(false),
        }
    }

    async fn look_up(&self, look_up: &LookUp) -> Result<Option<Place>> {
        let server = look_up().await?;
        if server == *self.transport.server() {
            return Ok(None);
        }
        Ok(Some(Place {
            transport: self.transport.to(server)?,
            version: OnceCell::new(),
        }))
    }
}

/// Returns whether nobody who knows the request has seen it, or it may be sent twice.
fn is_unknown_there(request: &Request, outcome: Result<&Reply, &Lost>) -> bool {
    match outcome.map(Layer::of) {
        // Of an API of another deployment, or none: the gateway itself answers.
        Ok(Layer::Route) | Err(Lost::Unsent(_)) => true,
        Ok(Layer::Stranger) | Err(Lost::Unanswered(_)) => request.is_repeatable(),
        Ok(_) | Err(Lost::Unusable(_)) => false,
    }
}

impl fmt::Debug for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moved")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
