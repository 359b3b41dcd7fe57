//! The head node: its instance, its agent, and the daemons on it.

use crate::aws::Instance;
use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::deploy::steps::head_node::{self, HeadNode};
use crate::error::{Error, Result};
use crate::slurm::{Controller, Daemons, Disk, look_at_daemons};

use super::Layer;

const SUBJECT: &str = "head node";

pub(super) async fn look(context: &Context) -> Result<Layer> {
    let instance = match head_node::look(context).await? {
        HeadNode::There(instance) => instance,
        HeadNode::Terminated(id) => {
            let text = format!("the cluster has none: {}", head_node::terminated(&id));
            return Ok(Finding::problem(SUBJECT, text)
                .then(context.settings.again.replacing_cluster())
                .into());
        }
        HeadNode::Unseen => {
            let text = format!("it is not found: {}", head_node::UNSEEN);
            return Ok(Finding::problem(SUBJECT, text)
                .then(head_node::see_resources(context))
                .into());
        }
    };
    let text = format!("the instance `{}` is {}", instance.id, instance.state);
    match instance.state.as_str() {
        "running" => {}
        "stopped" => {
            let repair = Repair::Start(instance.id);
            return Ok(Finding::problem(SUBJECT, text).repaired_by(context, repair));
        }
        _ => return Ok(Finding::waiting(SUBJECT, text).into()),
    }
    let wanted = context.requirements().map(|it| it.head_node_security_group);
    if let Some(group) = wanted
        && !instance.security_groups.contains(&group)
    {
        let text = format!(
            "the instance `{}` does not wear the security group `{group}` that lets the load \
             balancer in",
            instance.id
        );
        let mut groups = instance.security_groups;
        groups.push(group);
        let repair = Repair::Wear(instance.id, groups);
        return Ok(Finding::problem(SUBJECT, text).repaired_by(context, repair));
    }
    Ok(untagged(context, &instance)
        .unwrap_or_else(|| Finding::good(SUBJECT, text))
        .into())
}

/// Tells of a head node that lost the tags by which ParallelCluster finds it: requests come
/// through to it all the same.
fn untagged(context: &Context, instance: &Instance) -> Option<Finding> {
    let tags = head_node::tags(context);
    let has = |&(key, value): &(&str, &str)| {
        let found = instance.tags.get(key);
        found.is_some_and(|found| found == value)
    };
    if tags.iter().all(has) {
        return None;
    }
    let id = &instance.id;
    let tags = tags.map(|(key, value)| format!("Key={key},Value={value}"));
    let text = format!("the instance `{id}` runs without the tags by which pcluster finds it");
    Some(Finding::warning(SUBJECT, text).then(format!(
        "aws ec2 create-tags --region {} --resources {id} --tags {}",
        context.aws.region,
        tags.join(" ")
    )))
}

/// Looks whether SSM reaches the head node's agent.
pub(super) async fn agent(context: &Context) -> Result<Layer> {
    const SUBJECT: &str = "SSM";
    let instance = instance(context)?;
    let status = context.aws.commands.ping(&instance).await?;
    let region = &context.aws.region;
    Ok(match status.as_deref() {
        Some("Online") => Finding::good(SUBJECT, format!("the agent of `{instance}` is online")),
        status if may_boot(context) => {
            let said = status.unwrap_or("nothing");
            let text = format!("`{instance}` was just started, and SSM says of it: {said}");
            Finding::waiting(SUBJECT, text)
        }
        status => {
            let text = match status {
                Some(status) => format!("SSM says of `{instance}`: {status}"),
                None => format!("SSM does not know `{instance}`"),
            };
            Finding::problem(SUBJECT, text)
                .because(
                    "its agent does not run, its role lacks AmazonSSMManagedInstanceCore, or its \
                     subnet has no way to the internet",
                )
                .then(format!(
                    "aws ec2 reboot-instances --region {region} --instance-ids {instance}"
                ))
        }
    }
    .into())
}

/// Looks at slurmctld, slurmrestd and the proxy before it, in one command.
pub(super) async fn daemons(context: &Context) -> Result<Vec<Layer>> {
    let instance = instance(context)?;
    let daemons = look_at_daemons(&context.aws.commands, &instance).await?;
    let shell = format!(
        "aws ssm start-session --region {} --target {instance}",
        context.aws.region
    );
    let disk = disk(&daemons.disks, &shell);
    let controller = controller(&daemons);
    let controller = match is_of_configuration(&daemons) {
        true => controller
            .then(shell)
            .then(format!(
                "in that shell: correct the line, and then: {RESTART}"
            ))
            .into(),
        false => repaired(context, controller),
    };
    Ok(vec![
        disk.into(),
        controller,
        repaired(context, rest(&daemons)),
    ])
}

