//! What is broken, and how.

use aws_sdk_ec2 as ec2;
use serde_json::json;

use super::ground::Ground;

pub(super) const NAME: &str = "hpc-serverless-job-mgmt";

/// What makes networks.
const NETWORKS: [&str; 2] = ["ec2:CreateNatGateway", "ec2:CreateVpc"];

/// A break that is made for real.
#[derive(Debug, Clone, Copy)]
pub(super) enum Break {
    /// `--key-name` names no key pair.
    KeyPairMissing,
    /// There is a key pair of the deployment's name, by somebody else.
    KeyPairTaken,
    /// There is a stack whose name is the deployment's with this at its end, by somebody else.
    StackTaken(&'static str),
    /// There are as many VPCs as the quota allows.
    VpcsFull,
    /// There are as many elastic IPs as the quota allows.
    AddressesFull,
    /// There are as many VPC links as the quota allows.
    LinksFull,
    /// There is a log group of the name that the API's access log has.
    LogGroupTaken,
    /// There are as many resource policies of CloudWatch Logs as there can be.
    LogPoliciesFull,
    /// The nodes that run all the time have more vCPUs than the quota allows.
    TooManyVcpus,
    /// There is no Node.js.
    NoNode,
    /// Node.js is too old.
    OldNode,
    /// There is no Python, nor a `pcluster`.
    NoPython,
    /// Python is too old, and there is no `pcluster`.
    OldPython,
    /// The disk is nearly full, and there is no `pcluster`.
    DiskFull,
    /// `--pcluster` is none.
    NoPcluster,
    /// The validators of `pcluster` refuse the operating system.
    UnknownOs,
    /// There is no such instance type.
    UnknownInstanceType,
    /// The head node has too little memory for its nodes.
    HeadNodeTooSmall,
    /// The subnet is one of the user's own.
    OwnSubnet,
    /// Nothing of ours runs on the head node, and slurmrestd does not start by itself.
    OldPclusterWithOwnScript,
    /// The region is not enabled.
    RegionNotEnabled,
    /// There is no such region.
    RegionUnknown,
    /// The credentials are nobody's.
    WrongCredentials,
    /// There are none.
    NoCredentials,
    /// The role may do everything but make networks.
    MayNotMakeNetworks,
    /// The role may do everything, but a Deny forbids it to make networks.
    NetworksDenied,
    /// The role may do everything, but its permissions boundary does not let it make networks.
    NetworksOutOfBounds,
    /// The role may make no roles without a permissions boundary.
    RolesNeedBoundary,
    /// The role may do everything, but not ask what it may do.
    MayNotSimulate,
}

impl Break {
    /// Breaks it.
    pub(super) async fn make(self, ground: &mut Ground) {
        match self {
            Break::KeyPairMissing => option(ground, "--key-name", "nobodys"),
            Break::NoPcluster => option(ground, "--pcluster", "/bin/false"),
            Break::RegionNotEnabled => option(ground, "--region", "ap-east-1"),
            Break::RegionUnknown => option(ground, "--region", "us-middle-1"),
            Break::NoNode => {
                ground.hide(&["node", "nodejs"]);
            }
            Break::OldNode => ground.pretend("node", "echo v12.22.9", &[]),
            Break::NoPython => {
                ground.forget_environments();
                ground.hide(&["python", "uv", "pcluster"]);
            }
            Break::OldPython => {
                ground.forget_environments();
                ground.pretend(
                    "python3",
                    "echo Python 3.8.10",
                    &["python", "uv", "pcluster"],
                );
            }
            Break::DiskFull => {
                ground.forget_environments();
                let table = "printf 'Filesystem\\n/dev/x 1000000 987712 12288 99%% /\\n'";
                ground.pretend("df", table, &["pcluster"]);
            }
            Break::UnknownOs => ground.configure(&[("Os: alinux2023", "Os: alinux2")]),
            Break::UnknownInstanceType => {
                ground.configure(&[("t3.micro\n          #", "t3.nonexistent\n          #")])
            }
            Break::HeadNodeTooSmall => {
                ground.configure(&[("InstanceType: t3.small", "InstanceType: t3.nano")]);
            }
            Break::OwnSubnet => ground.configure(&[
                ("SubnetId: CHANGE_ME", "SubnetId: subnet-00000000000000009"),
                (
                    "SubnetIds:\n          - CHANGE_ME",
                    "SubnetIds:\n          - subnet-00000000000000009",
                ),
            ]),
            Break::TooManyVcpus => ground.configure(&[
                ("InstanceType: t3.micro", "InstanceType: c5n.18xlarge"),
                ("MinCount: 0", "MinCount: 1"),
                ("MaxCount: 10", "MaxCount: 1"),
            ]),
            Break::OldPclusterWithOwnScript => {
                ground.configure(&[(
                    "&head_node_script CHANGE_ME",
                    "&head_node_script s3://mine/own.sh",
                )]);
                option(ground, "--pcluster-version", "3.15.0");
                // No release but ours is installed here, and this one is told by its number.
                let answers = "case $1 in version) echo '{\"version\": \"3.15.0\"}';; \
                    *) echo '{\"message\": \"Request would have succeeded, but DryRun flag is set.\"}'; exit 1;; esac";
                ground.pretend("pcluster", answers, &[]);
            }
            Break::WrongCredentials => ground.come_as(Some(("AKIAIOSFODNN7EXAMPLE", "wrong", ""))),
            Break::NoCredentials => ground.come_as(None),
            _ => self.make_in_account(ground).await,
        }
    }

