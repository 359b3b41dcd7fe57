//! Requests on the wire: one connection pool to one server, each request bounded in time and
//! each answer in size.

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use tokio::sync::mpsc;

use crate::error::{Context, Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::{Token, UserName};

use super::layer::Layer;
use super::loss::{cause, unanswered};
use super::request::Request;
use super::server::Server;
use super::tls::Trust;
use super::version::ApiVersion;

/// The most of an answer that is kept when it is no list, in bytes: OpenAPI documents have one
/// million.
const LONGEST: usize = 4 << 20;

/// The most that a list may send, in bytes after decompression: 100,000 jobs send half of it.
const LONGEST_LIST: usize = 1 << 30;

/// How many pieces of a list are read ahead of the one that is looked at.
const AHEAD: usize = 4;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Who makes a request.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The Slurm user, when the token does not say it.
    pub user: Option<UserName>,
    /// The user's token.
    pub token: Token,
}

/// The connections to a server.
#[derive(Debug, Clone)]
pub struct Transport {
    server: Server,
    limit: Duration,
    trust: Trust,
    http: reqwest::Client,
}

/// A complete answer, whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Where a redirection points to.
    pub location: Option<String>,
    /// How long the server asks to wait before the next request.
    pub retry_after: Option<Duration>,
    /// The path of the next page, where the answer is one of several.
    pub next: Option<String>,
    /// How long the answer took.
    pub took: Duration,
    /// Who gave it, where that was found out by asking on.
    pub giver: Option<Layer>,
}

impl Reply {
    /// Returns an answer without more than these.
    pub fn new(status: u16, body: Vec<u8>, took: Duration) -> Reply {
        Reply {
            status,
            body,
            location: None,
            retry_after: None,
            next: None,
            took,
            giver: None,
        }
    }

    /// Returns the body as text, for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum Lost {
    /// It never reached the server.
    Unsent(Error),
    /// It may have reached the server.
    Unanswered(Error),
    /// The server answered, and its answer is of no use.
    Unusable(Error),
}

impl Lost {
    /// Returns the error alone.
    pub fn into_error(self) -> Error {
        match self {
            Lost::Unsent(error) | Lost::Unanswered(error) | Lost::Unusable(error) => error,
        }
    }
}

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Lost {
        match broken {
            Broken::Off(error) => Lost::Unanswered(error),
            Broken::Bad(error) => Lost::Unusable(error),
        }
    }
}

/// Why the body of an answer is of no use.
#[derive(Debug)]
pub enum Broken {
    /// It broke off on its way.
    Off(Error),
    /// It came, and is not what was asked for.
    Bad(Error),
}

impl Broken {
    /// Returns the error alone.
    pub fn into_error(self) -> Error {
        match self {
            Broken::Off(error) | Broken::Bad(error) => error,
        }
    }
}

/// An answer whose body still comes.
#[derive(Debug)]
pub struct Incoming {
    response: reqwest::Response,
    url: String,
    began: Instant,
}

impl Transport {
    /// Returns the connections to a server, whose every answer has to be complete in `limit`.
    pub fn new(server: Server, limit: Duration) -> Result<Transport> {
        Transport::trusting(Trust::default(), server, limit)
    }

    /// Like [`Transport::new`], for a server that is known by these certificates.
    pub fn trusting(trust: Trust, server: Server, limit: Duration) -> Result<Transport> {
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT.min(limit))
            .timeout(limit)
            // slurmrestd redirects nobody, and a token goes to nobody else.
            .redirect(Policy::none())
            .user_agent(concat!("hpcapi/", env!("CARGO_PKG_VERSION")));
        if let Server::Socket(path) = &server {
            http = http.unix_socket(path.clone());
        }
        if server.is_here() {
            http = http.no_proxy();
        }
        http = match server.is_encrypted() {
            true => http.tls_backend_preconfigured(trust.config()?),
            // To read the system's certificates takes longer than many a request.
            false => http.tls_certs_only([]),
        };
        let http = http
            .build()
            .doing(|| "cannot make an HTTP client".to_owned())?;
        Ok(Transport {
            server,
            limit,
            trust,
            http,
        })
    }

    /// Returns the like of these connections to another server.
    pub fn to(&self, server: Server) -> Result<Transport> {
        Transport::trusting(self.trust.clone(), server, self.limit)
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a request; returns once the head of an answer is there. An HTTP error status is an
    /// answer, too. Without credentials the request is anonymous.
    pub async fn open(
        &self,
        request: &Request,
        version: ApiVersion,
        credentials: Option<&Credentials>,
    ) -> Result<Incoming, Lost> {
        let url = self.server.url(&request.path(version));
        let mut headers = HeaderMap::new();
        if let Some(Credentials { user, token }) = credentials {
            let mut secret = HeaderValue::from_str(token.reveal()).map_err(|_| {
                Lost::Unsent(
                    Error::usage("the token is no Slurm token: it has characters that none has")
                        .hint(super::refusal::mint()),
                )
            })?;
            secret.set_sensitive(true);
            headers.insert("X-SLURM-USER-TOKEN", secret);
            // Slurm 22.05 wants both.
            let own = token.user().ok();
            if let Some(name) = user.as_ref().or(own.as_ref())
                && let Ok(name) = HeaderValue::from_str(name.as_str())
            {
                headers.insert("X-SLURM-USER-NAME", name);
            }
        }
        self.send(request, &url, headers).await
    }

    /// Sends a request to a URL of the server's, with headers that say who makes it.
    pub(in crate::slurm) async fn send(
        &self,
        request: &Request,
        url: &str,
        mut headers: HeaderMap,
    ) -> Result<Incoming, Lost> {
        let parsed = Url::parse(url).map_err(|error| {
            Lost::Unsent(Error::usage(format!("`{url}` is no URL")).because(error))
        })?;
        // slurmrestd writes compact JSON only to those who send an Accept header.
        headers.insert("Accept", HeaderValue::from_static("application/json"));
        let mut sent = self.http.request(request.method.clone(), parsed);
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            sent = sent.body(body.clone());
        }
        let began = Instant::now();
        match sent.headers(headers).send().await {
            Ok(response) => Ok(Incoming {
                response,
                url: url.to_owned(),
                began,
            }),
            Err(error) if error.is_connect() || error.is_builder() => {
                Err(Lost::Unsent(unanswered(&self.server, error)))
            }
            Err(error) => Err(Lost::Unanswered(unanswered(&self.server, error))),
        }
    }

    /// Sends a request and returns its complete answer.
    pub async fn exchange(
        &self,
        request: &Request,
        version: ApiVersion,
        credentials: Option<&Credentials>,
    ) -> Result<Reply, Lost> {
        let incoming = self.open(request, version, credentials).await?;
        incoming.complete().await.map_err(Lost::from)
    }
}

