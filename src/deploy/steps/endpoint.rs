//! The proof: a call through the public URL that only a valid token can make is answered,
//! and the same call without a token is refused.

use std::time::Duration;

use futures_util::future::join;

use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::deploy::repair::{self, Repair};
use crate::deploy::{State, path};
use crate::error::{Error, Result};
use crate::slurm::client::{
    Credentials, Layer, Lost, Reply, Request, Server, Transport, excerpt, offered,
};
use crate::slurm::{ApiVersion, Lifespan, Minter};
use crate::step::Step;
use crate::wait::{Pace, within};

/// A target needs two good health checks; a VPC link that slept may take minutes to wake up.
const LIMIT: Duration = Duration::from_secs(600);

/// So long the endpoint is asked again before the way to it is walked once more.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is well answers a remembered token in this time. Of what is not, the head node knows more
/// than the silence that API Gateway waits for.
const PROMPT: Duration = Duration::from_secs(5);

/// API Gateway gives up after 30 s; so much and a little is enough.
const REQUEST: Duration = Duration::from_secs(35);

/// How long a token of a look is valid: the next look, and the user's first command, need none.
const LIFESPAN: &str = "1h";

/// What one look at the endpoint finds.
enum Look {
    /// It answers a valid token in this API version, and refuses a call without one.
    Answers(ApiVersion),
    /// There is nothing to look at yet.
    Early(&'static str),
    /// It does not answer as it should; who spoke, and its words.
    Broken(String),
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    if context.facts().resting {
        return Ok(State::Resting);
    }
    // A remembered token may be that of another cluster.
    let is_known = context.facts().head_node.is_some();
    let looked = match is_known {
        true => look_with_remembered(context).await?,
        false => look(context).await?,
    };
    Ok(match looked {
        Look::Answers(version) => {
            context.facts().api_version = Some(version.to_string());
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
            // What cannot be looked at, or is not as it was just put, keeps nobody from the endpoint
            // when that answers.
            repair
                if (repair.is_some() || finding.verdict == Verdict::Unknown)
                    && trial(context).await?.is_ok() =>
            {
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
pub(in crate::deploy) async fn trial(context: &Context) -> Result<Result<ApiVersion, String>> {
    Ok(match look(context).await? {
        Look::Answers(version) => Ok(version),
        Look::Early(on) => Err(format!("there is nothing to ask yet: {on} is missing")),
        Look::Broken(reason) => Err(reason),
    })
}

/// Looks with the token and the version that are remembered. Only what answers counts: a token may
/// have been revoked, a version retired.
async fn look_with_remembered(context: &Context) -> Result<Look> {
    let endpoint = context.facts().endpoint.clone();
    let memory = &context.memory;
    if let (Some(endpoint), Some(token), Some(version)) =
        (endpoint, memory.token(), memory.version())
        && memory.endpoint().as_ref() == Some(&endpoint)
    {
        let transport = Transport::new(endpoint.parse()?, REQUEST)?;
        let credentials = Credentials { user: None, token };
        let proven = within(PROMPT, prove(&transport, &credentials, version)).await;
        if let Some(Ok(answers @ Look::Answers(_))) = proven {
            return Ok(answers);
        }
    }
    look(context).await
}

/// Looks with a token that is minted for it, and remembers what answered.
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
    let lifespan: Lifespan = LIFESPAN.parse()?;
    let minted = Minter::begin().mint(commands, &head_node.id, None, lifespan);
    let (token, login) = match minted.await {
        Ok(minted) => minted,
        Err(error) => return Ok(Look::Broken(with_cause(&error))),
    };
    let credentials = Credentials { user: None, token };
    let looked = probe(&transport, &credentials).await;
    if let Ok(Look::Answers(version)) = &looked {
        context.memory.remember_endpoint(&endpoint);
        context.memory.remember_token(&credentials.token);
        context.memory.remember_version(*version);
        if let Some(login) = &login {
            context.memory.remember_login(login);
        }
    }
    Ok(looked.unwrap_or_else(|error| Look::Broken(with_cause(&error))))
}

/// Asks which version there is, and proves that.
async fn probe(transport: &Transport, credentials: &Credentials) -> Result<Look> {
    let documents = Request::openapi();
    let asked = transport.exchange(&documents, ApiVersion::NEWEST, Some(credentials));
    let reply = asked.await.map_err(Lost::into_error)?;
    if Layer::of(&reply) != Layer::Slurm {
        return Ok(answered_by(&reply));
    }
    match offered(&reply.body).and_then(|all| ApiVersion::choose(&all)) {
        Some(version) => prove(transport, credentials, version).await,
        None => Ok(answered_by(&reply)),
    }
}

/// Makes a call that only a valid token can make, and the same without one.
async fn prove(
    transport: &Transport,
    credentials: &Credentials,
    version: ApiVersion,
) -> Result<Look> {
    let diag = Request::get("diag");
    let with = transport.exchange(&diag, version, Some(credentials));
    let without = transport.exchange(&diag, version, None);
    let (with, without) = join(with, without).await;
    let reply = with.map_err(Lost::into_error)?;
    if Layer::of(&reply) != Layer::Slurm {
        return Ok(answered_by(&reply));
    }
    let anonymous = without.map_err(Lost::into_error)?;
    Ok(match anonymous.status {
        401 => Look::Answers(version),
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

fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {}", excerpt(&cause.to_string())),
        None => error.to_string(),
    }
}
