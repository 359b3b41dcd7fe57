//! Lists of what an account holds in a region, for a scan: every kind of thing that a deployment
//! may consist of, with its tags, read page by page. Only looks; nothing is judged here.

mod compute;
mod gateways;
mod hosted_zones;
mod load_balancers;
mod log_groups;
mod network;
mod roles;
mod stacks;
mod storage;
mod tables;
mod tagged;
mod vpc_parts;

use std::collections::BTreeMap;

use aws_config::SdkConfig;

use crate::error::Result;

use super::network::MadeFor;

/// A kind of thing in an account, in the order in which things can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A CloudFormation stack.
    Stack,
    /// A rule of EventBridge.
    Rule,
    /// A Lambda function.
    Function,
    /// An SQS queue.
    Queue,
    /// An SNS topic.
    Topic,
    /// A document of Systems Manager.
    Document,
    /// A parameter of Systems Manager.
    Parameter,
    /// An alarm of CloudWatch.
    Alarm,
    /// A dashboard of CloudWatch.
    Dashboard,
    /// An Auto Scaling group.
    AutoScalingGroup,
    /// A launch template of EC2.
    LaunchTemplate,
    /// An EC2 instance.
    Instance,
    /// An API of API Gateway.
    Api,
    /// A VPC link of API Gateway.
    VpcLink,
    /// A load balancer.
    LoadBalancer,
    /// A target group.
    TargetGroup,
    /// A NAT gateway.
    NatGateway,
    /// An elastic IP address.
    ElasticIp,
    /// A VPC endpoint.
    VpcEndpoint,
    /// A network interface.
    NetworkInterface,
    /// An EBS volume.
    Volume,
    /// A snapshot of an EBS volume.
    Snapshot,
    /// A file system of EFS.
    FileSystem,
    /// A file system of FSx.
    FsxFileSystem,
    /// A placement group of EC2.
    PlacementGroup,
    /// A security group.
    SecurityGroup,
    /// A subnet.
    Subnet,
    /// A route table, but for the one that a VPC comes with.
    RouteTable,
    /// A network ACL, but for the one that a VPC comes with.
    NetworkAcl,
    /// An internet gateway.
    InternetGateway,
    /// A VPC peering connection.
    Peering,
    /// A VPC.
    Vpc,
    /// A DynamoDB table.
    Table,
    /// A hosted zone of Route 53.
    HostedZone,
    /// An IAM role.
    Role,
    /// An EC2 key pair.
    KeyPair,
    /// An S3 bucket.
    Bucket,
    /// A log group of CloudWatch Logs.
    LogGroup,
}

impl Kind {
    /// Returns its name, as people say it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Stack => "stack",
            Kind::Rule => "rule",
            Kind::Function => "function",
            Kind::Queue => "queue",
            Kind::Topic => "topic",
            Kind::Document => "SSM document",
            Kind::Parameter => "SSM parameter",
            Kind::Alarm => "alarm",
            Kind::Dashboard => "dashboard",
            Kind::AutoScalingGroup => "Auto Scaling group",
            Kind::LaunchTemplate => "launch template",
            Kind::Instance => "instance",
            Kind::Api => "API",
            Kind::VpcLink => "VPC link",
            Kind::LoadBalancer => "load balancer",
            Kind::TargetGroup => "target group",
            Kind::NatGateway => "NAT gateway",
            Kind::ElasticIp => "elastic IP",
            Kind::VpcEndpoint => "VPC endpoint",
            Kind::NetworkInterface => "network interface",
            Kind::Volume => "volume",
            Kind::Snapshot => "snapshot",
            Kind::FileSystem => "file system",
            Kind::FsxFileSystem => "FSx file system",
            Kind::PlacementGroup => "placement group",
            Kind::SecurityGroup => "security group",
            Kind::Subnet => "subnet",
            Kind::RouteTable => "route table",
            Kind::NetworkAcl => "network ACL",
            Kind::InternetGateway => "internet gateway",
            Kind::Peering => "VPC peering",
            Kind::Vpc => "VPC",
            Kind::Table => "table",
            Kind::HostedZone => "hosted zone",
            Kind::Role => "role",
            Kind::KeyPair => "key pair",
            Kind::Bucket => "bucket",
            Kind::LogGroup => "log group",
        }
    }

    /// Returns whether things of the kind belong to no region: one of a deployment with the same
    /// name in another region is listed, too.
    pub fn is_global(self) -> bool {
        matches!(self, Kind::HostedZone | Kind::Role)
    }
}

