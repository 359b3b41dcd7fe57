//! The proof: a call through the public URL that only a valid token can make is answered,
//! and the same call without a token is refused.

use std::time::Duration;

use reqwest::Method;

use crate::context::Context;
use crate::deploy::{State, path};
use crate::error::{Error, Result};
use crate::slurm::{Api, Layer, Lifespan, Token, UserName, mint};
use crate::step::Step;
use crate::wait::Pace;

/// A target needs two good health checks, a fresh VPC link may take a few minutes.
const LIMIT: Duration = Duration::from_secs(600);

/// A wire that is missing now will not appear by waiting.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let (endpoint, head_node) = {
        let facts = context.facts();
        (facts.endpoint.clone(), facts.head_node.clone())
    };
    let Some(endpoint) = endpoint else {
        return Ok(State::waiting("the API stack"));
    };
    let Some(head_node) = head_node else {
        return Ok(State::waiting("the head node"));
    };
    let api = Api::new(endpoint)?;
    let user = default_user();
    let token = match mint(&context.aws.commands, &head_node.id, &user, short()).await {
        Ok(token) => token,
        Err(error) => return Ok(State::incomplete(with_cause(&error))),
    };
    match probe(&api, &user, &token).await {
        Ok(version) => {
            context.facts().api_version = Some(version);
            Ok(State::Ready)
        }
        Err(error) => Ok(State::incomplete(with_cause(&error))),
    }
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let mut patience = Some(Pace::seconds(PATIENCE));
    let mut pace = Pace::minutes(LIMIT);
    loop {
        let state = check(context).await?;
        let State::Incomplete { reason } = state else {
            return Ok(());
        };
        context.events.doing(Step::Endpoint, reason.clone());
        if let Some(early) = &mut patience {
            if early.next().await {
                continue;
            }
            patience = None;
            path::require_whole(context).await?;
        }
        if !pace.next().await {
            path::require_whole(context).await?;
            return Err(Error::failed("the endpoint does not answer as it should").because(reason));
        }
    }
}

/// Returns the API version of an endpoint that answers a valid token and refuses none.
async fn probe(api: &Api, user: &UserName, token: &Token) -> Result<String> {
    let version = match api.newest_version(user, token).await? {
        Ok(version) => version,
        Err(reply) => return Err(answered_by(&reply)),
    };
    let path = format!("/slurm/{version}/diag");
    let reply = api
        .call(Method::GET, &path, Some((user, token)), None)
        .await?;
    if Layer::of(&reply) != Layer::Slurm {
        return Err(answered_by(&reply));
    }
    let anonymous = api.call(Method::GET, &path, None, None).await?;
    if anonymous.status != 401 {
        return Err(Error::failed(format!(
            "a call without a token is answered with HTTP {} instead of 401",
            anonymous.status
        )));
    }
    Ok(version)
}

fn answered_by(reply: &crate::slurm::Reply) -> Error {
    let start: String = reply.body.chars().take(200).collect();
    Error::failed(format!(
        "{} (HTTP {})",
        Layer::of(reply).meaning(),
        reply.status
    ))
    .because(start)
}

/// Returns the user that the head node always has.
pub(in crate::deploy) fn default_user() -> UserName {
    "ec2-user".parse().expect("a plain word")
}

/// Returns a lifespan that outlasts one look.
fn short() -> Lifespan {
    "120".parse().expect("a plain number")
}

fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {}", one_line(&cause.to_string())),
        None => error.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
