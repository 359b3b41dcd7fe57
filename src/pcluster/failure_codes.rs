//! ParallelCluster's failure codes: what each means, and what to do about it. They are those of
//! `get_cluster_creation_failure` of pcluster 3.16.1, which reads them out of the reason of the
//! cluster's failed wait condition.

use super::answer::Failure;

/// What a failure code means in plain words, and what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// What happened.
    pub meaning: &'static str,
    /// What to change or look at before the next try.
    pub remedy: &'static str,
}

impl Failure {
    /// Returns what the code means; `None` when this version of hpcapi does not know it.
    pub fn meaning(&self) -> Option<Meaning> {
        MEANINGS
            .iter()
            .find(|(code, reason, _)| *code == self.code && self.reason.contains(reason))
            .map(|(_, _, meaning)| *meaning)
    }
}

const fn meaning(meaning: &'static str, remedy: &'static str) -> Meaning {
    Meaning { meaning, remedy }
}

/// Code, words of the reason where one code has several, meaning.
const MEANINGS: &[(&str, &str, Meaning)] = &[
    (
        "AmiVersionMismatch",
        "",
        meaning(
            "the custom AMI was built by another version of ParallelCluster than the one that makes \
             the cluster",
            "build the AMI anew with `pcluster build-image` of this version, or take out \
             Image/CustomAmi and HeadNode/Image/CustomAmi",
        ),
    ),
    (
        "InvalidAmi",
        "",
        meaning(
            "the custom AMI was not built by ParallelCluster, so what a head node needs is missing",
            "build an AMI on top of it with `pcluster build-image`, or take out Image/CustomAmi and \
             HeadNode/Image/CustomAmi",
        ),
    ),
    (
        "OnNodeConfiguredExecutionFailure",
        "",
        meaning(
            "a script of HeadNode/CustomActions/OnNodeConfigured ran and ended with an exit code \
             other than 0",
            "repair the script at the line shown; every script has to end with exit code 0",
        ),
    ),
    (
        "OnNodeConfiguredDownloadFailure",
        "",
        meaning(
            "the head node could not download a script of HeadNode/CustomActions/OnNodeConfigured",
            "see that its URL is right, that the object is there, and that HeadNode/Iam/S3Access \
             names its bucket",
        ),
    ),
    (
        "OnNodeConfiguredFailure",
        "",
        meaning(
            "a script of HeadNode/CustomActions/OnNodeConfigured could not be run",
            "see that the script begins with `#!` and an interpreter that the image has",
        ),
    ),
    (
        "OnNodeStartExecutionFailure",
        "",
        meaning(
            "a script of HeadNode/CustomActions/OnNodeStart ran and ended with an exit code other \
             than 0",
            "repair the script at the line shown; it runs before Slurm and the shared folders are \
             set up, and has to end with exit code 0",
        ),
    ),
    (
        "OnNodeStartDownloadFailure",
        "",
        meaning(
            "the head node could not download a script of HeadNode/CustomActions/OnNodeStart",
            "see that its URL is right, that the object is there, and that HeadNode/Iam/S3Access \
             names its bucket",
        ),
    ),
    (
        "OnNodeStartFailure",
        "",
        meaning(
            "a script of HeadNode/CustomActions/OnNodeStart could not be run",
            "see that the script begins with `#!` and an interpreter that the image has",
        ),
    ),
    (
        "EbsMountFailure",
        "",
        meaning(
            "an EBS volume of SharedStorage could not be mounted",
            "see that the volume is in the head node's zone, attached to nothing else, and holds a \
             file system that the image knows",
        ),
    ),
    (
        "EfsMountFailure",
        "",
        meaning(
            "an EFS file system of SharedStorage could not be mounted",
            "see that it has a mount target in the head node's zone, and that its security group \
             lets TCP port 2049 in from the head node",
        ),
    ),
    (
        "FsxMountFailure",
        "",
        meaning(
            "an FSx file system of SharedStorage could not be mounted",
            "see that it is in the head node's VPC, and that its security group lets in what it \
             needs (Lustre: TCP ports 988 and 1018-1023; OpenZFS and ONTAP: 111, 635, 2049 and more)",
        ),
    ),
    (
        "RaidMountFailure",
        "",
        meaning(
            "the RAID array of SharedStorage could not be built or mounted",
            "see that its volumes are in the head node's zone and attached to nothing else",
        ),
    ),
    (
        "HeadNodeBootstrapFailure",
        "timed out",
        meaning(
            "the head node did not say in time that it is set up: it hangs, or has no way to the \
             internet",
            "see that the head node's subnet has a way to the internet (a NAT gateway, or a public \
             address), and that no script waits for something; what needs longer can have \
             DevSettings/Timeouts/HeadNodeBootstrapTimeout",
        ),
    ),
    (
        "HeadNodeBootstrapFailure",
        "set up",
        meaning(
            "a recipe of ParallelCluster failed on the head node: it could not set up Slurm or the \
             system",
            "repair what the lines of chef-client.log and slurmctld.log say; often it is a line of \
             SlurmSettings/CustomSlurmSettings",
        ),
    ),
    (
        "HeadNodeBootstrapFailure",
        "",
        meaning(
            "the head node could not be set up, and ParallelCluster does not say at which point",
            "repair what the lines of cfn-init.log, cloud-init.log and chef-client.log say",
        ),
    ),
    (
        "ResourceCreationFailure",
        "",
        meaning(
            "AWS could not make something that the head node needs, so its set-up was called off",
            "repair what the first failed resource says",
        ),
    ),
    (
        "StaticNodeBootstrapFailure",
        "",
        meaning(
            "compute nodes that are always on (MinCount) failed again and again, so the cluster \
             stopped its queues (protected mode)",
            "repair what clustermgtd and slurm_resume say: no capacity for the instance type, a \
             script of the queue's CustomActions, or a subnet without a way out; MinCount: 0 makes \
             the cluster without them",
        ),
    ),
    (
        "ClusterCreationFailure",
        "",
        meaning(
            "the cluster could not be made, and not because of the head node's set-up",
            "repair what the first failed resource says",
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, reason: &str) -> Failure {
        Failure {
            code: code.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// Each code with its sentence, as `get_cluster_creation_failure` has them.
    const OF_PCLUSTER: &str = include_str!("../../tests/pcluster-answers/failure-codes.txt");

    #[test]
    fn every_code_of_pcluster_has_a_meaning_of_its_own() {
        let mut meanings = Vec::new();
        for line in OF_PCLUSTER.lines() {
            let (code, reason) = line.split_once(": ").unwrap();
            let meaning = failure(code, reason).meaning();
            let Meaning { meaning, remedy } = meaning.unwrap_or_else(|| panic!("{line}"));
            assert!(!meaning.is_empty() && !remedy.is_empty());
            assert!(
                !meanings.contains(&meaning),
                "{line} means what another means"
            );
            meanings.push(meaning);
        }
        assert_eq!(meanings.len(), MEANINGS.len());
    }

    #[test]
    fn a_code_of_a_later_version_has_no_meaning_yet() {
        assert_eq!(failure("QuantumFailure", "Entangled.").meaning(), None);
    }
}
