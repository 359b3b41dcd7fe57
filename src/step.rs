//! The one list of steps: what a deployment is made of, in the order of `up`, and what each
//! step needs of the others. `up`, `status` and `teardown` are loops over it.

use std::fmt;

/// One thing that `up` makes and `teardown` removes, or a condition that `up` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The stack `<name>-requirements`: network, security groups, bucket.
    Requirements,
    /// The NAT gateway, which compute nodes need, by an update of `<name>-requirements`.
    NatGateway,
    /// The `pcluster` command in the version we want.
    Pcluster,
    /// The EC2 key pair, when the user named none.
    KeyPair,
    /// The node script in the bucket, addressed by its content.
    NodeScript,
    /// The user's cluster configuration with every `CHANGE_ME` filled.
    ClusterConfig,
    /// The ParallelCluster cluster `<name>`.
    Cluster,
    /// The head node instance of the cluster.
    HeadNode,
    /// The stack `<name>-api`: load balancer, VPC link, HTTP API.
    Api,
    /// The head node as the target of the load balancer, by an update of `<name>-api`.
    Target,
    /// The head node, set up by the node script of this version.
    NodeSetup,
    /// The stack `<name>-operations`, for those who want it: Slurm for callers with IAM rights.
    Operations,
    /// The stack `<name>-triggers`, once there is a trigger: jobs of objects.
    Triggers,
    /// The stack `<name>-notifications`, for those who want it: messages of jobs that have ended.
    Notifications,
    /// The stack `<name>-limits`, for those who want it: the time after which the deployment is put to rest.
    Limits,
    /// A call through the public URL that only a valid token can make.
    Endpoint,
}

/// What a run does with the things of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// It makes them.
    Make,
    /// It removes them.
    Remove,
    /// It takes away or stops what costs, and leaves the rest.
    Rest,
}

/// How far another step has to be before a step may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The other step's thing is being made: it exists, but is not complete.
    Begun(Step),
    /// The other step is ready, and what it made is in use until this step is undone.
    Done(Step),
}

impl Step {
    /// Every step, in the order of `up`.
    pub const ALL: [Step; 16] = [
        Step::Requirements,
        Step::NatGateway,
        Step::Pcluster,
        Step::KeyPair,
        Step::NodeScript,
        Step::ClusterConfig,
        Step::Cluster,
        Step::HeadNode,
        Step::Api,
        Step::Target,
        Step::NodeSetup,
        Step::Operations,
        Step::Triggers,
        Step::Notifications,
        Step::Limits,
        Step::Endpoint,
    ];