impl Incoming {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns the whole answer; fails when it is too long to be no list.
    pub async fn complete(mut self) -> Result<Reply, Broken> {
        let header = |name| {
            let value = self.response.headers().get(name)?;
            value.to_str().ok().map(ToOwned::to_owned)
        };
        let location = header(LOCATION);
        let next = header(LINK).as_deref().and_then(next_page);
        let retry_after = header(RETRY_AFTER)
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
        let status = self.status();
        let mut body = Vec::new();
        while let Some(piece) = self.next().await.map_err(Broken::Off)? {
            if body.len() + piece.len() > LONGEST {
                return Err(Broken::Bad(too_long(&self.url, LONGEST >> 20)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply {
            status,
            body,
            location,
            retry_after,
            next,
            took: self.began.elapsed(),
            giver: None,
        })
    }

    /// Gives the body piece by piece to `take`. The next ones come, and are unpacked, meanwhile: what a
    /// long list costs is the longer of the two, not their sum.
    pub async fn each(mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<(), Broken> {
        let url = self.url.clone();
        let (sender, mut pieces) = mpsc::channel(AHEAD);
        // It ends when nobody takes its pieces any more.
        let reader = tokio::spawn(async move {
            while let Some(piece) = self.next().await.transpose() {
                let was_last = piece.is_err();
                if sender.send(piece).await.is_err() || was_last {
                    return;
                }
            }
        });
        let mut length = 0;
        while let Some(piece) = pieces.recv().await {
            let piece = piece.map_err(Broken::Off)?;
            length += piece.len();
            if length > LONGEST_LIST {
                return Err(Broken::Bad(too_long(&url, LONGEST_LIST >> 20)));
            }
            take(&piece).map_err(Broken::Bad)?;
        }
        let ended = reader.await;
        let broken_off =
            |error| Error::failed(format!("the answer of {url} broke off")).because(error);
        ended.map_err(broken_off).map_err(Broken::Off)
    }

    async fn next(&mut self) -> Result<Option<impl std::ops::Deref<Target = [u8]> + use<>>> {
        self.response.chunk().await.map_err(|error| {
            let what = if error.is_timeout() {
                format!("the answer of {} did not end in time", self.url)
            } else {
                format!("the answer of {} broke off", self.url)
            };
            Error::failed(what).because(cause(error)).hint(
                Hint::run(Verb::Ping)
                    .because("try again; look what is wrong")
                    .then("; allow more time: --timeout 120"),
            )
        })
    }
}

/// Returns where a `Link` header (RFC 8288) points to for the next page.
fn next_page(link: &str) -> Option<String> {
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    parameters
        .split(';')
        .any(|parameter| parameter.trim() == "rel=\"next\"")
        .then(|| target.to_owned())
}

fn too_long(url: &str, mebibytes: usize) -> Error {
    Error::failed(format!(
        "the answer of {url} is longer than {mebibytes} MiB"
    ))
    .hint(super::refusal::not_slurm())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_a_link_says_that_it_is() {
        let there = Some("/x?after=7".to_owned());
        assert_eq!(next_page("</x?after=7>; rel=\"next\""), there);
        assert_eq!(next_page("</x?after=7>; title=\"a\"; rel=\"next\""), there);
        for other in ["", "/x; rel=\"next\"", "</x>", "</x>; rel=\"prev\"", "</x"] {
            assert_eq!(next_page(other), None, "{other}");
        }
    }
}
