//! How jobs ended, and what to look at next.

use crate::hint::Verb;
use crate::slurm::jobs::reasons::{Reason, UNOPENED, Until};
use crate::slurm::jobs::{Job, reasons};

use super::groups::Group;
use super::{Advice, Explanation};

/// The signals that are met often, with what they mostly mean.
const SIGNALS: &[(u8, &str, &str)] = &[
    (1, "SIGHUP", ""),
    (2, "SIGINT", ""),
    (4, "SIGILL", "the program was built for another processor"),
    (6, "SIGABRT", "the program gave up by itself"),
    (
        7,
        "SIGBUS",
        "the program used memory or a file that is not there",
    ),
    (8, "SIGFPE", "the program divided by zero"),
    (9, "SIGKILL", "mostly for lack of memory, or by a cancel"),
    (11, "SIGSEGV", "the program used memory that is not its own"),
    (13, "SIGPIPE", ""),
    (15, "SIGTERM", "somebody asked it to end"),
    (24, "SIGXCPU", "it used more CPU time than its limit"),
    (25, "SIGXFSZ", "it wrote a file larger than its limit"),
];

/// Says how a group of jobs ended.
pub(super) fn explain(group: &Group<'_>, explanation: &mut Explanation) {
    let job = group.first();
    let (subject, are_several) = group.subject();
    let verb = |one: &'static str, several: &'static str| if are_several { several } else { one };
    let was = verb("was", "were");
    let text = match job.state.as_str() {
        "COMPLETED" => "completed with exit code 0".to_owned(),
        "FAILED" => failed(job),
        "CANCELLED" if job.start_time.is_some() && job.nodes.is_some() => {
            format!("{was} cancelled while {} ran", verb("it", "they"))
        }
        "CANCELLED" => format!("{was} cancelled before {} started", verb("it", "they")),
        "TIMEOUT" => match job.time_limit_seconds {
            Some(limit) => format!(
                "ran out of time: the time limit is {} minutes",
                limit.div_ceil(60)
            ),
            None => "ran out of time".to_owned(),
        },
        "NODE_FAIL" => format!("ended because a node failed{}", on(job)),
        "BOOT_FAIL" => format!("ended because a node did not boot{}", on(job)),
        "PREEMPTED" => "ended to make room for a job of a higher priority".to_owned(),
        "DEADLINE" => "ended because it could not end before its deadline".to_owned(),
        "OUT_OF_MEMORY" => match asked_memory(job) {
            Some(asked) => format!("ran out of memory: it asked for {asked}"),
            None => "ran out of memory".to_owned(),
        },
        "REVOKED" => format!("{was} started on another cluster of the federation"),
        other => format!("ended as {other}"),
    };
    // Of one that was cancelled, Slurm keeps the reason that it waited for.
    let reason = job.reason.as_deref().filter(|_| {
        let known = known_reason(job);
        job.state.as_str() == "FAILED" || known.is_none_or(|it| it.until == Until::Over)
    });
    let named = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    explanation.text = format!("{subject} {text}{named}");
    advise(group, explanation);
}

fn known_reason(job: &Job) -> Option<Reason> {
    job.reason.as_deref().and_then(reasons::find)
}

fn on(job: &Job) -> String {
    let nodes = job.nodes.as_deref();
    nodes.map_or(String::new(), |nodes| format!(" ({nodes})"))
}

fn asked_memory(job: &Job) -> Option<String> {
    let per_node = job.memory_per_node_mb;
    let per_node = per_node.map(|memory| format!("{memory} MiB on each node"));
    let per_cpu = job.memory_per_cpu_mb;
    per_node.or_else(|| per_cpu.map(|memory| format!("{memory} MiB for each CPU")))
}

/// Returns why a job failed.
fn failed(job: &Job) -> String {
    if let Some(trouble) = job.trouble() {
        return format!("did not begin: {trouble}");
    }
    // Slurm gave up on it before it began.
    if let Some(reason) = known_reason(job).filter(|reason| reason.until != Until::Over) {
        return format!("failed before it began: {}", reason.words);
    }
    if let Some(signal) = job.signal {
        return format!("was ended by {}", signal_words(signal));
    }
    match (job.exit_code, known_reason(job)) {
        (Some(code), _) if code > 0 => format!("failed with exit code {code}{}", of_shell(code)),
        (_, Some(reason)) => format!("failed: {}", reason.words),
        (_, None) => "failed".to_owned(),
    }
}

/// Returns what an exit code means that the shell gives.
fn of_shell(code: u8) -> String {
    match code {
        126 => ", as a shell ends when a file cannot be run".to_owned(),
        127 => ", as a shell ends when a command is not found".to_owned(),
        129..=159 => format!(
            ", as a shell ends when a program is ended by {}",
            signal_words(code - 128)
        ),
        _ => String::new(),
    }
}

fn signal_words(signal: u8) -> String {
    match SIGNALS.iter().find(|row| row.0 == signal) {
        Some((_, name, "")) => format!("signal {signal} ({name})"),
        Some((_, name, meaning)) => format!("signal {signal} ({name}: {meaning})"),
        None => format!("signal {signal}"),
    }
}

fn advise(group: &Group<'_>, explanation: &mut Explanation) {
    let job = group.first();
    let id = group.id();
    let mut say = |advice: Advice| explanation.advice.push(advice);
    let is_unopened = job.signal == Some(UNOPENED);
    match job.state.as_str() {
        "COMPLETED" | "CANCELLED" | "REVOKED" => {}
        "FAILED" if is_unopened => say(Advice::words(
            "submit it with a path whose folder is there on the nodes and that its user may write (--output)",
        )),
        "TIMEOUT" => say(Advice::command(
            "submit it with a longer time limit",
            Verb::JobsSubmit.with("FILE --time HOURS:MINUTES:00"),
        )),
        "OUT_OF_MEMORY" => say(Advice::command(
            "submit it with more memory",
            Verb::JobsSubmit.with("FILE --mem MIB"),
        )),
        "NODE_FAIL" | "BOOT_FAIL" => {
            say(Advice::command(
                "see the nodes and their reasons",
                Verb::Nodes,
            ));
            say(Advice::words(
                "submit it again; --requeue lets Slurm do so by itself. EC2 takes Spot instances back at any time",
            ));
        }
        "PREEMPTED" => say(Advice::words(
            "submit it again; --requeue lets Slurm do so by itself",
        )),
        "DEADLINE" => say(Advice::words(
            "submit it with a later --deadline, or a shorter --time",
        )),
        _ => {}
    }
    let told =
        known_reason(job).filter(|it| it.until == Until::Over || job.state.as_str() == "FAILED");
    if let Some(change) = told.map(|it| it.change).filter(|change| !change.is_empty()) {
        say(Advice::words(change));
    }
    if job.nodes.is_some() && !is_unopened && job.state.as_str() != "COMPLETED" {
        let task = group.jobs().len() > 1 && job.array_job_id.is_some();
        let id = if task { job.shown_id() } else { id };
        say(Advice::command(
            "read what it wrote",
            Verb::JobsLogs.with(id),
        ));
    }
}
