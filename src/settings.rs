//! What the user asked for, checked: every later part of a run takes its names, places and
//! choices from here and never looks at arguments or the environment itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::address_range::AddressRange;
use crate::boundary::BoundaryArn;
use crate::error::{Error, Result};
use crate::hint::Again;
use crate::iam_prefix::IamPrefix;
use crate::limits::{Limit, SpanChoice};
use crate::notifications::Notify;
use crate::service_role::ServiceRole;
use crate::tags::Tags;

/// The name of a deployment; every AWS name of it follows from this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentName(String);

impl DeploymentName {
    /// What a deployment is called when the user does not say: with it the stacks carry the
    /// names of the original recipe.
    pub const DEFAULT: &'static str = "hpc-serverless-job-mgmt";

    /// The longest name ParallelCluster takes for a cluster (its ClusterNameValidator).
    const MAX_LENGTH: usize = 60;

    /// Returns the name itself, which is also the name of the first cluster.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the other name that a cluster of the deployment may have: that of one that was made beside
    /// another; `None` where it would be longer than ParallelCluster takes.
    pub fn second_cluster(&self) -> Option<String> {
        let name = format!("{}-2", self.0);
        (name.len() <= Self::MAX_LENGTH).then_some(name)
    }

    /// Returns the names that a cluster of the deployment may have, the first one first.
    pub fn cluster_names(&self) -> Vec<String> {
        let mut names = vec![self.0.clone()];
        names.extend(self.second_cluster());
        names
    }

    /// Returns the name of the stack that holds network, security groups and bucket.
    pub fn requirements_stack(&self) -> String {
        format!("{}-requirements", self.0)
    }

    /// Returns the name of the stack that holds load balancer, VPC link and HTTP API.
    pub fn api_stack(&self) -> String {
        format!("{}-api", self.0)
    }

    /// Returns the name of the stack that holds the operations path.
    pub fn operations_stack(&self) -> String {
        format!("{}-operations", self.0)
    }

    /// Returns the name of the stack that makes jobs of objects.
    pub fn triggers_stack(&self) -> String {
        format!("{}-triggers", self.0)
    }

    /// Returns the name of the stack that tells of jobs that have ended.
    pub fn notifications_stack(&self) -> String {
        format!("{}-notifications", self.0)
    }

    /// Returns the name of the stack that puts the deployment to rest when its time is over.
    pub fn limits_stack(&self) -> String {
        format!("{}-limits", self.0)
    }

    /// Returns the names of the stacks that hpcapi makes itself, those that use others first.
    pub fn own_stacks(&self) -> [String; 6] {
        [
            self.limits_stack(),
            self.notifications_stack(),
            self.triggers_stack(),
            self.operations_stack(),
            self.api_stack(),
            self.requirements_stack(),
        ]
    }

    /// Returns the name of the file that keeps a configuration which came through a pipe. Another
    /// configuration has another name, so that a command printed with it means the same for ever.
    pub fn piped_config(&self, text: &str) -> String {
        let digest = Sha256::digest(text);
        let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        format!("{}.piped-{}.yaml", self.0, digits.collect::<String>())
    }

    /// Returns whether a file of this name keeps such a configuration.
    pub fn is_piped_config(&self, file: &str) -> bool {
        // No name of a deployment has a full stop.
        file.strip_prefix(&self.0)
            .and_then(|rest| rest.strip_prefix(".piped-"))
            .and_then(|rest| rest.strip_suffix(".yaml"))
            .is_some_and(|digits| digits.len() == 16)
    }

    /// Returns how the names of its buckets begin: CloudFormation makes them of the stack's name,
    /// in lower case, and cuts a long one.
    pub fn bucket_prefix(&self) -> String {
        let mut stack = self.requirements_stack().to_lowercase();
        stack.truncate(24);
        stack
    }
}

