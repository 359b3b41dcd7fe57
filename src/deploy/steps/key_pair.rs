//! The EC2 key pair of the head node: the user's own, or one that we make. The private half
//! is made here, written first, and never leaves the machine.

use std::fs;
use std::path::Path;

use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::aws::KeyPair;
use crate::context::{Context, TAG_DEPLOYMENT};
use crate::deploy::State;
use crate::error::{Context as _, Error, Result};
use crate::event::Outcome;
use crate::files;
use crate::step::Step;
use crate::tags::Tags;

use super::stack::difference_of_tags;

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    if !context.config.wants_key_name() {
        context.facts().key_name = context.config.key_name();
        return Ok(State::Ready);
    }
    if let Some(name) = &context.settings.key_name {
        if context.aws.key_pairs.describe(name).await?.is_none() {
            return Err(Error::usage(format!(
                "there is no key pair `{name}` in {}",
                context.aws.region
            ))
            .hint("leave out --key-name: hpcapi then makes a key pair of its own"));
        }
        context.facts().key_name = Some(name.clone());
        return Ok(State::Ready);
    }
    let name = context.settings.name.as_str();
    let Some(pair) = context.aws.key_pairs.describe(name).await? else {
        context.facts().key_name = None;
        return Ok(State::Missing);
    };
    if !is_ours(context, &pair.tags) {
        return Err(Error::usage(format!(
            "there is a key pair `{name}` that hpcapi did not make"
        ))
        .hint(format!(
            "use it with --key-name {name}, or choose another --deployment"
        )));
    }
    context.facts().key_name = Some(name.to_owned());
    Ok(match difference_of_tags(context, &own_tags(&pair)) {
        Some(difference) => State::incomplete(difference),
        None => State::Ready,
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let name = context.settings.name.as_str();
    if let Some(pair) = context.aws.key_pairs.describe(name).await?
        && is_ours(context, &pair.tags)
    {
        return retag(context, &pair).await;
    }
    let path = private_key_path(context);
    let private = match read(&path)? {
        Some(private) => private,
        None => make(context, &path)?,
    };
    let public = private
        .public_key()
        .to_openssh()
        .doing(|| format!("cannot read the public half of `{}`", path.display()))?;
    let tags = context.tags(Step::KeyPair);
    context.aws.key_pairs.import(name, &public, &tags).await
}

/// Gives a key pair that is there the tags that it is to have. Its key stays: the head node has it.
async fn retag(context: &Context, pair: &KeyPair) -> Result<()> {
    let wanted = context.own_tags();
    let key_pairs = &context.aws.key_pairs;
    if wanted.iter().next().is_some() {
        key_pairs.tag(pair, &wanted.pairs()).await?;
    }
    let has = own_tags(pair);
    let gone = has.iter().filter(|tag| wanted.value(&tag.key).is_none());
    let gone: Vec<_> = gone.map(|tag| tag.key.clone()).collect();
    match gone.is_empty() || context.settings.tags.is_none() {
        true => Ok(()),
        false => key_pairs.untag(pair, &gone).await,
    }
}

/// Returns the tags that hpcapi did not give a key pair of itself.
fn own_tags(pair: &KeyPair) -> Tags {
    Tags::on(&pair.tags.iter().cloned().collect())
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.as_str();
    let pair = context.aws.key_pairs.describe(name).await?;
    let ours = pair.is_some_and(|pair| is_ours(context, &pair.tags));
    if ours {
        context.aws.key_pairs.delete(name).await?;
    }
    let file = files::remove(&private_key_path(context))?;
    Ok(if ours || file {
        Outcome::Removed
    } else {
        Outcome::Absent
    })
}

/// Returns where the private half of a key pair that we make is kept.
pub(in crate::deploy) fn private_key_path(context: &Context) -> std::path::PathBuf {
    context
        .settings
        .private_key_path(&context.identity.account, &context.aws.region)
}

fn is_ours(context: &Context, tags: &[(String, String)]) -> bool {
    tags.iter()
        .any(|(key, value)| key == TAG_DEPLOYMENT && value == context.settings.name.as_str())
}

/// Returns the key that an earlier run made, and could not import any more.
fn read(path: &Path) -> Result<Option<PrivateKey>> {
    if !path.exists() {
        return Ok(None);
    }
    let unreadable = || format!("cannot read the private key `{}`", path.display());
    let text = fs::read_to_string(path).doing(unreadable)?;
    PrivateKey::from_openssh(text).map(Some).doing(unreadable)
}

fn make(context: &Context, path: &Path) -> Result<PrivateKey> {
    let mut private = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)
        .doing(|| "cannot make an ed25519 key".to_owned())?;
    private.set_comment(context.settings.name.as_str());
    let text = private
        .to_openssh(LineEnding::LF)
        .doing(|| "cannot write an ed25519 key".to_owned())?;
    files::write_private(path, text.as_bytes())?;
    Ok(private)
}
