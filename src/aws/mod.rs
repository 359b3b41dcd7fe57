//! Everything that talks to AWS. SDK types stay inside this folder: what comes out are plain
//! values in the field's words. One client struct per service, one method per call.

mod account;
mod account_plan;
mod bucket;
mod bucket_events;
mod bucket_places;
mod bucket_settings;
mod calls;
mod capacity;
mod change_sets;
mod commands;
mod compute_fleet;
mod configuration;
mod error;
mod failed_events;
mod http;
mod http_apis;
mod instances;
mod inventory;
mod key_pairs;
mod load_balancing;
mod log_groups;
mod log_streams;
mod named_zones;
mod network;
mod objects;
mod permissions;
mod profiles;
#[cfg(test)]
pub(crate) mod recorded;
mod regions;
mod remedies;
mod routing;
mod shared_answers;
mod signing;
mod stack_apply;
mod stack_events;
mod stack_failure;
mod stack_role;
mod stacks;
mod subnets;
mod upload;
mod vpc_endpoints;
mod vpc_removal;
mod zones;

use std::time::Duration;

use aws_config::SdkConfig;

use crate::error::{Error, Result};

pub use account::Identity;
pub use account_plan::AccountPlan;
pub use bucket::{Buckets, Emptied, Version};
pub use bucket_settings::{BucketSettings, LifecycleRule};
pub use calls::{Call, CallListener};
pub use capacity::{Capacity, Running, Size};
pub use commands::{Commands, Invocation};
pub use compute_fleet::ComputeFleets;
pub use http_apis::{HttpApi, HttpApis, Integration, Route, Stage, VpcLink};
pub use instances::{Instance, Instances, TAG_CLUSTER};
pub use inventory::{IN_VPC, Inventory, Item, Kind, Names, SERVICES, TAGGED};
pub use key_pairs::{KeyPair, KeyPairs};
pub use load_balancing::{HealthCheck, Listener, LoadBalancing, TargetHealth};
pub use log_groups::{LogGroups, LogPolicy};
pub use log_streams::LogStreams;
pub use named_zones::named_zones;
pub use network::{GroupRule, GroupRules, Interface, MadeFor, Network};
pub use objects::{Extent, Object};
pub use permissions::{
    ContextKey, ContextValue, Permissions, Principal, Refused, RefusedBy, Simulated, Wish,
};
pub use routing::{AclRule, DefaultRoute, NatGateway, NetworkAcl, RouteTable};
pub use signing::Signer;
pub use stack_apply::{Applied, StackSpec};
pub use stack_events::{Progress, StackEvent};
pub use stack_role::StackRole;
pub use stacks::{Stack, StackResource, Stacks};
pub use subnets::Subnet;
pub use upload::{FilePart, Uploaded};
pub use vpc_endpoints::{EndpointReach, VpcEndpoint};
pub use vpc_removal::{GuardDuty, TAG_GUARD_DUTY};
pub use zones::{Zone, Zones, choose_zones, vpc_link_zones};

/// Where the calls go and who makes them; `None` leaves it to the AWS configuration.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The region.
    pub region: Option<String>,
    /// The named profile.
    pub profile: Option<String>,
    /// An endpoint that speaks for every service.
    pub endpoint_url: Option<String>,
    /// Access key id and secret access key.
    pub access_key: Option<(String, String)>,
    /// Who is told of each call.
    pub listener: CallListener,
}

/// The clients of every service hpcapi uses, for one account and region.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The region the clients talk to.
    pub region: String,
    /// CloudFormation.
    pub stacks: Stacks,
    /// EC2: instances and what hangs on them.
    pub instances: Instances,
    /// EC2: key pairs.
    pub key_pairs: KeyPairs,
    /// EC2: network interfaces and security groups.
    pub network: Network,
    /// EC2: availability zones and what they offer.
    pub zones: Zones,
    /// S3.
    pub buckets: Buckets,
    /// SSM Run Command.
    pub commands: Commands,
    /// Elastic Load Balancing.
    pub load_balancing: LoadBalancing,
    /// CloudWatch Logs: log groups.
    pub log_groups: LogGroups,
    /// CloudWatch Logs: what was logged.
    pub log_streams: LogStreams,
    /// Quotas, and what counts against them.
    pub capacity: Capacity,
    /// API Gateway.
    pub http_apis: HttpApis,
    /// Lists of everything, for a scan.
    pub inventory: Inventory,
    /// IAM: what a principal may do.
    pub permissions: Permissions,
    /// Compute fleets of clusters.
    pub compute_fleets: ComputeFleets,
    /// The account's plan.
    pub account_plan: AccountPlan,
    profile: Option<String>,
    config: SdkConfig,
}

