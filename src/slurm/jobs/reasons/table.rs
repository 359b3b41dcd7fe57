//! The reasons of Slurm but for its limits (`src/common/job_state_reason.c`, `enum job_state_reason` in
//! `slurm.h`, from 21.08 to 26.05).

use super::{Reason, Until};
use Until::{Change, Later, Never, Over, Release};

/// Each with what ends it, what it means, and what its user can change.
#[rustfmt::skip]
const TABLE: &[(&str, Until, &str, &str)] = &[
    ("Priority", Later, "jobs of a higher priority come first", ""),
    ("Resources", Later, "the nodes that it asks for are not free", ""),
    ("Dependency", Later, "other jobs have to end first", ""),
    ("BeginTime", Later, "its time to begin has not come", ""),
    ("Licenses", Later, "the licenses that it asks for are in use", "ask for fewer (--licenses), or wait for the jobs that have them"),
    ("Reservation", Later, "its reservation has not begun, or has no room", "submit it without the reservation, or wait for it"),
    ("ReqNodeNotAvail", Later, "nodes that it needs are down, drained, reserved or cannot be started", "leave out --nodelist or --reservation, or take another partition"),
    ("NodeDown", Later, "a node that it needs, or had, is down", ""),
    ("JobArrayTaskLimit", Later, "as many tasks of its array run as the array lets run at once", "the limit is the number after % in --array: submit with a larger one"),
    ("JobHeldUser", Release, "its user holds it", ""),
    ("JobHeldAdmin", Release, "an administrator holds it, or it was submitted or requeued held", ""),
    ("JobHoldMaxRequeue", Release, "it was started anew as often as Slurm allows, and is held", "look why it does not start before it is released"),
    ("DependencyNeverSatisfied", Never, "a job that it waits for ended otherwise than the dependency demands", "submit it anew with a dependency that can be met (afterany instead of afterok)"),
    ("BadConstraints", Never, "no node meets what it asks for", "submit it anew with less, or with other features (--constraint, --nodes, --mem)"),
    ("InvalidAccount", Never, "its account does not exist or is not its user's", "submit it anew with another account (--account)"),
    ("InvalidQOS", Never, "its QOS does not exist or is not its account's", "submit it anew with another QOS (--qos)"),
    ("AccountNotAllowed", Never, "its account may not use the partition", "submit it anew with another account or partition (--account, --partition)"),
    ("QOSNotAllowed", Never, "its QOS may not be used by its account, or in the partition", "submit it anew with another QOS or partition (--qos, --partition)"),
    ("PartitionTimeLimit", Never, "its time limit is longer than the partition allows", "submit it anew with a shorter time limit (--time), or in another partition"),
    ("PartitionNodeLimit", Change, "it asks for more, or fewer, nodes than a job may have in the partition", "submit it with another number of nodes (--nodes), or in another partition"),
    ("PartitionConfig", Change, "what it asks for is not allowed in the partition", "submit it with less, or in another partition (--partition)"),
    ("PartitionDown", Change, "the partition is down", "submit it in another partition, or ask an administrator"),
    ("PartitionInactive", Change, "the partition is inactive", "submit it in another partition, or ask an administrator"),
    ("MaxMemPerLimit", Change, "it asks for more memory than the partition or the cluster allows", "submit it with less memory (--mem), or with more CPUs for it"),
    ("AccountingPolicy", Change, "a limit of its account, QOS or association keeps it", "ask an administrator which one"),
    ("QOSUsageThreshold", Later, "its account has used more than the QOS lets start", "wait until the usage has decayed, or take another QOS (--qos)"),
    ("Constraints", Later, "no node that meets its constraints is to be had now", "ask for fewer or other features (--constraint)"),
    ("ReservationDeleted", Release, "its reservation was deleted, and it is held", "submit it without the reservation, or with another one"),
    ("ReservationInvalid", Change, "its reservation cannot be used by it", "submit it without the reservation, or with another one"),
    ("BurstBufferOperation", Change, "an operation of its burst buffer failed", "look at its burst buffer's directives, and submit it again"),
    ("BurstBufferResources", Later, "its burst buffer has no room", ""),
    ("BurstBufferStageIn", Later, "its files are being brought into the burst buffer", ""),
    ("Cleaning", Later, "what its last start left is being cleaned up", ""),
    ("Prolog", Later, "the prolog runs on its nodes", ""),
    ("SchedDefer", Later, "Slurm puts off looking at single jobs", ""),
    ("FedJobLock", Later, "another cluster of the federation is looking at it", ""),
    ("FrontEndDown", Later, "no front end node is up", ""),
    ("MaxPoweredUpNodes", Later, "as many nodes are powered up as the configuration allows", ""),
    ("MpiPortsBusy", Later, "the ports that its MPI reserves are in use", ""),
    ("NvidiaImexChannels", Later, "other jobs use the NVIDIA IMEX channels", ""),
    ("PowerNotAvail", Later, "the power that it needs is not to be had", ""),
    ("PowerReserved", Later, "the power that it needs is reserved", ""),
    ("SystemFailure", Over, "Slurm or the system failed", "look at the logs of slurmctld and of the node"),
    ("JobLaunchFailure", Over, "Slurm could not launch it", "look at the node's slurmd log: a user, a folder or a prolog may be missing there"),
    ("NonZeroExitCode", Over, "its script ended with an exit code other than 0", ""),
    ("RaisedSignal", Over, "a signal ended it", ""),
    ("TimeLimit", Over, "it ran out of time", ""),
    ("InactiveLimit", Over, "it did nothing for longer than Slurm allows", ""),
    ("OutOfMemory", Over, "it ran out of memory", ""),
    ("DeadLine", Over, "it could not end before its deadline", ""),
];

/// Returns a reason by its name.
pub(super) fn find(name: &str) -> Option<Reason> {
    let row = TABLE.iter().find(|row| row.0 == name)?;
    Some(Reason {
        name: row.0,
        until: row.1,
        words: row.2.to_owned(),
        change: row.3.to_owned(),
    })
}

/// Returns all names.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.0)
}
