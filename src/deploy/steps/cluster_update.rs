//! A change of the cluster to another configuration, by `pcluster update-cluster`. The compute fleet is
//! stopped meanwhile where it has to be, and started again by `up` when all else is as it should be.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::{State, changes, fleet};
use crate::error::{Error, Result};
use crate::files;
use crate::pcluster::changes::Changes;
use crate::pcluster::{self, answer};
use crate::step::Step;

use super::{head_node, stack};

/// Compares the configuration with the cluster's, and notes what it finds.
pub(in crate::deploy) async fn compare(context: &Context) -> Result<()> {
    let found = changes::look(context).await?;
    context.facts().changes = found;
    Ok(())
}

/// Returns the state of a cluster whose stack is well.
pub(super) fn state(context: &Context) -> State {
    let changes = &context.facts().changes;
    match changes.is_empty() {
        true => State::Ready,
        false => State::incomplete(changes.count()),
    }
}

/// Fails where the cluster cannot be changed as the configuration asks.
pub(in crate::deploy) fn require_possible(context: &Context) -> Result<()> {
    let changes = context.facts().changes.clone();
    let cause = || changes.lines().join("\n");
    if changes.need_new_cluster() {
        let command = context.settings.again.replacing_cluster();
        return Err(
            Error::usage("the cluster cannot be changed to this configuration")
                .because(cause())
                .hint(format!(
                    "make the cluster anew, its jobs and volumes go: {command}"
                )),
        );
    }
    if changes.stop_login_nodes() {
        return Err(Error::usage("the login nodes have to be stopped first")
            .because(cause())
            .hint(
                "write `Count: 0` for the pool, change nothing else, and type the same command; then make \
                 the change",
            ));
    }
    Ok(())
}

/// Changes the cluster to the configuration that differs from its own.
pub(super) async fn run(context: &Context, cluster: &Stack) -> Result<()> {
    let changes = context.facts().changes.clone();
    if !changes.is_empty()
        && let Err(error) = change(context, cluster, &changes).await
    {
        // The cluster is usable, and `up` ends here.
        if let Err(later) = fleet::start_again(context, Step::Cluster).await {
            let text =
                format!("its compute fleet is stopped still, the next `up` starts it: {later:#}");
            context.events.warn(text);
        }
        return Err(error);
    }
    context.facts().changes = Changes::default();
    Ok(())
}

/// Goes on after an update of the cluster that another began, and that ended in `status`.
pub(super) async fn joined(context: &Context, cluster: &Stack, status: &str) -> Result<()> {
    match status {
        "UPDATE_ROLLBACK_FAILED" => Err(half_rolled_back(context, cluster, status).await),
        _ => Ok(()),
    }
}

async fn change(context: &Context, cluster: &Stack, changes: &Changes) -> Result<()> {
    // It is the head node that does most of the change, and the stack waits for it.
    head_node::run(context).await?;
    if changes.stop_fleet() {
        fleet::stop(context, Step::Cluster).await?;
    }
    let stacks = &context.aws.stacks;
    let newest = stacks.newest_event(&cluster.id).await?;
    begin(context, cluster, changes).await?;
    let progress = stack::progress(&context.events, Step::Cluster);
    let status = stacks.updated(cluster, newest, &progress).await?;
    match status.as_str() {
        "UPDATE_COMPLETE" => Ok(()),
        "UPDATE_ROLLBACK_FAILED" => Err(half_rolled_back(context, cluster, &status).await),
        _ => Err(rolled_back(context, cluster, &status).await),
    }
}

/// Has `pcluster` begin the update.
async fn begin(context: &Context, cluster: &Stack, changes: &Changes) -> Result<()> {
    let file = context.settings.filled_config_path();
    files::write_private(&file, changes.config.as_bytes())?;
    let pcluster = context.pcluster().await?;
    context
        .events
        .doing(Step::Cluster, "pcluster update-cluster");
    let output = pcluster.update_cluster(&cluster.name, &file).await?;
    let answer = answer::created(output.status.code(), &output.stdout, &output.stderr);
    let refusal = match answer {
        Ok(accepted) => {
            for problem in &accepted.warnings {
                let warning = pcluster::sentence(&context.config, problem);
                context.events.warn(warning);
            }
            return Ok(());
        }
        Err(refusal) => refusal,
    };
    // An answer of AWS that pcluster lost, or another `up`: it is under way all the same.
    let there = context.aws.stacks.describe(&cluster.name).await?;
    if there.is_some_and(|there| there.status == "UPDATE_IN_PROGRESS") {
        return Ok(());
    }
    Err(match refusal.is_breakdown || refusal.problems.is_empty() {
        true => pcluster.refused(refusal),
        false => pcluster::config_error(&context.config, refusal),
    })
}

async fn rolled_back(context: &Context, cluster: &Stack, status: &str) -> Error {
    let failed = context.aws.stacks.failure(cluster, status).await;
    let cause = std::error::Error::source(&failed).map(ToString::to_string);
    let again = &context.settings.again;
    let error = Error::failed("the cluster could not be changed, and is as it was before")
        .because(cause.unwrap_or_else(|| failed.to_string()));
    let error = failed.hints().iter().fold(error, Error::hint);
    error
        .hint("read what its head node says: /var/log/chef-client.log there")
        .hint(format!("mend the cause, then: {}", again.command("up")))
}

/// Whoever updated it may want its jobs: it is not replaced unasked.
async fn half_rolled_back(context: &Context, cluster: &Stack, status: &str) -> Error {
    let failed = context.aws.stacks.failure(cluster, status).await;
    let go_on = stack::continue_rollback(context, &cluster.name);
    failed
        .hint(go_on.because("go on with the rollback"))
        .hint(format!("then: {}", context.settings.again.command("up")))
}