impl Aws {
    /// Returns clients for `connection`. Fails when no region is configured, or a bad endpoint.
    pub async fn connect(connection: &Connection) -> Result<Aws> {
        let config = configuration::load(connection).await?;
        let Some(region) = config.region().map(ToString::to_string) else {
            // Of a profile that is not there, no region can be known.
            let missing = profiles::missing(connection.profile.as_deref()).await;
            return Err(missing.unwrap_or_else(|| {
                Error::usage(NO_REGION)
                    .hint("add --region us-east-1, or: export AWS_REGION=us-east-1")
            }));
        };
        if !is_region(&region) {
            return Err(Error::usage(format!("`{region}` is not an AWS region"))
                .hint("add --region us-east-1, or: export AWS_REGION=us-east-1"));
        }
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let http_apis = aws_sdk_apigatewayv2::Client::new(&config);
        let inventory = Inventory::new(&config, &region);
        Ok(Aws {
            region,
            stacks: Stacks::new(aws_sdk_cloudformation::Client::new(&config)),
            instances: Instances::new(ec2.clone()),
            key_pairs: KeyPairs::new(ec2.clone()),
            network: Network::new(ec2.clone()),
            zones: Zones::new(ec2.clone()),
            buckets: Buckets::new(aws_sdk_s3::Client::new(&config)),
            commands: Commands::new(aws_sdk_ssm::Client::new(&config)),
            load_balancing: LoadBalancing::new(aws_sdk_elasticloadbalancingv2::Client::new(
                &config,
            )),
            log_groups: LogGroups::new(aws_sdk_cloudwatchlogs::Client::new(&config)),
            log_streams: LogStreams::new(aws_sdk_cloudwatchlogs::Client::new(&config)),
            capacity: Capacity::new(
                aws_sdk_servicequotas::Client::new(&config),
                ec2.clone(),
                http_apis.clone(),
            ),
            http_apis: HttpApis::new(http_apis),
            inventory,
            permissions: Permissions::new(aws_sdk_iam::Client::new(&config)),
            compute_fleets: ComputeFleets::new(aws_sdk_dynamodb::Client::new(&config)),
            account_plan: AccountPlan::new(aws_sdk_freetier::Client::new(&config)),
            profile: connection.profile.clone(),
            config,
        })
    }

    /// Returns who the credentials belong to; fails when there are none, or they are expired, or
    /// the region is none for this account.
    pub async fn identity(&self) -> Result<Identity> {
        match account::identity(&aws_sdk_sts::Client::new(&self.config)).await {
            Ok(identity) => Ok(identity),
            // A region that is not enabled takes no credentials at all, however good they are.
            Err(error) => Err(match regions::problem(&self.config, &self.region).await {
                Some(problem) => problem,
                None => profiles::explained(self.profile.as_deref(), error).await,
            }),
        }
    }

    /// Returns what signs requests to an API that lets callers in by IAM.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.config, &self.region)
    }

    /// Returns how long the credentials are valid still; `None` when they do not say.
    pub async fn remaining(&self) -> Option<Duration> {
        account::remaining(&self.config).await
    }
}

/// What is said where nothing names a region.
const NO_REGION: &str = "no AWS region is set";

/// Returns whether a call failed because nothing says where it goes, or there are no credentials: most
/// likely AWS was never set up here.
pub fn is_not_set_up(error: &Error) -> bool {
    error.to_string() == NO_REGION || profiles::lacks_credentials(error)
}

/// Returns whether a region may be called so. It becomes a part of host names and of commands.
pub fn is_region(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
