//! The reasons that are limits of a QOS or of an association: which limit, of whom, on what. Slurm
//! tells them apart by some 170 names, which say the same few things.

use super::{Reason, Until};
use Holder::{Association, Qos};
use Rule::*;

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Qos,
    Association,
}

/// What the limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// On how much one job may have.
    OneJob,
    /// On how much one job may have on a node.
    OneNode,
    /// On how little a job may ask for.
    AtLeast,
    /// On the amount of one job times its time limit.
    MinutesOfOneJob,
    /// On how long one job may run.
    Time,
    /// On how many jobs run at once.
    Jobs,
    /// On how much is in use at once, of no resource that Slurm names.
    Amount,
    /// On what all jobs of the holder have at once.
    Together,
    /// On what all jobs of the holder have used.
    MinutesTogether,
    /// On what the running jobs of the holder can still use.
    RunMinutesTogether,
    /// On how many jobs are submitted.
    SubmittedTogether,
    /// On what all jobs of a user have at once.
    OneUser,
    /// On what the running jobs of a user can still use.
    RunMinutesOfOneUser,
    /// On what all jobs of an account have at once.
    OneAccount,
    /// On what the running jobs of an account can still use.
    RunMinutesOfOneAccount,
}

#[rustfmt::skip]
const TABLE: &[(&str, Holder, Rule, &str)] = &[
    ("AssocGrpBB", Association, Together, "burst buffer"),
    ("AssocGrpBBMinutes", Association, MinutesTogether, "burst buffer"),
    ("AssocGrpBBRunMinutes", Association, RunMinutesTogether, "burst buffer"),
    ("AssocGrpBilling", Association, Together, "billing units"),
    ("AssocGrpBillingMinutes", Association, MinutesTogether, "billing units"),
    ("AssocGrpBillingRunMinutes", Association, RunMinutesTogether, "billing units"),
    ("AssocGrpCPUMinutesLimit", Association, MinutesTogether, "CPUs"),
    ("AssocGrpCPURunMinutesLimit", Association, RunMinutesTogether, "CPUs"),
    ("AssocGrpCpuLimit", Association, Together, "CPUs"),
    ("AssocGrpEnergy", Association, Together, "energy"),
    ("AssocGrpEnergyMinutes", Association, MinutesTogether, "energy"),
    ("AssocGrpEnergyRunMinutes", Association, RunMinutesTogether, "energy"),
    ("AssocGrpGRES", Association, Together, "generic resources"),
    ("AssocGrpGRESMinutes", Association, MinutesTogether, "generic resources"),
    ("AssocGrpGRESRunMinutes", Association, RunMinutesTogether, "generic resources"),
    ("AssocGrpLicense", Association, Together, "licenses"),
    ("AssocGrpLicenseMinutes", Association, MinutesTogether, "licenses"),
    ("AssocGrpLicenseRunMinutes", Association, RunMinutesTogether, "licenses"),
    ("AssocGrpMemLimit", Association, Together, "memory"),
    ("AssocGrpMemMinutes", Association, MinutesTogether, "memory"),
    ("AssocGrpMemRunMinutes", Association, RunMinutesTogether, "memory"),
    ("AssocGrpNodeLimit", Association, Together, "nodes"),
    ("AssocGrpNodeMinutes", Association, MinutesTogether, "nodes"),
    ("AssocGrpNodeRunMinutes", Association, RunMinutesTogether, "nodes"),
    ("AssocGrpUnknown", Association, Together, "a resource"),
    ("AssocGrpUnknownMinutes", Association, MinutesTogether, "a resource"),
    ("AssocGrpUnknownRunMinutes", Association, RunMinutesTogether, "a resource"),
    ("AssocMaxBBMinutesPerJob", Association, MinutesOfOneJob, "burst buffer"),
    ("AssocMaxBBPerJob", Association, OneJob, "burst buffer"),
    ("AssocMaxBBPerNode", Association, OneNode, "burst buffer"),
    ("AssocMaxBillingMinutesPerJob", Association, MinutesOfOneJob, "billing units"),
    ("AssocMaxBillingPerJob", Association, OneJob, "billing units"),
    ("AssocMaxBillingPerNode", Association, OneNode, "billing units"),
    ("AssocMaxCpuMinutesPerJobLimit", Association, MinutesOfOneJob, "CPUs"),
    ("AssocMaxCpuPerJobLimit", Association, OneJob, "CPUs"),
    ("AssocMaxCpuPerNode", Association, OneNode, "CPUs"),
    ("AssocMaxEnergyMinutesPerJob", Association, MinutesOfOneJob, "energy"),
    ("AssocMaxEnergyPerJob", Association, OneJob, "energy"),
    ("AssocMaxEnergyPerNode", Association, OneNode, "energy"),
    ("AssocMaxGRESMinutesPerJob", Association, MinutesOfOneJob, "generic resources"),
    ("AssocMaxGRESPerJob", Association, OneJob, "generic resources"),
    ("AssocMaxGRESPerNode", Association, OneNode, "generic resources"),
    ("AssocMaxLicenseMinutesPerJob", Association, MinutesOfOneJob, "licenses"),
    ("AssocMaxLicensePerJob", Association, OneJob, "licenses"),
    ("AssocMaxMemMinutesPerJob", Association, MinutesOfOneJob, "memory"),
    ("AssocMaxMemPerJob", Association, OneJob, "memory"),
    ("AssocMaxMemPerNode", Association, OneNode, "memory"),
    ("AssocMaxNodeMinutesPerJob", Association, MinutesOfOneJob, "nodes"),
    ("AssocMaxNodePerJobLimit", Association, OneJob, "nodes"),
    ("AssocMaxUnknownMinutesPerJob", Association, MinutesOfOneJob, "a resource"),
    ("AssocMaxUnknownPerJob", Association, OneJob, "a resource"),
    ("AssocMaxUnknownPerNode", Association, OneNode, "a resource"),
    ("MaxBBPerAccount", Qos, OneAccount, "burst buffer"),
    ("MaxBBRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "burst buffer"),
    ("MaxBBRunMinsPerUser", Qos, RunMinutesOfOneUser, "burst buffer"),
    ("MaxBillingPerAccount", Qos, OneAccount, "billing units"),
    ("MaxBillingRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "billing units"),
    ("MaxBillingRunMinsPerUser", Qos, RunMinutesOfOneUser, "billing units"),
    ("MaxCpuPerAccount", Qos, OneAccount, "CPUs"),
    ("MaxCpuRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "CPUs"),
    ("MaxCpuRunMinsPerUser", Qos, RunMinutesOfOneUser, "CPUs"),
    ("MaxEnergyPerAccount", Qos, OneAccount, "energy"),
    ("MaxEnergyRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "energy"),
    ("MaxEnergyRunMinsPerUser", Qos, RunMinutesOfOneUser, "energy"),
    ("MaxGRESPerAccount", Qos, OneAccount, "generic resources"),
    ("MaxGRESRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "generic resources"),
    ("MaxGRESRunMinsPerUser", Qos, RunMinutesOfOneUser, "generic resources"),
    ("MaxLicensePerAccount", Qos, OneAccount, "licenses"),
    ("MaxLicenseRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "licenses"),
    ("MaxLicenseRunMinsPerUser", Qos, RunMinutesOfOneUser, "licenses"),
    ("MaxMemoryPerAccount", Qos, OneAccount, "memory"),
    ("MaxMemoryRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "memory"),
    ("MaxMemoryRunMinsPerUser", Qos, RunMinutesOfOneUser, "memory"),
    ("MaxNodePerAccount", Qos, OneAccount, "nodes"),
    ("MaxNodeRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "nodes"),
    ("MaxNodeRunMinsPerUser", Qos, RunMinutesOfOneUser, "nodes"),
    ("MaxUnknownPerAccount", Qos, OneAccount, "a resource"),
    ("MaxUnknownRunMinsPerAccount", Qos, RunMinutesOfOneAccount, "a resource"),
    ("MaxUnknownRunMinsPerUser", Qos, RunMinutesOfOneUser, "a resource"),
    ("QOSGrpBB", Qos, Together, "burst buffer"),
    ("QOSGrpBBMinutes", Qos, MinutesTogether, "burst buffer"),
    ("QOSGrpBBRunMinutes", Qos, RunMinutesTogether, "burst buffer"),
    ("QOSGrpBilling", Qos, Together, "billing units"),
    ("QOSGrpBillingMinutes", Qos, MinutesTogether, "billing units"),
    ("QOSGrpBillingRunMinutes", Qos, RunMinutesTogether, "billing units"),
    ("QOSGrpCPUMinutesLimit", Qos, MinutesTogether, "CPUs"),
    ("QOSGrpCPURunMinutesLimit", Qos, RunMinutesTogether, "CPUs"),
    ("QOSGrpCpuLimit", Qos, Together, "CPUs"),
    ("QOSGrpEnergy", Qos, Together, "energy"),
    ("QOSGrpEnergyMinutes", Qos, MinutesTogether, "energy"),
    ("QOSGrpEnergyRunMinutes", Qos, RunMinutesTogether, "energy"),
    ("QOSGrpGRES", Qos, Together, "generic resources"),
    ("QOSGrpGRESMinutes", Qos, MinutesTogether, "generic resources"),
    ("QOSGrpGRESRunMinutes", Qos, RunMinutesTogether, "generic resources"),
    ("QOSGrpLicense", Qos, Together, "licenses"),
    ("QOSGrpLicenseMinutes", Qos, MinutesTogether, "licenses"),
    ("QOSGrpLicenseRunMinutes", Qos, RunMinutesTogether, "licenses"),
    ("QOSGrpMemLimit", Qos, Together, "memory"),
    ("QOSGrpMemoryMinutes", Qos, MinutesTogether, "memory"),
    ("QOSGrpMemoryRunMinutes", Qos, RunMinutesTogether, "memory"),
    ("QOSGrpNodeLimit", Qos, Together, "nodes"),
    ("QOSGrpNodeMinutes", Qos, MinutesTogether, "nodes"),
    ("QOSGrpNodeRunMinutes", Qos, RunMinutesTogether, "nodes"),
    ("QOSGrpUnknown", Qos, Together, "a resource"),
    ("QOSGrpUnknownMinutes", Qos, MinutesTogether, "a resource"),
    ("QOSGrpUnknownRunMinutes", Qos, RunMinutesTogether, "a resource"),
    ("QOSMaxBBPerJob", Qos, OneJob, "burst buffer"),
    ("QOSMaxBBPerNode", Qos, OneNode, "burst buffer"),
    ("QOSMaxBBPerUser", Qos, OneUser, "burst buffer"),
    ("QOSMaxBillingMinutesPerJob", Qos, MinutesOfOneJob, "billing units"),
    ("QOSMaxBillingPerJob", Qos, OneJob, "billing units"),
    ("QOSMaxBillingPerNode", Qos, OneNode, "billing units"),
    ("QOSMaxBillingPerUser", Qos, OneUser, "billing units"),
    ("QOSMaxCpuMinutesPerJobLimit", Qos, MinutesOfOneJob, "CPUs"),
    ("QOSMaxCpuPerJobLimit", Qos, OneJob, "CPUs"),
    ("QOSMaxCpuPerNode", Qos, OneNode, "CPUs"),
    ("QOSMaxCpuPerUserLimit", Qos, OneUser, "CPUs"),
    ("QOSMaxEnergyMinutesPerJob", Qos, MinutesOfOneJob, "energy"),
    ("QOSMaxEnergyPerJob", Qos, OneJob, "energy"),
    ("QOSMaxEnergyPerNode", Qos, OneNode, "energy"),
    ("QOSMaxEnergyPerUser", Qos, OneUser, "energy"),
    ("QOSMaxGRESMinutesPerJob", Qos, MinutesOfOneJob, "generic resources"),
    ("QOSMaxGRESPerJob", Qos, OneJob, "generic resources"),
    ("QOSMaxGRESPerNode", Qos, OneNode, "generic resources"),
    ("QOSMaxGRESPerUser", Qos, OneUser, "generic resources"),
    ("QOSMaxLicenseMinutesPerJob", Qos, MinutesOfOneJob, "licenses"),
    ("QOSMaxLicensePerJob", Qos, OneJob, "licenses"),
    ("QOSMaxLicensePerUser", Qos, OneUser, "licenses"),
    ("QOSMaxMemoryMinutesPerJob", Qos, MinutesOfOneJob, "memory"),
    ("QOSMaxMemoryPerJob", Qos, OneJob, "memory"),
    ("QOSMaxMemoryPerNode", Qos, OneNode, "memory"),
    ("QOSMaxMemoryPerUser", Qos, OneUser, "memory"),
    ("QOSMaxNodeMinutesPerJob", Qos, MinutesOfOneJob, "nodes"),
    ("QOSMaxNodePerJobLimit", Qos, OneJob, "nodes"),
    ("QOSMaxNodePerUserLimit", Qos, OneUser, "nodes"),
    ("QOSMaxUnknownMinutesPerJob", Qos, MinutesOfOneJob, "a resource"),
    ("QOSMaxUnknownPerJob", Qos, OneJob, "a resource"),
    ("QOSMaxUnknownPerNode", Qos, OneNode, "a resource"),
    ("QOSMaxUnknownPerUser", Qos, OneUser, "a resource"),
    ("QOSMinBB", Qos, AtLeast, "burst buffer"),
    ("QOSMinBilling", Qos, AtLeast, "billing units"),
    ("QOSMinCpuNotSatisfied", Qos, AtLeast, "CPUs"),
    ("QOSMinEnergy", Qos, AtLeast, "energy"),
    ("QOSMinGRES", Qos, AtLeast, "generic resources"),
    ("QOSMinLicense", Qos, AtLeast, "licenses"),
    ("QOSMinMemory", Qos, AtLeast, "memory"),
    ("QOSMinNode", Qos, AtLeast, "nodes"),
    ("QOSMinUnknown", Qos, AtLeast, "a resource"),
    ("AssociationJobLimit", Association, Jobs, ""),
    ("AssociationResourceLimit", Association, Amount, ""),
    ("AssociationTimeLimit", Association, Time, ""),
    ("QOSJobLimit", Qos, Jobs, ""),
    ("QOSResourceLimit", Qos, Amount, ""),
    ("QOSTimeLimit", Qos, Time, ""),
    ("AssocGrpJobsLimit", Association, Together, "jobs"),
    ("AssocGrpSubmitJobsLimit", Association, SubmittedTogether, ""),
    ("AssocGrpWallLimit", Association, MinutesTogether, "time"),
    ("AssocMaxJobsLimit", Association, Jobs, ""),
    ("AssocMaxSubmitJobLimit", Association, SubmittedTogether, ""),
    ("AssocMaxWallDurationPerJobLimit", Association, Time, ""),
    ("QOSGrpJobsLimit", Qos, Together, "jobs"),
    ("QOSGrpSubmitJobsLimit", Qos, SubmittedTogether, ""),
    ("QOSGrpWallLimit", Qos, MinutesTogether, "time"),
    ("QOSMaxJobsPerUserLimit", Qos, OneUser, "jobs"),
    ("QOSMaxSubmitJobPerUserLimit", Qos, SubmittedTogether, ""),
    ("QOSMaxWallDurationPerJobLimit", Qos, Time, ""),
    ("MaxJobsPerAccount", Qos, OneAccount, "jobs"),
    ("MaxSubmitJobsPerAccount", Qos, SubmittedTogether, ""),
];

/// Returns a reason by its name.
pub(super) fn find(name: &str) -> Option<Reason> {
    let &(name, holder, rule, resource) = TABLE.iter().find(|row| row.0 == name)?;
    let holder = match holder {
        Qos => "its QOS",
        Association => "its association (user and account)",
    };
    let (until, words, change) = told(rule, holder, resource);
    Some(Reason {
        name,
        until,
        words,
        change: change.to_owned(),
    })
}

/// Returns what ends the wait, what it means, and what its user can change.
fn told(rule: Rule, holder: &str, resource: &str) -> (Until, String, &'static str) {
    const LESS: &str = "submit it with less, or have an administrator raise the limit";
    const WAIT: &str = "wait for jobs that count against the limit to end, or submit it with less";
    const SHORTER: &str =
        "submit it with a shorter time limit (--time), or wait for such jobs to end";
    const USED: &str = "wait until the usage has decayed, or ask an administrator";
    let lasting = |words| (Until::Change, words, LESS);
    let passing = |words, change| (Until::Later, words, change);
    match rule {
        OneJob => lasting(format!("{holder} lets no job have as much: {resource}")),
        OneNode => lasting(format!(
            "{holder} lets no job have as much on a node: {resource}"
        )),
        AtLeast => (
            Until::Change,
            format!("{holder} wants a job to ask for more: {resource}"),
            "submit it with more, or with another QOS (--qos)",
        ),
        MinutesOfOneJob => lasting(format!(
            "{holder} lets no job have as much for so long: {resource} times the time limit"
        )),
        Time => (
            Until::Change,
            format!("{holder} lets no job run for so long"),
            "submit it with a shorter time limit (--time)",
        ),
        Jobs => passing(
            format!("as many jobs run as {holder} lets run at once"),
            WAIT,
        ),
        Amount => passing(format!("{holder} has in use what it may"), WAIT),
        Together => passing(
            format!("all jobs of {holder} together have what they may have at once: {resource}"),
            WAIT,
        ),
        MinutesTogether => passing(
            format!("all jobs of {holder} together have used what they may: minutes of {resource}"),
            USED,
        ),
        RunMinutesTogether => passing(
            format!(
                "the running jobs of {holder} together may still use what they may: minutes of {resource}"
            ),
            SHORTER,
        ),
        SubmittedTogether => passing(
            format!("as many jobs are submitted as {holder} allows"),
            WAIT,
        ),
        OneUser => passing(
            format!("its user's jobs have what {holder} lets one user have at once: {resource}"),
            WAIT,
        ),
        RunMinutesOfOneUser => passing(
            format!(
                "its user's running jobs may still use what {holder} lets one user: minutes of {resource}"
            ),
            SHORTER,
        ),
        OneAccount => passing(
            format!(
                "the jobs of its account have what {holder} lets one account have at once: {resource}"
            ),
            WAIT,
        ),
        RunMinutesOfOneAccount => passing(
            format!(
                "the running jobs of its account may still use what {holder} lets one account: minutes \
                 of {resource}"
            ),
            SHORTER,
        ),
    }
}

/// Returns all names.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.0)
}
