//! The load balancer: what it thinks of the head node, and its listener.

use crate::aws::{HealthCheck, StackResource, TargetHealth};
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::deploy::steps::api;
use crate::error::{Error, Result};

use super::Layer;
use super::doors::{self, Doors, HEAD_NODE_PORT, LISTENER_PORT};

/// Looks at the doors to the head node, and at what the load balancer thinks of it.
pub(super) async fn look(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "target";
    let requirements = context
        .requirements()
        .ok_or_else(|| Error::failed("the network is not known"))?;
    match doors::look(context, &requirements).await? {
        Doors::NoGroup(group) => {
            let text = format!("the security group `{group}` is missing");
            let again = &context.settings.again;
            return Ok(Finding::problem(SUBJECT, text)
                .because("it was deleted outside of hpcapi, and everything stands on it")
                .then(format!("{} --yes", again.command("teardown")))
                .then(again.command("up"))
                .into());
        }
        Doors::Closed(closed) => {
            if let Some(first) = closed.first() {
                let finding = Finding::problem(SUBJECT, first.closed());
                return Ok(finding.repaired_by(context, Repair::Open(closed)));
            }
        }
    }
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    let head_node = head_node.ok_or_else(|| Error::failed("the head node is not known"))?;
    let group = part(context, "AWS::ElasticLoadBalancingV2::TargetGroup").await?;
    let Some(targets) = context.aws.load_balancing.target_health(&group).await? else {
        return Ok(
            vanished(SUBJECT, "the target group").repaired_by(context, Repair::anew(TARGET_GROUP))
        );
    };
    if let Some(finding) = other_check(context, &group).await? {
        return Ok(finding.repaired_by(context, Repair::anew(TARGET_GROUP)));
    }
    let is_it =
        |target: &&TargetHealth| target.instance == head_node && target.port == HEAD_NODE_PORT;
    let Some(target) = targets.iter().find(is_it) else {
        let text = format!(
            "port {HEAD_NODE_PORT} of the head node `{head_node}` is not registered with the load \
             balancer"
        );
        let repair = Repair::Register(group, head_node);
        return Ok(Finding::problem(SUBJECT, text).repaired_by(context, repair));
    };
    Ok(judged(SUBJECT, target).into())
}

const TARGET_GROUP: &str = "TargetGroup";

/// Tells of a health check that is not that of the template: it would have a head node that is well
/// called unhealthy.
async fn other_check(context: &Context, group: &str) -> Result<Option<Finding>> {
    let Some(found) = context.aws.load_balancing.health_check(group).await? else {
        return Ok(None);
    };
    let wanted = api::health_check();
    let words = |check: &HealthCheck| {
        let off = if check.is_on { "" } else { " (switched off)" };
        format!(
            "`{}` at {} for {}{off}",
            check.path, check.port, check.codes
        )
    };
    Ok((found != wanted).then(|| {
        let text = format!(
            "the health check of the target group asks {} and not {}",
            words(&found),
            words(&wanted)
        );
        Finding::problem("target", text).because("it was changed outside of hpcapi")
    }))
}

fn judged(subject: &'static str, target: &TargetHealth) -> Finding {
    let text = format!("the load balancer says of the head node: {}", target.state);
    let words = format!("{}: {}", target.reason, target.description);
    match target.state.as_str() {
        "healthy" => Finding::good(subject, text),
        // Not in use: a listener is missing, which is the next layer.
        "unused" if target.reason == "Target.NotInUse" => {
            Finding::warning(subject, text).because(words)
        }
        _ => Finding::waiting(subject, text).because(format!("{words} ({})", meaning(target))),
    }
}

/// Returns what a reason of the load balancer means here.
fn meaning(target: &TargetHealth) -> &'static str {
    match target.reason.as_str() {
        "Elb.RegistrationInProgress" | "Elb.InitialHealthChecking" => {
            "it has not yet looked often enough"
        }
        "Target.Timeout" => "port 6830 of the head node does not answer the load balancer in time",
        "Target.FailedHealthChecks" => "port 6830 of the head node refuses the load balancer",
        "Target.ResponseCodeMismatch" => "slurmrestd behind the proxy does not answer as it should",
        "Target.DeregistrationInProgress" => "it is being taken out",
        "Target.HealthCheckDisabled" => "its health checks were switched off",
        _ => "see the EC2 console, Target groups",
    }
}

/// Looks at the load balancer and its listener.
pub(super) async fn listener(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "listener";
    let load_balancer = part(context, "AWS::ElasticLoadBalancingV2::LoadBalancer").await?;
    let group = part(context, "AWS::ElasticLoadBalancingV2::TargetGroup").await?;
    let balancing = &context.aws.load_balancing;
    match balancing.state(&load_balancer).await?.as_deref() {
        None => {
            return Ok(vanished(SUBJECT, "the load balancer")
                .repaired_by(context, Repair::anew("LoadBalancer")));
        }
        Some("active") => {}
        Some(state) => {
            return Ok(Finding::waiting(SUBJECT, format!("the load balancer is {state}")).into());
        }
    }
    let listeners = balancing.listeners(&load_balancer).await?;
    let Some(listener) = listeners.iter().find(|one| one.port == LISTENER_PORT) else {
        let text = format!("the load balancer does not listen on port {LISTENER_PORT}");
        return Ok(Finding::problem(SUBJECT, text).repaired_by(context, Repair::anew("Listener")));
    };
    if !listener.target_groups.contains(&group) {
        let text = "the listener does not forward to the target group of the head node";
        return Ok(Finding::problem(SUBJECT, text).repaired_by(context, Repair::anew("Listener")));
    }
    Ok(Finding::good(
        SUBJECT,
        format!("port {LISTENER_PORT} leads to the head node"),
    )
    .into())
}

/// Returns what is said of a part of the API stack that is gone.
pub(super) fn vanished(subject: &'static str, what: &str) -> Finding {
    Finding::problem(subject, format!("{what} is gone")).because("it was deleted outside of hpcapi")
}

/// Returns the physical id of the API stack's only resource of a type.
pub(super) async fn part(context: &Context, kind: &str) -> Result<String> {
    let stack = context.settings.name.api_stack();
    let resources = context.aws.stacks.resources(&stack).await?;
    let is_it = |resource: &&StackResource| resource.kind == kind;
    let found = resources.iter().find(is_it);
    found
        .map(|resource| resource.physical_id.clone())
        .ok_or_else(|| Error::failed(format!("the stack `{stack}` has no {kind}")))
}
