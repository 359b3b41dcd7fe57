//! Jobs that have nodes and have not ended.

use crate::hint::Verb;
use crate::slurm::host_list;
use crate::slurm::jobs::Job;
use crate::slurm::nodes::Node;
use crate::slurm::time::rfc3339;

use super::groups::Group;
use super::machines::{self, Service};
use super::surroundings::Surroundings;
use super::{Advice, Awaited, Explanation, capacity};

/// Says what a group of jobs does now.
pub(super) fn explain(group: &Group<'_>, around: &Surroundings, explanation: &mut Explanation) {
    let job = group.first();
    let (subject, are_several) = group.subject();
    let verb = |one: &'static str, several: &'static str| if are_several { several } else { one };
    // A log is that of one job.
    let id = match are_several {
        true => job.shown_id(),
        false => group.id(),
    };
    let nodes = match (&job.nodes, are_several) {
        (Some(nodes), false) => format!(" on {nodes}"),
        _ => String::new(),
    };
    let starts = group.jobs().iter().filter_map(|job| job.start_time);
    let since = starts
        .min()
        .map(|start| format!(" since {}", rfc3339(start)));
    let since = since.unwrap_or_default();
    let is = verb("is", "are");
    explanation.text = match job.state.as_str() {
        "RUNNING" => {
            let ends = group.jobs().iter().filter_map(|job| job.end_time);
            let ends = ends.min().map(|end| {
                format!(
                    "; the time limit ends {} at {}",
                    verb("it", "the first"),
                    rfc3339(end)
                )
            });
            let runs = verb("runs", "run");
            format!("{subject} {runs}{nodes}{since}{}", ends.unwrap_or_default())
        }
        "CONFIGURING" => {
            booting(group, around, explanation);
            let waits = verb("waits", "wait");
            format!("{subject} {waits}{since} for its nodes to boot{nodes}")
        }
        "COMPLETING" => format!(
            "{subject} {} run to the end, and Slurm cleans up{nodes}: processes that do not end or output \
             that cannot be written hold it up",
            verb("has", "have")
        ),
        "SUSPENDED" => format!(
            "{subject} {is} suspended{nodes}: somebody, or a job that preempts it, stopped it for a while"
        ),
        "STOPPED" => format!(
            "{subject} {is} stopped{nodes} by a signal, and {} its nodes",
            verb("keeps", "keep")
        ),
        "STAGE_OUT" => format!(
            "{subject} {} run, and files of the burst buffer are being brought back",
            verb("has", "have")
        ),
        "RESIZING" => format!("{subject} {is} being given another number of nodes"),
        "SIGNALING" => format!("{subject} {is} being sent a signal"),
        other => format!("{subject} {is} {other}, a state that this hpcapi has no words for"),
    };
    advise(job, &id, explanation);
}

fn advise(job: &Job, id: &str, explanation: &mut Explanation) {
    match job.state.as_str() {
        "RUNNING" => {
            let command = Verb::JobsLogs.with(format!("-f {id}"));
            explanation
                .advice
                .push(Advice::command("read what it writes", command));
        }
        "SUSPENDED" => explanation.advice.push(Advice::command(
            "let it go on, which takes an administrator, on the head node",
            format!("scontrol resume {id}"),
        )),
        "STOPPED" => explanation.advice.push(Advice::command(
            "let it go on, on the head node",
            format!("scancel --signal=CONT {id}"),
        )),
        _ => {}
    }
}

/// Tells which nodes of a job boot.
fn booting(group: &Group<'_>, around: &Surroundings, explanation: &mut Explanation) {
    let lists = group.jobs().iter().filter_map(|job| job.nodes.as_deref());
    let mut nodes: Vec<&Node> = lists
        .flat_map(|list| machines::named(&around.nodes, list))
        .collect();
    nodes.dedup_by_key(|node| &node.name);
    capacity::explain(&nodes, explanation);
    let boot = nodes
        .iter()
        .filter(|node| matches!(Service::of(node), Service::Booting | Service::PoweredDown));
    let boot = host_list::folded(boot.map(|node| node.name.clone()));
    if !boot.is_empty() {
        explanation.waits_for.push(Awaited {
            kind: "nodes",
            text: format!(
                "{boot}: EC2 starts the instance and the node boots, which takes minutes"
            ),
            name: Some(boot),
            state: Some("POWERING_UP".to_owned()),
        });
    }
    explanation
        .waits_for
        .extend(machines::out_of_service(&nodes));
    explanation.advice.push(Advice::command(
        "see the nodes: one that does not come up within ResumeTimeout (30 minutes in ParallelCluster) is \
         given up, and the job waits again",
        Verb::Nodes,
    ));
}