/// Starts slurmctld after a change of its configuration.
const RESTART: &str = "sudo systemctl restart slurmctld";

fn repaired(context: &Context, finding: Finding) -> Layer {
    match finding.is_fine() {
        true => finding.into(),
        false => finding.repaired_by(context, Repair::Daemons),
    }
}

/// So little space, in KiB, or so few files are as good as none: slurmctld writes the scripts of jobs
/// and its state, and each daemon its log.
const LEAST_KIB: u64 = 32 * 1024;
const LEAST_FILES: u64 = 500;

/// Tells of file systems that are full: Slurm takes no job then, and its daemons do not start again.
fn disk(disks: &[Disk], shell: &str) -> Finding {
    const SUBJECT: &str = "disk";
    let is_full = |disk: &&Disk| disk.free_kib < LEAST_KIB || disk.free_files < LEAST_FILES;
    let Some(full) = disks.iter().find(is_full) else {
        return Finding::good(SUBJECT, "there is space where Slurm and its daemons write");
    };
    let Disk { folder, mount, .. } = full;
    let left = match full.free_kib < LEAST_KIB {
        true => format!("{} KiB are free", full.free_kib),
        false => format!("{} more files can be made", full.free_files),
    };
    let text = format!("the file system of `{folder}` on the head node is full: {left}");
    let finding = match folder.as_str() {
        // Slurm goes on without it, and jobs fail whose output goes there.
        "/home" => Finding::warning(SUBJECT, text),
        _ => Finding::problem(SUBJECT, text),
    };
    finding.then(shell).then(format!(
        "in that shell, what is large: sudo du -xh --max-depth=3 {mount} | sort -h | tail"
    ))
}

/// Returns whether it is a configuration file that keeps slurmctld from starting, which nobody but
/// whoever wrote the line can mend.
fn is_of_configuration(daemons: &Daemons) -> bool {
    let is_told = |words: &&str| daemons.controller_words.contains(*words);
    daemons.controller == Controller::Off
        && [
            "Parse error in file",
            "Parsing error at unrecognized key",
            "process configuration file",
        ]
        .iter()
        .any(is_told)
}

fn controller(daemons: &Daemons) -> Finding {
    const SUBJECT: &str = "slurmctld";
    if daemons.munge != "active" {
        let text = format!(
            "munge, by which Slurm's programs know each other, is {}",
            daemons.munge
        );
        return Finding::problem(SUBJECT, text).because(daemons.munge_words.clone());
    }
    let text = match daemons.controller {
        Controller::Up => return Finding::good(SUBJECT, "it answers"),
        Controller::Down => "it runs, and takes no connections",
        Controller::Silent => "it takes connections, and answers nothing",
        Controller::Off => "it does not run",
    };
    Finding::problem(SUBJECT, text).because(daemons.controller_words.clone())
}

fn rest(daemons: &Daemons) -> Finding {
    const SUBJECT: &str = "slurmrestd";
    for (unit, state, words) in [
        ("slurmrestd", &daemons.rest, &daemons.rest_words),
        ("the proxy before it", &daemons.proxy, &daemons.proxy_words),
    ] {
        if state != "active" {
            let text = format!("{unit} is {state}");
            return Finding::problem(SUBJECT, text).because(words.clone());
        }
    }
    match daemons.status {
        401 => Finding::good(SUBJECT, "it answers on port 6830, and wants a token"),
        0 => Finding::problem(SUBJECT, "port 6830 does not answer")
            .because(daemons.proxy_words.clone()),
        status => Finding::problem(
            SUBJECT,
            format!("port 6830 answers a call without a token with HTTP {status} instead of 401"),
        )
        .because(format!("{} {}", daemons.rest_words, daemons.proxy_words)),
    }
}

fn may_boot(context: &Context) -> bool {
    let facts = context.facts();
    facts.head_node.as_ref().is_some_and(Instance::may_boot)
}

fn instance(context: &Context) -> Result<String> {
    let facts = context.facts();
    let instance = facts.head_node.as_ref().map(|node| node.id.clone());
    instance.ok_or_else(|| Error::failed("the head node is not known"))
}