impl FromStr for DeploymentName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let spelled_well = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !starts_well || !spelled_well || name.len() > Self::MAX_LENGTH {
            return Err(Error::usage(format!(
                "`{name}` cannot name a deployment: use letters, digits and hyphens, begin \
                 with a letter, at most {} characters",
                Self::MAX_LENGTH
            ))
            .hint("for example: --deployment my-cluster"));
        }
        Ok(DeploymentName(name.to_owned()))
    }
}

impl fmt::Display for DeploymentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the AWS calls go, for the SDK and for `pcluster` alike.
#[derive(Debug, Clone)]
pub enum Ground {
    /// AWS, with the usual credential chain.
    Aws {
        /// `--region`; else what the AWS configuration says.
        region: Option<String>,
        /// `--profile`; else what the AWS configuration says.
        profile: Option<String>,
    },
    /// An endpoint that speaks for every AWS service.
    Endpoint(Endpoint),
}

/// An endpoint that speaks for every AWS service, and who we are there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it listens, e.g. `http://127.0.0.1:4566`.
    pub url: String,
    /// The region it plays.
    pub region: String,
    /// The access key id; the emulator takes 12 digits as the account.
    pub access_key_id: String,
    /// The secret access key; the emulator does not check it.
    pub secret_access_key: String,
}

impl Endpoint {
    /// Returns the environment that points any AWS client at the endpoint.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

/// Which `pcluster` to run.
#[derive(Debug, Clone)]
pub struct PclusterChoice {
    /// `--pcluster PATH`: this one, whatever its version.
    pub path: Option<PathBuf>,
    /// `--pcluster-version`: the version to find or to install.
    pub version: String,
}

impl PclusterChoice {
    /// The version of ParallelCluster that hpcapi is written against and tested with.
    pub const VERSION: &'static str = "3.16.1";
}

/// What a teardown does with the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BucketFate {
    /// It is deleted with all that is in it.
    #[default]
    Deleted,
    /// `--keep-bucket`: it stays, with what jobs have left in it.
    Kept,
}

/// What becomes of a part of the deployment that need not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Toggle {
    /// It stays if it is there, and is not made.
    #[default]
    AsItIs,
    /// It is to be there.
    On,
    /// It is to go.
    Off,
}

/// What becomes of the VPC endpoints that nodes need in a network that is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EndpointFate {
    /// Those that are missing are made if the deployment has made some, and else they are the user's.
    #[default]
    AsItIs,
    /// `--vpc-endpoints`: those that are missing are made.
    Made,
}

/// A network that is there already, as far as the user says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkChoice {
    /// `--vpc`.
    pub vpc: String,
    /// `--head-node-subnet`; else it is found by its tag.
    pub head_node_subnet: Option<String>,
    /// `--compute-subnets`; where there are none, they are found by their tag.
    pub compute_subnets: Vec<String>,
    /// `--api-subnets`; where there are none, they are found by their tag, or are the compute subnets.
    pub api_subnets: Vec<String>,
}

/// How a network is to be that hpcapi makes, as far as the user says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewNetworkChoice {
    /// `--zones`: names or ids, the head node's first; else they are chosen.
    pub zones: Option<[String; 2]>,
    /// `--vpc-cidr`; else the usual one.
    pub range: Option<AddressRange>,
}

/// Returns the folder of ParallelCluster's files below a user's home folder.
pub fn local_folder(home: &Path) -> PathBuf {
    home.join(".parallelcluster")
}

