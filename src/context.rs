//! What every step of a run has in its hands: the settings, the clients, the story to tell,
//! and what the steps have learned of the deployment so far.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::aws::{Aws, Identity, Instance, Stack, StackRole};
use crate::error::Result;
use crate::event::Events;
use crate::iam_prefix::IamPrefix;
use crate::limits::Limits;
use crate::pcluster::changes::Changes;
use crate::pcluster::config::ClusterConfig;
use crate::pcluster::judgement::NodeRoles;
use crate::pcluster::{Found, Pcluster, Search};
use crate::service_role::ServiceRole;
use crate::settings::{Ground, Settings};
use crate::slurm::client::Memory;
use crate::step::{Need, Step};
use crate::tags::Tags;

/// What names the servers that need no proxy.
const WITHOUT_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// This machine, where an endpoint that speaks for every service listens: no proxy could reach it.
const HERE: &str = "127.0.0.1,localhost";

/// What every step of a run has in its hands.
#[derive(Debug)]
pub struct Context {
    /// What the user asked for.
    pub settings: Settings,
    /// The AWS clients.
    pub aws: Aws,
    /// Who we are in AWS.
    pub identity: Identity,
    /// Where the story is told.
    pub events: Events,
    /// The cluster configuration as the user wrote it.
    pub config: ClusterConfig,
    /// Where environments for Python programs are kept.
    pub cache: PathBuf,
    /// What this machine remembers of the endpoint, as the cluster's own user.
    pub memory: Memory,
    facts: Mutex<Facts>,
}

/// What is known of the deployment; written where a step looks at its thing, nowhere else.
#[derive(Debug, Default)]
pub struct Facts {
    /// The requirements stack's outputs.
    pub requirements: Option<Requirements>,
    /// The network that the requirements stack made.
    pub new_network: Option<NewNetwork>,
    /// The outputs of a requirements stack that may not be complete. Until it is deleted they stay
    /// what they are; empty while it has none.
    pub unfinished_requirements: BTreeMap<String, String>,
    /// The tags of the user's own that the requirements stack has.
    pub tags: Tags,
    /// The permissions boundary that the requirements stack names.
    pub permissions_boundary: Option<String>,
    /// The prefix of what is made in IAM that the requirements stack names.
    pub iam_prefix: Option<IamPrefix>,
    /// The role that CloudFormation makes the requirements stack's resources as.
    pub service_role: Option<ServiceRole>,
    /// The roles of the cluster's nodes that the requirements stack names, as patterns of ARNs.
    pub node_roles: NodeRoles,
    /// The VPC endpoints that the deployment makes in a network that was there: those that it has, and
    /// those that it lacks. `None` where it makes none.
    pub vpc_endpoints: Option<VpcEndpoints>,
    /// Whether the network has its NAT gateway.
    pub has_nat: bool,
    /// The key pair that goes into the configuration.
    pub key_name: Option<String>,
    /// The S3 URI of the node script.
    pub node_script: Option<String>,
    /// The name of the cluster that is meant, once it is known to be another than the deployment's.
    pub cluster_name: Option<String>,
    /// The replacement that this run carries out.
    pub replacement: Option<Replacement>,
    /// The cluster's stack.
    pub cluster: Option<Stack>,
    /// How the configuration differs from the one that the cluster has, once that was looked at.
    pub changes: Changes,
    /// The head node.
    pub head_node: Option<Instance>,
    /// The instance that the API stack names as its target.
    pub target: Option<String>,
    /// The public URL.
    pub endpoint: Option<String>,
    /// Whether the deployment rests: `pause` took away what costs.
    pub resting: bool,
    /// What puts the deployment to rest.
    pub limits: Limits,
    /// The Slurm API version the endpoint speaks.
    pub api_version: Option<String>,
}

/// A network that `up` makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// The names of its zones, the head node's first.
    pub zones: [String; 2],
    /// Its address range.
    pub range: String,
}

/// Where VPC endpoints are, by the last part of the names of their services: for S3 and DynamoDB the ids
/// of route tables, for all others those of subnets.
pub type VpcEndpoints = BTreeMap<&'static str, Vec<String>>;

