//! The proof: a call through the public URL that only a valid token can make is answered,
//! and the same call without a token is refused.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::{State, path};
use crate::error::{Error, Result};
use crate::slurm::client::{
    Credentials, Layer, Lost, Reply, Request, Server, Transport, excerpt, offered,
};
use crate::slurm::{ApiVersion, Lifespan, mint};
use crate::step::Step;
use crate::wait::Pace;

/// A target needs two good health checks, a fresh VPC link may take a few minutes.
const LIMIT: Duration = Duration::from_secs(300);

/// What is missing in the way now will not appear by waiting longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// API Gateway gives up after 30 s; so much and a little is enough.
const REQUEST: Duration = Duration::from_secs(35);

/// What one look at the endpoint finds.
enum Look {
    /// It answers a valid token in this API version, and refuses a call without one.
    Answers(String),
    /// There is nothing to look at yet.
    Early(&'static str),
    /// It does not answer as it should; the layer that spoke, if one did, and its words.
    Broken(Option<Layer>, String),
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    Ok(match look(context).await? {
        Look::Answers(version) => {
            context.facts().api_version = Some(version);
            State::Ready
        }
        Look::Early(on) => State::waiting(on),
        Look::Broken(_, reason) => State::incomplete(reason),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let mut patience = Pace::seconds(PATIENCE);
    let mut pace = Pace::minutes(LIMIT);
    let mut is_patient = true;
    loop {
        let Look::Broken(layer, reason) = look(context).await? else {
            return Ok(());
        };
        context.events.doing(Step::Endpoint, reason.clone());
        if is_patient && patience.next().await {
            continue;
        }
        if is_patient {
            path::require_whole(context).await?;
        }
        is_patient = false;
        // A gateway that knows no such route, or cannot use its integration, is not waking up.
        let is_final = matches!(layer, Some(Layer::Route | Layer::Integration));
        if is_final || !pace.next().await {
            let status = context.settings.again.command("status");
            return Err(Error::failed("the endpoint does not answer as it should")
                .because(reason)
                .hint(format!("look again: {status}")));
        }
    }
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
        Err(error) => return Ok(Look::Broken(None, with_cause(&error))),
    };
    let credentials = Credentials { user: None, token };
    Ok(probe(&transport, &credentials)
        .await
        .unwrap_or_else(|error| Look::Broken(None, with_cause(&error))))
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
        status => Look::Broken(
            None,
            format!("a call without a token is answered with HTTP {status} instead of 401"),
        ),
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
    Look::Broken(Some(layer), text)
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
