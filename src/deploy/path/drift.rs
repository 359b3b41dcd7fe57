//! What has changed on the head node since it was set up: all may answer until the next restart.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::deploy::repair::Repair;
use crate::hint::{AwsCall, Hint};
use crate::slurm::{Fault, FaultKind};

use super::Layer;

/// So many seconds may the head node's clock differ from this machine's: SSM takes some to bring the answer,
/// and AWS refuses whoever is five minutes off.
const TOLERATED: u64 = 120;

/// Judges the head node's clock, which was at `time` seconds since 1970 a moment ago.
pub(super) fn clock(context: &Context, instance: &str, time: u64) -> Finding {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let here = now.map_or(time, |now| now.as_secs());
    let finding = compared(here, time);
    if finding.cause.is_none() {
        return finding;
    }
    let call = AwsCall::in_region(&context.aws.region, "ssm send-command");
    finding.then(Hint::run(call.with(format!(
        "--instance-ids {instance} --document-name AWS-RunShellScript --parameters \
         'commands=[\"systemctl restart chronyd || systemctl restart chrony\",\"chronyc makestep\"]'"
    ))))
}

fn compared(here: u64, there: u64) -> Finding {
    const SUBJECT: &str = "clock";
    let off = here.abs_diff(there);
    if off <= TOLERATED {
        return Finding::good(SUBJECT, "the head node's is right");
    }
    let way = if there > here { "ahead of" } else { "behind" };
    let text = format!("the head node's is {off} s {way} this machine's");
    Finding::warning(SUBJECT, text).because(
        "nodes whose clocks differ do not talk to one another, and AWS refuses requests of another time",
    )
}

/// Judges what has changed.
pub(super) fn judged(context: &Context, shell: &Hint, faults: &[Fault]) -> Layer {
    const SUBJECT: &str = "node setup";
    let Some(first) = faults.first() else {
        return Finding::good(SUBJECT, "the head node is as it was set up").into();
    };
    let others = faults.iter().skip(1).map(Fault::words);
    let text = format!("on the head node {}", first.words());
    let finding = Finding::problem(SUBJECT, text).because(others.collect::<Vec<_>>().join("\n"));
    match faults.iter().find(|fault| fault.kind == FaultKind::Lost) {
        Some(lost) => finding
            .also_because(
                "the daemons that run still hold it; they will not start again without it",
            )
            .then(shell)
            .then(format!(
                "in that shell: put `{}` back from a backup, or from another node of the cluster",
                lost.what
            ))
            .into(),
        None => finding.repaired_by(context, Repair::Node(faults.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::finding::Verdict;

    #[test]
    fn a_clock_that_differs_is_told_with_how_much() {
        assert_eq!(compared(1000, 880).verdict, Verdict::Good);
        let behind = compared(1000, 700);
        assert_eq!(behind.verdict, Verdict::Warning);
        assert!(behind.text.ends_with("300 s behind this machine's"));
        assert!(compared(700, 1000).text.contains("300 s ahead of"));
    }
}
