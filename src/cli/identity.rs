//! Who asks a server: the token that the user gives, or how one is minted.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::event::Events;
use crate::hint::{Hint, Verb};
use crate::slurm::client::{Credentials, Identity, Mint, Server};
use crate::slurm::{Lifespan, Login, Minter, Token, UserName};

use super::deployment::DeploymentArgs;
use super::reach::{located, running_head_node};

/// How long a token of our own minting is valid.
const LIFESPAN: &str = "1h";

/// Returns how to mint a token for `user` on the deployment's head node.
pub(super) fn minting(
    deployment: &DeploymentArgs,
    user: Option<&UserName>,
    events: &Events,
) -> Mint {
    let (deployment, user, events) = (deployment.clone(), user.cloned(), events.clone());
    let is_first = AtomicBool::new(true);
    Box::new(move || {
        let (deployment, user, events) = (deployment.clone(), user.clone(), events.clone());
        // Later a part of an answer may stand in the line that this would be told in.
        let is_first = is_first.swap(false, Ordering::Relaxed);
        Box::pin(async move {
            let told = is_first.then(|| events.going_on("getting a token from the head node"));
            let minted = minted(&deployment, user.as_ref(), &events).await?;
            if let Some(told) = told {
                told.end().await;
            }
            Ok(minted)
        })
    })
}

async fn minted(
    deployment: &DeploymentArgs,
    user: Option<&UserName>,
    events: &Events,
) -> Result<(Token, Option<Login>)> {
    let minter = Minter::begin();
    let context = located(deployment, events).await?;
    let head_node = running_head_node(&context).await?;
    let lifespan: Lifespan = LIFESPAN.parse()?;
    let commands = &context.aws.commands;
    minter.mint(commands, &head_node, user, lifespan).await
}

/// Returns the identity of a token that the user gave, as `user` or else as its own.
pub(super) fn with(token: Token, user: Option<&UserName>) -> Identity {
    Identity::Given(Credentials {
        user: user.cloned(),
        token,
    })
}

/// Returns the error of a server that no token is for.
pub(super) fn no_token(server: &Server) -> Error {
    Error::usage(format!("there is no token for {server}"))
        .hint("mint one on that cluster, and: export SLURM_JWT=… (what `scontrol token` prints)")
        .hint("for a deployment of hpcapi leave out --endpoint")
}

/// Returns the token of SLURM_JWT, which may be as `scontrol token` prints it.
pub(super) fn given_token() -> Result<Option<Token>> {
    let Some(text) = std::env::var_os("SLURM_JWT") else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let text = text.trim();
    let token = text.strip_prefix("SLURM_JWT=").unwrap_or(text);
    if token.is_empty() {
        return Ok(None);
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    if !token.chars().all(is_token) {
        return Err(Error::usage("SLURM_JWT holds no Slurm token").hint(
            Hint::from("mint one: export SLURM_JWT=$(")
                .then_run(Verb::Token)
                .then(")"),
        ));
    }
    Ok(Some(Token::from(token.to_owned())))
}