/// Kinds that AWS's list of tags tells of. It follows the services from behind, and tells for some
/// minutes of what is deleted.
pub const TAGGED: &[Kind] = &[
    Kind::Rule,
    Kind::Function,
    Kind::Queue,
    Kind::Topic,
    Kind::Document,
    Kind::Parameter,
    Kind::Alarm,
    Kind::Dashboard,
    Kind::AutoScalingGroup,
    Kind::LaunchTemplate,
    Kind::FileSystem,
    Kind::FsxFileSystem,
    Kind::PlacementGroup,
];

/// Kinds that one service lists. Services are asked side by side, the kinds of one service one
/// after the other: EC2 counts all lists of an account together.
pub const SERVICES: &[&[Kind]] = &[
    &[Kind::Stack],
    &[
        Kind::Instance,
        Kind::Volume,
        Kind::Snapshot,
        Kind::NetworkInterface,
        Kind::ElasticIp,
        Kind::NatGateway,
        Kind::SecurityGroup,
        Kind::VpcEndpoint,
        Kind::Subnet,
        Kind::RouteTable,
        Kind::NetworkAcl,
        Kind::InternetGateway,
        Kind::Peering,
        Kind::Vpc,
        Kind::KeyPair,
    ],
    &[Kind::LoadBalancer, Kind::TargetGroup],
    &[Kind::Api, Kind::VpcLink],
    &[Kind::LogGroup],
    &[Kind::Bucket],
    &[Kind::Role],
    &[Kind::Table],
    &[Kind::HostedZone],
    TAGGED,
];

/// Kinds of what is in a VPC, or is tied to it: AWS deletes no VPC that has any of them.
pub const IN_VPC: &[Kind] = &[
    Kind::LoadBalancer,
    Kind::Instance,
    Kind::NatGateway,
    Kind::NetworkInterface,
    Kind::SecurityGroup,
    Kind::VpcEndpoint,
    Kind::Subnet,
    Kind::RouteTable,
    Kind::NetworkAcl,
    Kind::InternetGateway,
    Kind::Peering,
];

/// A thing in an account. What is just being deleted is not one any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// What commands take: its id, name or ARN.
    pub id: String,
    /// Its name; of most things of EC2 the tag `Name`.
    pub name: String,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
    /// The VPC it is in.
    pub vpc: Option<String>,
    /// Of a peering the VPC of the other side.
    pub other_vpc: Option<String>,
    /// Of a security group the other groups that its rules name.
    pub names_groups: Vec<String>,
    /// Whether rules of other security groups name this one.
    pub is_named_by_groups: bool,
    /// What a service of AWS made a network interface for.
    pub made_for: Option<MadeFor>,
    /// Its state or status; empty for things that have none.
    pub state: String,
    /// Its sort, on which the price depends: an instance type, a volume type.
    pub sort: String,
    /// How much it holds.
    pub bytes: Option<u64>,
    /// What it is attached to, by the id that a detaching takes.
    pub attachment: Option<String>,
    /// Whether AWS removes it with what it belongs to, and not otherwise.
    pub is_managed: bool,
    /// Whether it has a public IPv4 address that is not an elastic one.
    pub has_public_address: bool,
    /// Whether it is protected from deletion.
    pub is_protected: bool,
    /// The id of the stack that a stack is nested in.
    pub parent: Option<String>,
}

/// Names that a deployment's things may have. Where tags are not part of a list, only what is
/// named so is asked for its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The deployment.
    pub deployment: String,
    /// Its clusters.
    pub clusters: Vec<String>,
    /// How the names of its buckets begin.
    pub bucket: String,
    /// The last parts of the ids of its clusters' stacks, there or deleted.
    pub cluster_guids: Vec<String>,
    /// The key of the tag that holds the deployment.
    pub tag: &'static str,
}

/// The lists, one for each kind.
#[derive(Debug, Clone)]
pub struct Inventory {
    region: String,
    stacks: aws_sdk_cloudformation::Client,
    ec2: aws_sdk_ec2::Client,
    load_balancers: aws_sdk_elasticloadbalancingv2::Client,
    gateways: aws_sdk_apigatewayv2::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    tables: aws_sdk_dynamodb::Client,
    zones: aws_sdk_route53::Client,
    tags: aws_sdk_resourcegroupstagging::Client,
}

