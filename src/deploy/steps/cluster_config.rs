//! The user's cluster configuration with every `CHANGE_ME` filled, in a file for `pcluster`.

use std::fs::{self, DirEntry};
use std::path::PathBuf;

use crate::context::Context;
use crate::deploy::{State, elsewhere};
use crate::error::{Error, Kind, Result};
use crate::event::Outcome;
use crate::files;
use crate::pcluster::config::{Additions, FilledClusterConfig, Values};

use super::ownership;

pub(in crate::deploy) fn check(context: &Context) -> Result<State> {
    let Some(filled) = fill(context)? else {
        return Ok(State::waiting("the requirements stack"));
    };
    let path = context.settings.filled_config_path();
    Ok(match fs::read_to_string(&path) {
        Ok(text) if text == filled.text() => State::Ready,
        Ok(_) => State::incomplete(format!("`{}` differs from it", path.display())),
        Err(_) => State::Missing,
    })
}

pub(in crate::deploy) fn run(context: &Context) -> Result<()> {
    let filled = filled(context)?;
    files::write_private(
        &context.settings.filled_config_path(),
        filled.text().as_bytes(),
    )
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    if elsewhere::local(context).is_empty() {
        for file in piped(context) {
            files::remove(&file)?;
        }
    }
    if !is_of_here(context).await? {
        return Ok(Outcome::Absent);
    }
    let removed = files::remove(&context.settings.filled_config_path())?;
    Ok(if removed {
        Outcome::Removed
    } else {
        Outcome::Absent
    })
}

/// Returns the files of configurations that came through a pipe.
fn piped(context: &Context) -> Vec<PathBuf> {
    let name = &context.settings.name;
    let is_piped = |file: &DirEntry| {
        let file = file.file_name();
        file.to_str().is_some_and(|file| name.is_piped_config(file))
    };
    let files = fs::read_dir(context.settings.local_folder());
    let files = files.into_iter().flatten().flatten();
    files.filter(is_piped).map(|file| file.path()).collect()
}

/// Returns whether the file is there, and not that of a deployment of the same name in another
/// region or account.
pub(in crate::deploy) async fn is_of_here(context: &Context) -> Result<bool> {
    let Ok(text) = fs::read_to_string(context.settings.filled_config_path()) else {
        return Ok(false);
    };
    Ok(match ownership::bucket(context).await? {
        // It names the bucket of its deployment, where it names one.
        Some(bucket) => {
            text.contains(&bucket) || !text.contains(&context.settings.name.bucket_prefix())
        }
        None => elsewhere::local(context).is_empty(),
    })
}

/// Returns the filled configuration; fails when the stack with the values is not there.
pub fn filled(context: &Context) -> Result<FilledClusterConfig> {
    fill(context)?.ok_or_else(|| {
        Error::new(Kind::NotReady, "the values for CHANGE_ME are not there yet").hint(format!(
            "make them with `{}`",
            context.settings.again.command("up")
        ))
    })
}

fn fill(context: &Context) -> Result<Option<FilledClusterConfig>> {
    match values(context) {
        Some(values) => filled_with(context, &values).map(Some),
        None => Ok(None),
    }
}

/// Returns the configuration with these values, and with what everything gets that is made.
pub(in crate::deploy) fn filled_with(
    context: &Context,
    values: &Values,
) -> Result<FilledClusterConfig> {
    let config = &context.config;
    config.fill(values).with(&additions(context), config)
}

/// Returns what the configuration gets beside its values, in an order of its own: a stack does not tell in
/// which tags were given. Of those that nobody asked for now, the ones that stand there hold.
fn additions(context: &Context) -> Additions {
    let mut tags = context.own_tags().pairs();
    tags.sort();
    if context.settings.tags.is_none() && !context.config.is_own() {
        let stands_there = |key: &str| {
            let mut there = context.config.tags();
            there.any(|(own, _)| own.eq_ignore_ascii_case(key))
        };
        tags.retain(|(key, _)| !stands_there(key));
    }
    let mut permissions_boundary = context.permissions_boundary();
    if context.settings.permissions_boundary.is_none() {
        let stands_there = context.config.permissions_boundary().is_some();
        permissions_boundary.take_if(|_| stands_there);
    }
    Additions {
        tags,
        permissions_boundary,
        resource_prefix: context.resource_prefix(),
    }
}

/// Returns what goes where `CHANGE_ME` stands, once it is there.
fn values(context: &Context) -> Option<Values> {
    if context.config.change_me().is_empty() {
        return Some(Values::default());
    }
    let facts = context.facts();
    let (Some(requirements), Some(node_script)) = (&facts.requirements, &facts.node_script) else {
        return None;
    };
    Some(Values {
        region: context.aws.region.clone(),
        head_node_subnet: requirements.head_node_subnet.clone(),
        compute_subnets: requirements.compute_subnets.clone(),
        head_node_security_group: requirements.head_node_security_group.clone(),
        key_name: facts.key_name.clone().unwrap_or_default(),
        bucket: requirements.bucket.clone(),
        node_script: node_script.clone(),
    })
}
