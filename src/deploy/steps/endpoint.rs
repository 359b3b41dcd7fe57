//! The proof: a call through the public URL that only a valid token can make is answered,
//! and the same call without a token is refused.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::deploy::repair::{self, Repair};
use crate::deploy::{State, path};
use crate::error::{Error, Result};
use crate::slurm::client::{
    Credentials, Layer, Lost, Reply, Request, Server, Transport, excerpt, offered,
};
use crate::slurm::{ApiVersion, Lifespan, mint};
use crate::step::Step;
use crate::wait::Pace;

/// A target needs two good health checks; a VPC link that slept may take minutes to wake up.
const LIMIT: Duration = Duration::from_secs(600);

/// So long the endpoint is asked again before the way to it is walked once more.
const PATIENCE: Duration = Duration::from_secs(8);

/// API Gateway gives up after 30 s; so much and a little is enough.
const REQUEST: Duration = Duration::from_secs(35);

/// What one look at the endpoint finds.
enum Look {
    /// It answers a valid token in this API version, and refuses a call without one.
    Answers(String),
    /// There is nothing to look at yet.
    Early(&'static str),
    /// It does not answer as it should; who spoke, and its words.
    Broken(String),
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    Ok(match look(context).await? {
        Look::Answers(version) => {
            context.facts().api_version = Some(version);
            State::Ready
        }
        Look::Early(on) => State::waiting(on),
        Look::Broken(reason) => State::incomplete(reason),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    restore(context).await?;
    Ok(())
}

/// Walks the way to Slurm and brings back what is broken, until a request comes through; returns
/// whether anything had to be changed.
pub(in crate::deploy) async fn restore(context: &Context) -> Result<bool> {
    let mut pace = Pace::minutes(LIMIT);
    let mut tried: Vec<Repair> = Vec::new();
    loop {
        let layers = path::walk(context).await;
        let Some(layer) = layers.iter().find(|layer| !layer.finding.is_fine()) else {
            return Ok(!tried.is_empty());
        };
        let finding = &layer.finding;
        context.events.doing(Step::Endpoint, finding.sentence());
        match &layer.repair {
            Some(repair) if !tried.contains(repair) => {
                repair::repair(context, repair).await?;
                tried.push(repair.clone());
                pace = Pace::minutes(LIMIT);
            }
            _ if finding.verdict == Verdict::Waiting || finding.subject == path::TOKEN => {}
            // What cannot be looked at may be well, and is when the endpoint answers.
            _ if finding.verdict == Verdict::Unknown && trial(context).await?.is_ok() => {
                context.events.warn(finding.sentence());
                return Ok(!tried.is_empty());
            }
            _ => return Err(broken_at(finding)),
        }
        answer_soon(context).await?;
        if !pace.next().await {
            let doctor = context.settings.again.command("doctor");
            return Err(broken_at(finding).hint(format!("look again: {doctor}")));
        }
    }
}

/// Asks the endpoint again and again for a while: that is faster than to walk the way to it.
async fn answer_soon(context: &Context) -> Result<()> {
    let mut patience = Pace::seconds(PATIENCE);
    while patience.next().await {
        let Look::Broken(reason) = look(context).await? else {
            break;
        };
        context.events.doing(Step::Endpoint, reason);
    }
    Ok(())
}

/// Returns the error of a way that is broken at a layer that `up` cannot bring back.
fn broken_at(finding: &Finding) -> Error {
    let text = format!(
        "the way from the endpoint to Slurm is broken: {}: {}",
        finding.subject, finding.text
    );
    let error = match &finding.cause {
        Some(cause) => Error::failed(text).because(cause.clone()),
        None => Error::failed(text),
    };
    let next = finding.next.iter();
    next.fold(error, |error, next| error.hint(next.clone()))
}

/// Makes the call that only a valid token can make, and the same without one. Returns the API
/// version that answered, or what was wrong.
pub(in crate::deploy) async fn trial(context: &Context) -> Result<Result<String, String>> {
    Ok(match look(context).await? {
        Look::Answers(version) => Ok(version),
        Look::Early(on) => Err(format!("there is nothing to ask yet: {on} is missing")),
        Look::Broken(reason) => Err(reason),
    })
}

async fn look(context: &Context) -> Result<Look> {
    let (endpoint, head_node) = {
        let facts = context.facts();
        (facts.endpoint.clone(), facts.head_node.clone())
    };
    let Some(endpoint) = endpoint else {
        return Ok(Look::Early("the API stack"));
    };
    let Some(head_node) = head_node else {
        return Ok(Look::Early("the head node"));
    };
    let server: Server = endpoint.parse()?;
    let transport = Transport::new(server, REQUEST)?;
    let commands = &context.aws.commands;
    let token = match mint(commands, &head_node.id, None, short()).await {
        Ok(token) => token,
        Err(error) => return Ok(Look::Broken(with_cause(&error))),
    };
    let credentials = Credentials { user: None, token };
    Ok(probe(&transport, &credentials)
        .await
        .unwrap_or_else(|error| Look::Broken(with_cause(&error))))
}

/// Makes a call that only a valid token can make, and the same without one.
async fn probe(transport: &Transport, credentials: &Credentials) -> Result<Look> {
    let ask = async |request: &Request, version, credentials| {
        let answer = transport.exchange(request, version, credentials).await;
        answer.map_err(Lost::into_error)
    };
    let documents = Request::openapi();
    let reply = ask(&documents, ApiVersion::NEWEST, Some(credentials)).await?;
    if Layer::of(&reply) != Layer::Slurm {
        return Ok(answered_by(&reply));
    }
    let Some(version) = offered(&reply.body).and_then(|all| ApiVersion::choose(&all)) else {
        return Ok(answered_by(&reply));
    };
    let diag = Request::get("diag");
    let reply = ask(&diag, version, Some(credentials)).await?;
    if Layer::of(&reply) != Layer::Slurm {
        return Ok(answered_by(&reply));
    }
    let anonymous = ask(&diag, version, None).await?;
    Ok(match anonymous.status {
        401 => Look::Answers(version.to_string()),
        status => Look::Broken(format!(
            "a call without a token is answered with HTTP {status} instead of 401"
        )),
    })
}

fn answered_by(reply: &Reply) -> Look {
    let layer = Layer::of(reply);
    let text = format!(
        "{} (HTTP {}): {}",
        layer.meaning(),
        reply.status,
        excerpt(&reply.text())
    );
    Look::Broken(text)
}

/// Returns a lifespan that outlasts one look.
fn short() -> Lifespan {
    "120".parse().expect("a plain number")
}

fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {}", excerpt(&cause.to_string())),
        None => error.to_string(),
    }
}
