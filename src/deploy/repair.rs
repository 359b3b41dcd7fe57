//! What `up` brings back by itself when the way from the endpoint to Slurm is broken: only what
//! hpcapi made, and only to what it would make now.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint};
use crate::slurm::{Fault, NodeScript, SetUp, set_up_node};
use crate::step::Step;

use super::path::{Door, HEAD_NODE_PORT};
use super::steps::bucket_settings::{self, Setting};
use super::steps::{api, node_script, requirements};

/// Something that is brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// Start this instance.
    Start(String),
    /// Give this instance these security groups.
    Wear(String, Vec<String>),
    /// Bring the head node's daemons back to work.
    Daemons,
    /// Put what has changed on the head node back.
    Node(Vec<Fault>),
    /// Have this VPC resolve names, and give its instances names.
    Names(String),
    /// Send what is for the internet from a route table to an internet or NAT gateway.
    Route {
        /// The route table.
        table: String,
        /// The gateway.
        target: String,
        /// Whether it has such a route, which leads elsewhere.
        replaces: bool,
    },
    /// Have this subnet use this route table.
    Associate(String, String),
    /// Make the NAT gateway anew.
    NatGateway,
    /// Open these doors.
    Open(Vec<Door>),
    /// Register with this target group this instance.
    Register(String, String),
    /// Set these of a bucket as they are to be.
    Bucket(String, Vec<Setting>),
    /// Make these resources of the API stack anew, by their names in its template.
    Api(Vec<&'static str>),
}

impl Repair {
    /// Returns what makes a resource of the API stack anew.
    pub(super) fn anew(resource: &'static str) -> Repair {
        Repair::Api(vec![resource])
    }

    /// Returns what is done, for people.
    fn doing(&self) -> String {
        match self {
            Repair::Start(instance) => format!("starting the instance {instance}"),
            Repair::Wear(instance, _) => format!("giving {instance} its security group back"),
            Repair::Daemons => "bringing the head node's daemons back to work".to_owned(),
            Repair::Node(_) => "putting back what has changed on the head node".to_owned(),
            Repair::Names(vpc) => format!("turning on the names of {vpc}"),
            Repair::Route { table, target, .. } => format!("routing {table} to {target}"),
            Repair::Associate(subnet, table) => format!("associating {subnet} with {table}"),
            Repair::NatGateway => "making the NAT gateway anew".to_owned(),
            Repair::Open(_) => "putting the security groups' rules back".to_owned(),
            Repair::Register(_, instance) => format!("registering {instance} as the target"),
            Repair::Bucket(bucket, _) => format!("setting {bucket} as it is to be"),
            Repair::Api(broken) => {
                format!(
                    "making the API stack what it should be: {}",
                    broken.join(", ")
                )
            }
        }
    }
}

/// Does it.
pub(super) async fn repair(context: &Context, repair: &Repair) -> Result<()> {
    context.events.doing(Step::Endpoint, repair.doing());
    let aws = &context.aws;
    match repair {
        Repair::Start(instance) => aws.instances.start(instance).await,
        Repair::Wear(instance, groups) => aws.instances.wear(instance, groups.clone()).await,
        Repair::Daemons => set_up(context, SetUp::Repair).await,
        Repair::Node(_) => set_up(context, SetUp::Restore).await,
        Repair::Names(vpc) => aws.network.turn_names_on(vpc).await,
        Repair::Route {
            table,
            target,
            replaces,
        } => aws.network.route_to(table, target, *replaces).await,
        Repair::Associate(subnet, table) => aws.network.associate(subnet, table).await,
        Repair::NatGateway => requirements::make_nat_anew(context).await,
        Repair::Open(doors) => open(context, doors).await,
        Repair::Register(group, instance) => {
            let balancing = &aws.load_balancing;
            balancing.register(group, instance, HEAD_NODE_PORT).await
        }
        Repair::Bucket(bucket, settings) => {
            bucket_settings::restore(context, bucket, settings).await
        }
        Repair::Api(broken) => api::restore(context, broken).await,
    }
}

/// Returns the command that opens a shell on an instance.
pub(super) fn session(context: &Context, instance: &str) -> AwsCall {
    let call = AwsCall::in_region(&context.aws.region, "ssm start-session");
    call.with(format!("--target {instance}"))
}

/// Runs the node script on the head node again.
async fn set_up(context: &Context, why: SetUp) -> Result<()> {
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    let head_node = head_node.ok_or_else(|| Error::failed("the head node is not known"))?;
    let requirements = context.requirements();
    let script = NodeScript {
        text: node_script::SCRIPT,
        bucket: &requirements
            .ok_or_else(|| Error::failed("the bucket is not known"))?
            .bucket,
    };
    let repaired = set_up_node(&context.aws.commands, &head_node, script, why).await;
    repaired.map_err(|error| {
        error
            .hint(Hint::run(session(context, &head_node)).because("look at them"))
            .hint(
                "in that shell: sudo journalctl --lines 50 --unit slurmctld --unit \
                 slurmrestd --unit hpcapi-proxy; sudo tail -n 50 /var/log/hpcapi-node.log",
            )
    })
}

async fn open(context: &Context, doors: &[Door]) -> Result<()> {
    // When the stack's template was edited, CloudFormation has to know of the rules again.
    requirements::run(context).await?;
    for door in doors {
        let network = &context.aws.network;
        if door.is_ingress {
            network.let_in(&door.group, &door.rule).await?;
        } else {
            network.let_out(&door.group, &door.rule).await?;
        }
    }
    Ok(())
}