    async fn make_in_account(self, ground: &mut Ground) {
        let aws = ground.env().aws().await;
        let ec2 = ec2::Client::new(&aws);
        match self {
            Break::KeyPairTaken => {
                ec2.create_key_pair().key_name(NAME).send().await.unwrap();
            }
            Break::StackTaken(end) => {
                let stacks = aws_sdk_cloudformation::Client::new(&aws);
                stacks
                    .create_stack()
                    .stack_name(format!("{NAME}{end}"))
                    .template_body(r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#)
                    .send()
                    .await
                    .unwrap();
            }
            Break::VpcsFull => {
                for _ in ec2.describe_vpcs().send().await.unwrap().vpcs().len()..5 {
                    ec2.create_vpc()
                        .cidr_block("10.9.0.0/16")
                        .send()
                        .await
                        .unwrap();
                }
            }
            Break::AddressesFull => {
                for _ in 0..4 {
                    ec2.allocate_address().send().await.unwrap();
                }
            }
            Break::LinksFull => {
                let zones = "use1-az1";
                let vpcs = ec2.describe_vpcs().send().await.unwrap();
                let vpc = vpcs.vpcs()[0].vpc_id().unwrap();
                let subnet = ec2
                    .create_subnet()
                    .vpc_id(vpc)
                    .cidr_block("172.31.240.0/24")
                    .availability_zone_id(zones)
                    .send()
                    .await
                    .unwrap();
                let subnet = subnet.subnet().unwrap().subnet_id().unwrap();
                let gateway = aws_sdk_apigatewayv2::Client::new(&aws);
                for number in 0..10 {
                    gateway
                        .create_vpc_link()
                        .name(format!("link-{number}"))
                        .subnet_ids(subnet)
                        .send()
                        .await
                        .unwrap();
                }
            }
            Break::LogGroupTaken => {
                let logs = aws_sdk_cloudwatchlogs::Client::new(&aws);
                let name = format!("/aws/vendedlogs/apigateway/{NAME}-api");
                let made = logs.create_log_group().log_group_name(name);
                made.send().await.unwrap();
            }
            Break::LogPoliciesFull => {
                let logs = aws_sdk_cloudwatchlogs::Client::new(&aws);
                for number in 0..10 {
                    let put = logs.put_resource_policy();
                    let put = put.policy_name(format!("policy-{number}"));
                    put.policy_document("{}").send().await.unwrap();
                }
            }
            Break::MayNotMakeNetworks => {
                let policy = json!([{"Effect": "Allow", "Resource": "*", "NotAction": NETWORKS}]);
                ground.take_role(policy).await;
            }
            Break::NetworksDenied => {
                let policy = json!([
                    {"Effect": "Allow", "Resource": "*", "Action": "*"},
                    {"Effect": "Deny", "Resource": "*", "Action": NETWORKS},
                ]);
                ground.take_role(policy).await;
            }
            Break::NetworksOutOfBounds => {
                let bounds = json!([{"Effect": "Allow", "Resource": "*", "NotAction": NETWORKS}]);
                let boundary = ground.policy("OnlySome", bounds).await;
                let policy = json!([{"Effect": "Allow", "Resource": "*", "Action": "*"}]);
                ground.take_role_within(policy, Some(boundary)).await;
            }
            Break::RolesNeedBoundary => {
                let all = json!([{"Effect": "Allow", "Resource": "*", "Action": "*"}]);
                let boundary = ground.policy("OfNodes", all).await;
                let unless = json!({"StringNotEquals": {"iam:PermissionsBoundary": boundary}});
                let policy = json!([
                    {"Effect": "Allow", "Resource": "*", "Action": "*"},
                    {"Effect": "Deny", "Resource": "*", "Action": "iam:CreateRole", "Condition": unless},
                ]);
                ground.take_role(policy).await;
            }
            Break::MayNotSimulate => {
                let policy = json!([
                    {"Effect": "Allow", "Resource": "*", "Action": "*"},
                    {"Effect": "Deny", "Resource": "*", "Action": "iam:Simulate*"},
                ]);
                ground.take_role(policy).await;
            }
            other => unreachable!("{other:?}"),
        }
    }
}

fn option(ground: &mut Ground, name: &str, value: &str) {
    ground.options.extend([name.to_owned(), value.to_owned()]);
}