/// A cluster that takes the place of another: both by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The cluster that serves until the other one does, and is deleted then.
    pub from: String,
    /// The cluster that is made beside it.
    pub to: String,
    /// What becomes of the jobs that run on the old one.
    #[serde(default)]
    pub jobs: OldJobs,
}

/// What becomes of the jobs that run on a cluster when another one has taken its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OldJobs {
    /// They end with it.
    #[default]
    End,
    /// It is deleted when none runs any more.
    Finish,
}

/// Whose the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkOwner {
    /// The deployment's: `up` made it, and `teardown` removes it.
    Deployment,
    /// The user's: it was there, and stays as it is.
    User,
}

/// The outputs of the requirements stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// Whose the network is.
    pub network: NetworkOwner,
    /// The VPC.
    pub vpc: String,
    /// The subnet of the head node; public in a network that `up` made.
    pub head_node_subnet: String,
    /// The subnets of compute nodes; private in a network that `up` made. In one that was there, they
    /// may be twice the same.
    pub compute_subnets: [String; 2],
    /// The subnets of VPC link and load balancer, in two zones at least.
    pub api_subnets: Vec<String>,
    /// The security group of VPC link and load balancer.
    pub api_security_group: String,
    /// The security group that lets the load balancer reach the head node.
    pub head_node_security_group: String,
    /// The bucket.
    pub bucket: String,
}

impl Context {
    /// Returns a context that knows nothing of the deployment yet.
    pub fn new(
        settings: Settings,
        aws: Aws,
        identity: Identity,
        events: Events,
        config: ClusterConfig,
        cache: PathBuf,
        memory: Memory,
    ) -> Self {
        Context {
            settings,
            aws,
            identity,
            events,
            config,
            cache,
            memory,
            facts: Mutex::default(),
        }
    }

    /// Returns what is known of the deployment. The guard must not be held over an `await`.
    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts
            .lock()
            .expect("no step panics while it writes a fact")
    }

    /// Returns the name of the cluster that is meant: the one that serves, as far as was looked, or that takes
    /// its place in this run.
    pub fn cluster_name(&self) -> String {
        let known = self.facts().cluster_name.clone();
        known.unwrap_or_else(|| self.settings.name.to_string())
    }

    /// Returns the outputs of the requirements stack, which the steps after it need.
    pub fn requirements(&self) -> Option<Requirements> {
        self.facts().requirements.clone()
    }

    /// Returns whether the network is the user's, as far as is known: the stack says so, or else the
    /// settings.
    pub fn is_in_network_of_user(&self) -> bool {
        match self.requirements() {
            Some(made) => made.network == NetworkOwner::User,
            None => self.settings.network.is_some(),
        }
    }

    /// Returns how to find or install `pcluster`.
    pub fn pcluster_search(&self) -> Search {
        Search {
            path: self.settings.pcluster.path.clone(),
            version: self.settings.pcluster.version.clone(),
            cache: self.cache.clone(),
        }
    }

    /// Returns a `pcluster` that talks to the same ground as the SDK, installing it if need be.
    pub async fn pcluster(&self) -> Result<Pcluster> {
        let search = self.pcluster_search();
        let program = match search.find().await? {
            Found::Ready(program) => program,
            Found::Missing | Found::Broken(_) => {
                let tell = |what: &str| self.events.doing(Step::Pcluster, what);
                search.install(tell).await?
            }
        };
        let environment = match &self.settings.ground {
            Ground::Aws { profile, .. } => profile
                .iter()
                .map(|profile| ("AWS_PROFILE".to_owned(), profile.clone()))
                .collect(),
            Ground::Endpoint(endpoint) => endpoint
                .environment()
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .chain(WITHOUT_PROXY.map(|key| (key.to_owned(), HERE.to_owned())))
                .collect(),
        };
        let remedy = search.remedy(&program);
        Ok(Pcluster::new(
            program,
            &self.aws.region,
            environment,
            remedy,
        ))
    }

    /// Returns the tags of what `step` makes: how a later run knows it for ours, and the user's own.
    pub fn tags(&self, step: Step) -> Vec<(String, String)> {
        let mut tags = vec![
            (TAG_DEPLOYMENT.to_owned(), self.settings.name.to_string()),
            (TAG_STEP.to_owned(), step.name().to_owned()),
        ];
        tags.extend(self.own_tags().pairs());
        tags
    }

    /// Returns the user's own tags of everything that is made: those that were asked for, else those
    /// that the deployment has.
    pub fn own_tags(&self) -> Tags {
        match &self.settings.tags {
            Some(tags) => tags.clone(),
            None => self.facts().tags.clone(),
        }
    }

    /// Returns the ARN of the permissions boundary of every role that is made: the one that was asked
    /// for, else the deployment's.
    pub fn permissions_boundary(&self) -> Option<String> {
        match &self.settings.permissions_boundary {
            Some(arn) => Some(arn.to_string()),
            None => self.facts().permissions_boundary.clone(),
        }
    }

    /// Returns the prefix of everything that is made in IAM: the one that was asked for, else the
    /// deployment's.
    pub fn iam_prefix(&self) -> Option<IamPrefix> {
        match &self.settings.iam_prefix {
            Some(prefix) => Some(prefix.clone()),
            None => self.facts().iam_prefix.clone(),
        }
    }

    /// Returns the same for what ParallelCluster makes, in its words: what stands in the configuration
    /// goes before what nobody asked for now.
    pub fn resource_prefix(&self) -> Option<String> {
        let written = self.config.resource_prefix();
        match (&self.settings.iam_prefix, written) {
            (None, Some(written)) => Some(written.to_owned()),
            _ => self.iam_prefix().map(|it| it.to_string()),
        }
    }

    /// Returns the role that CloudFormation makes the resources of hpcapi's own stacks as: the one that was
    /// asked for, else the deployment's.
    pub fn service_role(&self) -> Option<ServiceRole> {
        match &self.settings.service_role {
            Some(role) => Some(role.clone()),
            None => self.facts().service_role.clone(),
        }
    }

    /// Returns the same as a stack is given it.
    pub fn stack_role(&self) -> Option<StackRole> {
        let role = self.service_role()?.to_string();
        Some(match self.settings.service_role {
            Some(_) => StackRole::Asked(role),
            None => StackRole::Kept(role),
        })
    }
}