    /// Returns what `--output json`, and a line in a pipe, call the step.
    pub fn name(self) -> &'static str {
        match self {
            Step::Requirements => "requirements",
            Step::NatGateway => "nat-gateway",
            Step::Pcluster => "pcluster",
            Step::KeyPair => "key-pair",
            Step::NodeScript => "node-script",
            Step::ClusterConfig => "cluster-config",
            Step::Cluster => "cluster",
            Step::HeadNode => "head-node",
            Step::Api => "api",
            Step::Target => "target",
            Step::NodeSetup => "node-setup",
            Step::Operations => "operations",
            Step::Triggers => "triggers",
            Step::Notifications => "notifications",
            Step::Limits => "limits",
            Step::Endpoint => "endpoint",
        }
    }

    /// Returns what the step makes or waits for, in words that need no knowledge of hpcapi.
    pub fn thing(self) -> &'static str {
        match self {
            Step::Requirements => "network, security groups and bucket",
            Step::NatGateway => "NAT gateway, the compute nodes' way to the internet",
            Step::Pcluster => "pcluster on this machine",
            Step::KeyPair => "EC2 key pair of the head node",
            Step::NodeScript => "script that sets up the head node",
            Step::ClusterConfig => "cluster configuration, filled in",
            Step::Cluster => "cluster of ParallelCluster",
            Step::HeadNode => "head node that runs",
            Step::Api => "load balancer, VPC link and HTTP API",
            Step::Target => "head node behind the load balancer",
            Step::NodeSetup => "slurmrestd behind HTTPS on the head node",
            Step::Operations => "operations path, for callers with IAM rights",
            Step::Triggers => "triggers, which make jobs of objects",
            Step::Notifications => "messages of jobs that have ended",
            Step::Limits => "time limit, after which the deployment rests",
            Step::Endpoint => "call through the public URL",
        }
    }

    /// Returns what the screen calls the step, for people.
    pub fn title(self) -> &'static str {
        match self {
            Step::Requirements => "network",
            Step::NatGateway => "NAT gateway",
            Step::Pcluster => "pcluster",
            Step::KeyPair => "key pair",
            Step::NodeScript => "node script",
            Step::ClusterConfig => "configuration",
            Step::Cluster => "cluster",
            Step::HeadNode => "head node",
            Step::Api => "API",
            Step::Target => "target",
            Step::NodeSetup => "node set-up",
            Step::Operations => "operations path",
            Step::Triggers => "triggers",
            Step::Notifications => "notifications",
            Step::Limits => "time limit",
            Step::Endpoint => "endpoint",
        }
    }

    /// Returns what must be there before this step can start.
    pub fn needs(self) -> &'static [Need] {
        use Need::{Begun, Done};
        match self {
            Step::Requirements | Step::Pcluster | Step::KeyPair => &[],
            Step::NatGateway
            | Step::NodeScript
            | Step::Api
            | Step::Notifications
            | Step::Limits => &[Done(Step::Requirements)],
            Step::ClusterConfig => &[
                Done(Step::Requirements),
                Done(Step::KeyPair),
                Done(Step::NodeScript),
            ],
            Step::Cluster => &[Done(Step::ClusterConfig), Done(Step::Pcluster)],
            // The instance exists minutes before the cluster is complete.
            Step::HeadNode => &[Begun(Step::Cluster)],
            Step::Target => &[Done(Step::Api), Done(Step::HeadNode)],
            Step::Triggers => &[
                Done(Step::Requirements),
                Done(Step::Operations),
                Done(Step::HeadNode),
            ],
            Step::Operations => &[
                Done(Step::Requirements),
                Done(Step::Api),
                Done(Step::HeadNode),
            ],
            Step::NodeSetup => &[
                Done(Step::NodeScript),
                Done(Step::Cluster),
                Done(Step::HeadNode),
            ],
            Step::Endpoint => &[
                Done(Step::Target),
                Done(Step::NodeSetup),
                Done(Step::NatGateway),
            ],
        }
    }

    /// Returns the steps that must be undone before this one: those that use what it made.
    pub fn users(self) -> impl Iterator<Item = Step> {
        Step::ALL
            .into_iter()
            .filter(move |step| step.needs().contains(&Need::Done(self)))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_needs_only_steps_before_it() {
        for (position, step) in Step::ALL.into_iter().enumerate() {
            for need in step.needs() {
                let (Need::Begun(other) | Need::Done(other)) = *need;
                let before = Step::ALL.iter().position(|s| *s == other);
                assert!(before < Some(position), "{step} needs {other}");
            }
        }
    }

    #[test]
    fn the_network_is_undone_after_the_cluster_and_the_api() {
        let users: Vec<_> = Step::Requirements.users().collect();
        assert!(users.contains(&Step::Api));
        assert!(users.contains(&Step::ClusterConfig));
        assert_eq!(
            Step::ClusterConfig.users().collect::<Vec<_>>(),
            [Step::Cluster]
        );
    }

    #[test]
    fn nothing_but_the_endpoint_waits_for_the_nat_gateway_or_the_target() {
        assert_eq!(Step::Api.needs(), [Need::Done(Step::Requirements)]);
        for step in [Step::NatGateway, Step::Target] {
            assert_eq!(step.users().collect::<Vec<_>>(), [Step::Endpoint]);
        }
    }

    #[test]
    fn the_cluster_and_the_api_are_undone_side_by_side() {
        assert!(!Step::Cluster.users().any(|step| step == Step::Api));
        assert!(!Step::Cluster.users().any(|step| step == Step::HeadNode));
    }
}
