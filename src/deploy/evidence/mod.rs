//! Why a cluster failed: ParallelCluster's failure codes with their meaning, and what its head
//! node logged, read while there is still a head node and kept in a file. And what a maintainer needs of
//! a deployment.

mod bundle;
mod line;
mod logs;
mod mask;
mod parts;
mod telling;

use std::fs;
use std::pin::pin;
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::aws::{Progress, Stack, StackEvent};
use crate::context::Context;
use crate::error::Result;
use crate::files;
use crate::pcluster::answer::{self, Failure};

use self::logs::Logs;

pub use self::bundle::bundle;

/// What explains a failed cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Explanation {
    /// Why it failed, in whole lines.
    pub(super) causes: Vec<String>,
    /// What helps.
    pub(super) remedies: Vec<String>,
}

/// Waits for the end of the operation on a cluster's stack, as [`Stacks::join`] does. At the
/// first resource that fails the head node's logs are read and kept, at once: a rollback, if the
/// cluster is made with one, ends the head node within a minute.
///
/// [`Stacks::join`]: crate::aws::Stacks::join
pub(super) async fn witness(
    context: &Context,
    stack: &Stack,
    progress: Progress<'_>,
) -> Result<String> {
    let failed = Notify::new();
    let watched = |event: &StackEvent| {
        progress(event);
        if event.is_failure() {
            failed.notify_one();
        }
    };
    let mut joined = pin!(context.aws.stacks.join(stack, &watched));
    let mut keeping = pin!(async {
        failed.notified().await;
        keep(context, stack).await;
    });
    let mut is_kept = false;
    loop {
        tokio::select! {
            status = &mut joined => {
                let status = status?;
                // An update is somebody else's, and does not make the head node anew.
                let is_well = status == "CREATE_COMPLETE" || status.starts_with("UPDATE_");
                if !is_well && !is_kept {
                    failed.notify_one();
                    keeping.await;
                }
                return Ok(status);
            }
            () = &mut keeping, if !is_kept => is_kept = true,
        }
    }
}

/// Keeps the logs of the failed cluster's head node, unless an earlier look did.
pub(super) async fn keep_once(context: &Context, stack: &Stack) {
    if kept(context, stack).is_none() {
        keep(context, stack).await;
    }
}

/// Returns why the cluster failed: ParallelCluster's code, and what was kept of its logs.
pub(super) async fn explain(context: &Context, stack: &Stack) -> Explanation {
    // What pcluster says is an extra: without it the logs still tell.
    let failures = failures(context, &stack.name).await.unwrap_or_default();
    let mut explanation = Explanation::default();
    for failure in &failures {
        let causes = &mut explanation.causes;
        causes.push(format!("{}: {}", failure.code, failure.reason));
        match failure.meaning() {
            Some(known) => {
                causes.push(format!("this means: {}", known.meaning));
                explanation.remedies.push(known.remedy.to_owned());
            }
            None => causes.push("hpcapi does not know this code of ParallelCluster".to_owned()),
        }
    }
    if let Some(text) = kept(context, stack) {
        let path = context.settings.failure_log_path();
        let causes = &mut explanation.causes;
        causes.extend(telling::telling(&parts::parts(&text), failures.first()));
        causes.push(format!(
            "more of the head node's logs: `{}`",
            path.display()
        ));
    }
    explanation
}

async fn failures(context: &Context, name: &str) -> Result<Vec<Failure>> {
    let pcluster = context.pcluster().await?;
    let output = pcluster.describe_cluster(name).await?;
    let described = answer::described(output.status.code(), &output.stdout, &output.stderr)
        .map_err(|refusal| pcluster.refused(refusal))?;
    Ok(described.failures)
}

/// Returns the kept logs, if they are of this stack.
fn kept(context: &Context, stack: &Stack) -> Option<String> {
    let text = fs::read_to_string(context.settings.failure_log_path()).ok()?;
    let is_of_stack = text.lines().next()?.contains(&stack.id);
    is_of_stack.then_some(text)
}

async fn keep(context: &Context, stack: &Stack) {
    let Err(error) = try_to_keep(context, stack).await else {
        return;
    };
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    context.events.warn(match cause {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    });
}

async fn try_to_keep(context: &Context, stack: &Stack) -> Result<()> {
    let Some(logs) = logs::read(&context.aws, stack).await? else {
        return Ok(());
    };
    let Logs {
        head_node,
        source,
        text,
    } = logs;
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let content = format!(
        "the logs of the head node {head_node} of the stack {}, read from {source} at {now}\n{text}",
        stack.id
    );
    files::write_private(&context.settings.failure_log_path(), content.as_bytes())
}