/// The tag that names the deployment a thing belongs to.
pub const TAG_DEPLOYMENT: &str = "hpcapi:deployment";

/// The tag that names the step that made a thing.
pub const TAG_STEP: &str = "hpcapi:step";

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// Its thing exists, but is not complete.
    Begun,
    /// It is ready.
    Done,
}

/// How far every step is, for those that wait for one another.
#[derive(Debug)]
pub struct Board(watch::Sender<BTreeMap<Step, Milestone>>);

impl Default for Board {
    fn default() -> Self {
        Board(watch::Sender::new(BTreeMap::new()))
    }
}

impl Board {
    /// Notes that `step` has come to `milestone`.
    pub fn reach(&self, step: Step, milestone: Milestone) {
        self.0.send_modify(|steps| {
            let reached = steps.entry(step).or_insert(milestone);
            *reached = (*reached).max(milestone);
        });
    }

    /// Waits until every one of `needs` is met.
    pub async fn meet(&self, needs: &[Need]) {
        let met = |steps: &BTreeMap<Step, Milestone>| {
            needs.iter().all(|need| match need {
                Need::Begun(step) => steps.contains_key(step),
                Need::Done(step) => steps.get(step) == Some(&Milestone::Done),
            })
        };
        // The sender lives in `self`, so the wait cannot end otherwise.
        let _ = self.0.subscribe().wait_for(met).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_begun_step_meets_begun_but_not_done() {
        use std::time::Duration;
        use tokio::time::timeout;

        let board = Board::default();
        board.reach(Step::Cluster, Milestone::Begun);
        board.meet(&[Need::Begun(Step::Cluster)]).await;
        let done = [Need::Done(Step::Cluster)];
        let early = timeout(Duration::from_millis(10), board.meet(&done)).await;
        assert!(early.is_err());
        board.reach(Step::Cluster, Milestone::Done);
        board.reach(Step::Cluster, Milestone::Begun);
        board.meet(&done).await;
    }
}