/// Everything a run of hpcapi was asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `--deployment`.
    pub name: DeploymentName,
    /// `--operations`.
    pub operations: Toggle,
    /// Whether triggers are to be possible: `trigger add` makes them so.
    pub triggers: Toggle,
    /// `--notify`.
    pub notify: Notify,
    /// `--ttl`: when the time of the deployment is over.
    pub limit: Limit,
    /// `--idle`: how long no job may have run or waited in the deployment.
    pub idle: SpanChoice,
    /// `--tag`: what everything gets that is made; `None` leaves it the tags that it has.
    pub tags: Option<Tags>,
    /// `--permissions-boundary`: that of every role that is made; `None` leaves it as it is.
    pub permissions_boundary: Option<BoundaryArn>,
    /// `--iam-prefix`: that of everything that is made in IAM; `None` leaves it as it is.
    pub iam_prefix: Option<IamPrefix>,
    /// `--service-role`: that of hpcapi's stacks; `None` leaves it as it is.
    pub service_role: Option<ServiceRole>,
    /// Where the AWS calls go.
    pub ground: Ground,
    /// Whether the user said which configuration is meant: no other one changes a cluster.
    pub has_config: bool,
    /// `--key-name`: an EC2 key pair of the user's own.
    pub key_name: Option<String>,
    /// `--bucket`: one that an earlier teardown kept, to be used again.
    pub kept_bucket: Option<String>,
    /// `--vpc` and its subnets; `None` where nothing is said of a network that is there.
    pub network: Option<NetworkChoice>,
    /// `--vpc-endpoints`.
    pub vpc_endpoints: EndpointFate,
    /// `--zones` and `--vpc-cidr`, of a network that is made.
    pub new_network: NewNetworkChoice,
    /// What becomes of the bucket.
    pub bucket_fate: BucketFate,
    /// Which `pcluster` to run.
    pub pcluster: PclusterChoice,
    /// The user's home folder, below which local files are kept.
    pub home: PathBuf,
    /// How to call this program again, with the options that reach the same deployment.
    pub again: Again,
}

impl Settings {
    /// Returns whether this call gives the deployment a limit.
    pub fn asks_for_limits(&self) -> bool {
        matches!(self.limit, Limit::To(_)) || matches!(self.idle, SpanChoice::For(_))
    }

    /// Returns the folder of ParallelCluster's files, where the filled configuration and the
    /// private key are kept.
    pub fn local_folder(&self) -> PathBuf {
        local_folder(&self.home)
    }

    /// Returns where the filled configuration is kept.
    pub fn filled_config_path(&self) -> PathBuf {
        self.local_folder().join(format!("{}.yaml", self.name))
    }

    /// Returns where an `up` in the background tells its story.
    pub fn up_log_path(&self) -> PathBuf {
        self.local_folder().join(format!("{}-up.log", self.name))
    }

    /// Returns where the logs of a failed cluster's head node are kept.
    pub fn failure_log_path(&self) -> PathBuf {
        self.local_folder()
            .join(format!("{}-failed.log", self.name))
    }

    /// Returns where the private key of a key pair made by hpcapi is kept. The account is part
    /// of the name, so that deployments of one name in two accounts never share a key.
    pub fn private_key_path(&self, account: &str, region: &str) -> PathBuf {
        self.local_folder()
            .join(format!("{}-{account}-{region}.pem", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piped_configuration_is_kept_by_deployment_and_content() {
        let name: DeploymentName = "x".parse().unwrap();
        let other: DeploymentName = "x-2".parse().unwrap();
        let kept = name.piped_config("a: 1\n");
        assert_eq!(kept, name.piped_config("a: 1\n"));
        assert_ne!(kept, name.piped_config("a: 2\n"));
        assert!(name.is_piped_config(&kept));
        assert!(!other.is_piped_config(&kept));
        assert!(!name.is_piped_config(&other.piped_config("a: 1\n")));
        assert!(!name.is_piped_config("x.yaml"));
    }

    #[test]
    fn a_second_cluster_has_a_name_unless_that_is_too_long() {
        let names = |length: usize| {
            let name: DeploymentName = "a".repeat(length).parse().unwrap();
            name.cluster_names()
        };
        assert_eq!(names(1), ["a", "a-2"]);
        assert_eq!(names(58).len(), 2);
        assert_eq!(names(59), ["a".repeat(59)]);
    }

    #[test]
    fn a_name_is_what_parallelcluster_takes() {
        for good in ["a1", "hpc-serverless-job-mgmt", &"a".repeat(60)] {
            assert!(good.parse::<DeploymentName>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a_b", "a b", "é", "$(id)", &"a".repeat(61)] {
            assert!(bad.parse::<DeploymentName>().is_err(), "{bad}");
        }
    }
}
