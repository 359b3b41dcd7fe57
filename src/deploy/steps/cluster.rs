//! The ParallelCluster cluster: made and deleted by `pcluster`, looked at through its stack.

use std::process::Output;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::aws::Stack;
use crate::context::{Board, Context, Milestone, Replacement};
use crate::deploy::State;
use crate::deploy::evidence::{self, Explanation};
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::pcluster::{self, answer};
use crate::step::Step;
use crate::wait::Pace;

use super::deletion::Attempts;
use super::{cluster_artifacts, cluster_update, ownership, stack};

/// A stack that was just made is not found at once by every look.
const APPEARS: Duration = Duration::from_secs(20);

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.cluster_name();
    let found = context.aws.stacks.describe(&name).await?;
    context.facts().cluster.clone_from(&found);
    let Some(there) = found else {
        return Ok(State::Missing);
    };
    if !ownership::is_ours(context, &there).await? {
        return Err(Error::usage(format!(
            "there is a stack or cluster `{name}` that hpcapi did not make, so it is not touched"
        ))
        .hint("choose another name: --deployment my-cluster"));
    }
    Ok(if !there.is_settled() {
        State::waiting(format!("the cluster is in {}", there.status))
    } else if there.is_usable() {
        cluster_update::state(context)
    } else {
        State::incomplete(format!("the cluster is in {}", there.status))
    })
}

pub(in crate::deploy) async fn run(context: &Context, board: &Board) -> Result<()> {
    let name = context.cluster_name();
    let mut there = context.aws.stacks.describe(&name).await?;
    if let Some(stack) = &there
        && (stack.must_be_replaced() || stack.status == "DELETE_IN_PROGRESS")
    {
        context.events.doing(
            Step::Cluster,
            format!("replacing a cluster in {}", stack.status),
        );
        // Whoever made it may have been cut off before it failed.
        if stack.never_lived() {
            evidence::keep_once(context, stack).await;
        }
        delete(context, stack).await?;
        there = None;
    }
    if let Some(stack) = &there
        && stack.is_usable()
    {
        board.reach(Step::Cluster, Milestone::Begun);
        return cluster_update::run(context, stack).await;
    }
    let stack = match there {
        Some(stack) => stack,
        None => match create(context).await? {
            Created::Begun(stack) => stack,
            Created::InDoubt(stack) => settled(context, stack).await?,
        },
    };
    if let Some(bucket) = ownership::bucket(context).await? {
        ownership::note(context, &bucket, &stack).await?;
    }
    board.reach(Step::Cluster, Milestone::Begun);
    let progress = stack::progress(&context.events, Step::Cluster);
    let status = evidence::witness(context, &stack, &progress).await?;
    match status.as_str() {
        "CREATE_COMPLETE" => Ok(()),
        // Somebody else, or an `up` that was cut off, was at it.
        status if status.starts_with("UPDATE_") => {
            cluster_update::joined(context, &stack, status).await
        }
        _ => Err(failure(context, &stack, &status).await),
    }
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let names = context.settings.name.cluster_names();
    let removed = try_join_all(names.iter().map(|name| remove(context, name))).await?;
    Ok(match removed.contains(&Outcome::Removed) {
        true => Outcome::Removed,
        false => Outcome::Absent,
    })
}

/// Removes the cluster of this name, which is one of the two that the deployment's may have.
pub(in crate::deploy) async fn remove(context: &Context, name: &str) -> Result<Outcome> {
    let is_second = name != context.settings.name.as_str();
    let Some(stack) = context.aws.stacks.describe(name).await? else {
        // Another deployment may be called as our second cluster would be.
        if !is_second || ownership::had_second(context).await? {
            sweep_artifacts(context, name).await;
        }
        return Ok(Outcome::Absent);
    };
    if !ownership::is_ours(context, &stack).await? {
        if !is_second {
            context.events.warn(format!(
                "the stack `{name}` was not made by hpcapi, so it is not touched"
            ));
        }
        return Ok(Outcome::Absent);
    }
    delete(context, &stack).await?;
    sweep_artifacts(context, name).await;
    Ok(Outcome::Removed)
}

/// Removes what a `pcluster` that was killed left in the bucket of all clusters: a few small files, and
/// no reason to fail.
async fn sweep_artifacts(context: &Context, name: &str) {
    if let Err(error) = cluster_artifacts::sweep(context, name).await {
        let text = format!("small files of the cluster may be left: {error:#}");
        context.events.warn(text);
    }
}

/// What `pcluster create-cluster` did.
enum Created {
    /// The cluster is being made.
    Begun(Stack),
    /// pcluster says that it failed, but there is a stack: another `up` made it, or pcluster
    /// itself, by a call whose answer was lost. Then it has removed what the head node needs.
    InDoubt(Stack),
}