impl Inventory {
    pub(super) fn new(config: &SdkConfig, region: &str) -> Inventory {
        Inventory {
            region: region.to_owned(),
            stacks: aws_sdk_cloudformation::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            load_balancers: aws_sdk_elasticloadbalancingv2::Client::new(config),
            gateways: aws_sdk_apigatewayv2::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            s3: aws_sdk_s3::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            tables: aws_sdk_dynamodb::Client::new(config),
            zones: aws_sdk_route53::Client::new(config),
            tags: aws_sdk_resourcegroupstagging::Client::new(config),
        }
    }

    /// Returns the things of a kind: all that carry tags in the list itself, of those in the list
    /// of tags the deployment's, and of the others those that `names` fit.
    pub async fn list(&self, kind: Kind, names: &Names) -> Result<Vec<Item>> {
        match kind {
            Kind::Stack => stacks::stacks(&self.stacks).await,
            Kind::Rule => tagged::rules(&self.tags, names).await,
            Kind::Function => tagged::functions(&self.tags, names).await,
            Kind::Queue => tagged::queues(&self.tags, names).await,
            Kind::Topic => tagged::topics(&self.tags, names).await,
            Kind::Document => tagged::documents(&self.tags, names).await,
            Kind::Parameter => tagged::parameters(&self.tags, names).await,
            Kind::Alarm => tagged::of_cluster(&self.tags, names, tagged::ALARMS).await,
            Kind::Dashboard => tagged::of_cluster(&self.tags, names, tagged::DASHBOARDS).await,
            Kind::AutoScalingGroup => {
                tagged::of_cluster(&self.tags, names, tagged::AUTO_SCALING_GROUPS).await
            }
            Kind::LaunchTemplate => {
                tagged::of_cluster(&self.tags, names, tagged::LAUNCH_TEMPLATES).await
            }
            Kind::FileSystem => tagged::of_cluster(&self.tags, names, tagged::FILE_SYSTEMS).await,
            Kind::FsxFileSystem => {
                tagged::of_cluster(&self.tags, names, tagged::FSX_FILE_SYSTEMS).await
            }
            Kind::PlacementGroup => {
                tagged::of_cluster(&self.tags, names, tagged::PLACEMENT_GROUPS).await
            }
            Kind::Instance => compute::instances(&self.ec2).await,
            Kind::Api => gateways::apis(&self.gateways).await,
            Kind::VpcLink => gateways::vpc_links(&self.gateways).await,
            Kind::LoadBalancer => load_balancers::load_balancers(&self.load_balancers).await,
            Kind::TargetGroup => load_balancers::target_groups(&self.load_balancers).await,
            Kind::NatGateway => network::nat_gateways(&self.ec2).await,
            Kind::ElasticIp => network::addresses(&self.ec2).await,
            Kind::NetworkInterface => network::interfaces(&self.ec2).await,
            Kind::Volume => compute::volumes(&self.ec2).await,
            Kind::Snapshot => compute::snapshots(&self.ec2).await,
            Kind::SecurityGroup => network::security_groups(&self.ec2).await,
            Kind::VpcEndpoint => vpc_parts::endpoints(&self.ec2).await,
            Kind::Subnet => vpc_parts::subnets(&self.ec2).await,
            Kind::RouteTable => vpc_parts::route_tables(&self.ec2).await,
            Kind::NetworkAcl => vpc_parts::network_acls(&self.ec2).await,
            Kind::InternetGateway => vpc_parts::internet_gateways(&self.ec2).await,
            Kind::Peering => vpc_parts::peerings(&self.ec2).await,
            Kind::Vpc => network::vpcs(&self.ec2).await,
            Kind::Table => tables::tables(&self.tables, names).await,
            Kind::HostedZone => hosted_zones::hosted_zones(&self.zones, names).await,
            Kind::Role => roles::roles(&self.iam, &self.region, names).await,
            Kind::KeyPair => compute::key_pairs(&self.ec2).await,
            Kind::Bucket => storage::buckets(&self.s3, &self.region, names).await,
            Kind::LogGroup => log_groups::log_groups(&self.logs, names).await,
        }
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// Returns the tags of a thing of EC2, and its name, which is one of them.
fn ec2_tags(tags: &[aws_sdk_ec2::types::Tag]) -> (BTreeMap<String, String>, String) {
    let tags: BTreeMap<_, _> = super::instances::tags(tags).into_iter().collect();
    let name = tags.get("Name").cloned().unwrap_or_default();
    (tags, name)
}

/// Returns a number of gibibytes in bytes.
fn gibibytes(number: Option<i32>) -> Option<u64> {
    u64::try_from(number?).ok().map(|number| number << 30)
}
