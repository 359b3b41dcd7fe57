//! Nodes for which ParallelCluster got no instance from EC2: what it writes into their reason, and
//! when it tries again (`slurm_plugin/resume.py`, `clustermgtd.py` and `slurm_resources.py` of
//! aws-parallelcluster-node 3.11):
//!
//!     (Code:InsufficientInstanceCapacity)Failure when resuming nodes
//!     (Code:InsufficientInstanceCapacity)Temporarily disabling node due to insufficient capacity

use crate::slurm::host_list;
use crate::slurm::nodes::Node;
use crate::slurm::time;

use super::machines::code;
use super::{Advice, Awaited, Explanation};

/// For how long ParallelCluster leaves a compute resource alone for which EC2 has no capacity, in
/// seconds, unless `insufficient_capacity_timeout` of clustermgtd says otherwise.
const TIMEOUT: u64 = 600;

/// What ParallelCluster does about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It disables the compute resource, and tries again after [`TIMEOUT`].
    Later,
    /// It resets the node within about a minute, and the job is tried again.
    Soon,
}

/// The codes: what each means, what ParallelCluster does about it, and what a user can change.
#[rustfmt::skip]
const CODES: &[(&str, Then, &str, &str)] = &[
    ("InsufficientInstanceCapacity", Then::Later, "EC2 has no capacity for this instance type in this zone", OTHERS),
    ("InsufficientHostCapacity", Then::Later, "EC2 has no capacity on dedicated hosts", OTHERS),
    ("InsufficientReservedInstanceCapacity", Then::Later, "the capacity reservation has no instances left", OTHERS),
    ("MaxSpotInstanceCountExceeded", Then::Later, "the account's quota of Spot instances is used up", QUOTA),
    ("SpotMaxPriceTooLow", Then::Later, "the Spot price is above the queue's SpotPrice", "leave out SpotPrice in the cluster configuration, or raise it"),
    ("Unsupported", Then::Later, "EC2 does not offer this instance type in this zone", OTHERS),
    ("LimitedInstanceCapacity", Then::Soon, "EC2 had a part of the instances, and the job takes all or none", OTHERS),
    ("VcpuLimitExceeded", Then::Soon, "the account's quota of vCPUs is used up", QUOTA),
    ("InstanceLimitExceeded", Then::Soon, "the account's quota of instances is used up", QUOTA),
    ("InsufficientFreeAddressesInSubnet", Then::Soon, "the subnet has no free addresses", "give the queue a larger subnet or several (SubnetIds in the cluster configuration)"),
    ("UnauthorizedOperation", Then::Soon, "the head node's role may not launch the instance", "let the role of the head node do so"),
    ("RequestLimitExceeded", Then::Soon, "EC2 throttles the account's calls", "wait: it is tried again"),
];

const OTHERS: &str = "give the queue more instance types (Instances) or subnets in other zones (SubnetIds) in the \
                      cluster configuration, or use another partition";
const QUOTA: &str =
    "have the quota raised (Service Quotas, Amazon EC2), or wait until instances have ended";

/// Tells of the nodes that got no instance.
pub(super) fn explain(nodes: &[&Node], explanation: &mut Explanation) {
    let lacks = lacks(nodes);
    for (_, change) in &lacks {
        if let Some(change) = change
            && !explanation.advice.iter().any(|one| one.text == *change)
        {
            explanation.advice.push(Advice::words(*change));
        }
    }
    if !lacks.is_empty() {
        explanation.advice.push(Advice::words(
            "ask for fewer nodes (--nodes): a job's nodes are started all or none",
        ));
    }
    explanation
        .waits_for
        .extend(lacks.into_iter().map(|it| it.0));
}

/// Returns the nodes that got no instance, those of one cause together, with what a user can change.
pub(super) fn lacks(nodes: &[&Node]) -> Vec<(Awaited, Option<&'static str>)> {
    let mut codes: Vec<&str> = nodes.iter().filter_map(|node| code(node)).collect();
    codes.sort_unstable();
    codes.dedup();
    let told = codes.iter().map(|code_| {
        let alike: Vec<&&Node> = nodes
            .iter()
            .filter(|node| code(node) == Some(code_))
            .collect();
        let known = CODES.iter().find(|row| row.0 == *code_);
        let name = host_list::folded(alike.iter().map(|node| node.name.clone()));
        let since = alike.iter().filter_map(|node| node.reason_time).max();
        let words = known.map_or("EC2 did not start the instance", |row| row.2);
        let again = again(known.map(|row| row.1), since);
        let awaited = Awaited {
            kind: "nodes",
            text: format!("{name}: {words} ({code_}); {again}"),
            name: Some(name),
            state: Some(alike[0].state.clone()),
        };
        (awaited, known.map(|row| row.3))
    });
    told.collect()
}

/// Returns when ParallelCluster tries again.
fn again(then: Option<Then>, since: Option<u64>) -> String {
    match (then, since) {
        (Some(Then::Later), Some(since)) => format!(
            "ParallelCluster tries again from about {} on ({} minutes after the failure, unless \
             insufficient_capacity_timeout says otherwise)",
            time::rfc3339(since.saturating_add(TIMEOUT)),
            TIMEOUT / 60
        ),
        (Some(Then::Later), None) => format!(
            "ParallelCluster tries again {} minutes after the failure, unless \
             insufficient_capacity_timeout says otherwise",
            TIMEOUT / 60
        ),
        (Some(Then::Soon), _) => {
            "ParallelCluster resets the node within about a minute, and tries again".to_owned()
        }
        (None, _) => {
            "ParallelCluster resets the node; the head node's log slurm_resume.log has the details"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_when_parallelcluster_tries_again() {
        let at = again(Some(Then::Later), Some(1_795_406_758));
        assert!(at.contains("2026-11-23T04:15:58Z"), "{at}");
        let unknown = again(Some(Then::Later), None);
        assert!(unknown.contains("10 minutes"), "{unknown}");
        let soon = again(Some(Then::Soon), Some(1_795_406_758));
        assert!(soon.contains("within about a minute"), "{soon}");
    }
}