impl Created {
    fn stack(self) -> Stack {
        match self {
            Created::Begun(stack) | Created::InDoubt(stack) => stack,
        }
    }
}

/// Waits for the end of what may fail, and replaces it, once, if it does.
async fn settled(context: &Context, stack: Stack) -> Result<Stack> {
    let progress = stack::progress(&context.events, Step::Cluster);
    let status = context.aws.stacks.join(&stack, &progress).await?;
    if status == "CREATE_COMPLETE" {
        return Ok(stack);
    }
    context.events.warn(format!(
        "the cluster ended in {status}: pcluster lost an answer of AWS, so it is made anew"
    ));
    delete(context, &stack).await?;
    Ok(create(context).await?.stack())
}

async fn create(context: &Context) -> Result<Created> {
    let name = context.cluster_name();
    let name = name.as_str();
    let pcluster = context.pcluster().await?;
    let requirements = context
        .requirements()
        .ok_or_else(|| Error::failed("the requirements stack is not there"))?;
    ownership::note_intent(context, &requirements.bucket, name).await?;
    context
        .events
        .doing(Step::Cluster, "pcluster create-cluster");
    let config = context.settings.filled_config_path();
    let output = pcluster.create_cluster(name, &config).await?;
    let created = match answer::created(output.status.code(), &output.stdout, &output.stderr) {
        Ok(created) => created,
        Err(refusal) => {
            if let Some(stack) = context.aws.stacks.describe(name).await? {
                return Ok(Created::InDoubt(stack));
            }
            return Err(match refusal.is_breakdown {
                true => pcluster.refused(refusal),
                false => pcluster::config_error(&context.config, refusal),
            });
        }
    };
    for problem in &created.warnings {
        context
            .events
            .warn(pcluster::sentence(&context.config, problem));
    }
    let mut pace = Pace::seconds(APPEARS);
    loop {
        if let Some(stack) = context.aws.stacks.describe(name).await? {
            return Ok(Created::Begun(stack));
        }
        if !pace.next().await {
            return Err(Error::failed(format!(
                "pcluster created `{name}`, but CloudFormation does not know it"
            )));
        }
    }
}

async fn delete(context: &Context, stack: &Stack) -> Result<()> {
    let mut attempts = Attempts::new(context, &stack.id);
    let mut status = stack.status.clone();
    while let Err(error) = delete_once(context, stack, &status).await {
        match attempts.after(error).await? {
            Some(now) => status = now.status,
            None => break,
        }
    }
    match ownership::bucket(context).await? {
        Some(bucket) => ownership::forget(context, &bucket, &stack.name).await,
        None => Ok(()),
    }
}

async fn delete_once(context: &Context, stack: &Stack, status: &str) -> Result<()> {
    let mut mark = None;
    if status != "DELETE_IN_PROGRESS" {
        mark = context.aws.stacks.newest_event(&stack.id).await?;
        context
            .events
            .doing(Step::Cluster, "pcluster delete-cluster");
        let pcluster = context.pcluster().await?;
        let Output {
            status,
            stdout,
            stderr,
        } = pcluster.delete_cluster(&stack.name).await?;
        answer::deleted(status.code(), &stdout, &stderr)
            .map_err(|refusal| pcluster.refused(refusal))?;
    }
    let progress = stack::progress(&context.events, Step::Cluster);
    context.aws.stacks.deleted(stack, mark, &progress).await
}

/// Returns why the cluster failed: the first resource that did, and what explains it.
async fn failure(context: &Context, stack: &Stack, status: &str) -> Error {
    let first = context.aws.stacks.failure(stack, status).await;
    let Explanation { causes, remedies } = evidence::explain(context, stack).await;
    let words: Vec<_> = std::error::Error::source(&first)
        .map(ToString::to_string)
        .into_iter()
        .chain(causes)
        .collect();
    let again = &context.settings.again;
    let mut error = Error::failed(first.to_string()).because(words.join("\n"));
    error = first.hints().iter().fold(error, Error::hint);
    error = remedies.iter().fold(error, Error::hint);
    let replacement = context.facts().replacement.clone();
    if let Some(replacement) = replacement {
        let Replacement { from, to, .. } = replacement;
        let delete = super::pcluster::command_line(context, "delete-cluster", &to).await;
        return error
            .hint(format!(
                "`{from}` serves as before; make another cluster in place of the failed one: {}",
                again.replacing_cluster()
            ))
            .hint(format!(
                "or keep the old one, and delete the failed one: {delete}"
            ));
    }
    error
        .hint(format!(
            "replace the failed cluster: {}",
            again.command("up")
        ))
        .hint(format!(
            "remove it, it costs money: {}",
            again.command("teardown")
        ))
}
