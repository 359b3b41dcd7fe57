//! Each break with what has to be said of it, and what mends it.

use super::breaks::{Break, NAME};
use super::ground::Ground;

/// What mends a break.
#[derive(Clone, Copy)]
pub(super) enum Mend {
    /// So many of the next commands, typed as they are.
    Typed(usize),
    /// What one of them says in other words, done.
    Done(&'static str, fn(&mut Ground)),
}

/// A break, the subject and words with which it has to be told, the exit code of `up`, and what
/// mends it.
pub(super) struct Case {
    pub(super) broken: Break,
    pub(super) subject: &'static str,
    pub(super) words: &'static str,
    pub(super) code: i32,
    pub(super) mend: Mend,
}

const fn case(
    broken: Break,
    subject: &'static str,
    words: &'static str,
    code: i32,
    mend: Mend,
) -> Case {
    Case {
        broken,
        subject,
        words,
        code,
        mend,
    }
}

fn without_options(ground: &mut Ground) {
    ground.options.clear();
}

fn with_everything(ground: &mut Ground) {
    ground.variables.clear();
}

fn with_other_name(ground: &mut Ground) {
    ground.options = vec!["--deployment".to_owned(), "my-cluster".to_owned()];
}

fn with_that_key(ground: &mut Ground) {
    ground.options = vec!["--key-name".to_owned(), NAME.to_owned()];
}

fn with_the_boundary(ground: &mut Ground) {
    let account = ground.env().account().to_owned();
    let boundary = format!("Iam:\n  PermissionsBoundary: arn:aws:iam::{account}:policy/OfNodes");
    ground.configure(&[("Scheduling:\n", &format!("{boundary}\nScheduling:\n"))]);
}

fn with_a_policy_less(ground: &mut Ground) {
    let delete = "aws logs delete-resource-policy --region us-east-1 --policy-name policy-3";
    let typed = ground.shell(delete);
    assert!(typed.status.success(), "{typed:?}");
}

pub(super) const NAMES: &[Case] = &[
    case(
        Break::KeyPairMissing,
        "key pair",
        "there is no key pair `nobodys` in us-east-1",
        2,
        Mend::Done("leave out --key-name", without_options),
    ),
    case(
        Break::KeyPairTaken,
        "key pair",
        "there is a key pair `hpc-serverless-job-mgmt` that hpcapi did not make",
        2,
        Mend::Done("--key-name hpc-serverless-job-mgmt", with_that_key),
    ),
    case(
        Break::StackTaken("-requirements"),
        "names",
        "the stack `hpc-serverless-job-mgmt-requirements` was not made by hpcapi",
        2,
        Mend::Done("--deployment my-cluster", with_other_name),
    ),
    case(
        Break::StackTaken(""),
        "names",
        "there is a stack or cluster `hpc-serverless-job-mgmt` that hpcapi did not make",
        2,
        Mend::Done("--deployment my-cluster", with_other_name),
    ),
    case(
        Break::StackTaken("-api"),
        "names",
        "the stack `hpc-serverless-job-mgmt-api` was not made by hpcapi",
        2,
        Mend::Done("--deployment my-cluster", with_other_name),
    ),
];

pub(super) const ROOM: &[Case] = &[
    case(
        Break::VpcsFull,
        "quotas",
        "VPCs: 5 in use, 1 more wanted, 5 allowed",
        2,
        Mend::Typed(1),
    ),
    case(
        Break::AddressesFull,
        "quotas",
        "elastic IPs: 4 in use, 2 more wanted, 5 allowed",
        2,
        Mend::Typed(1),
    ),
    case(
        Break::LinksFull,
        "quotas",
        "VPC links: 10 in use, 1 more wanted, 10 allowed",
        2,
        Mend::Typed(1),
    ),
    case(
        Break::LogGroupTaken,
        "access log",
        "there is a log group `/aws/vendedlogs/apigateway/hpc-serverless-job-mgmt-api`",
        2,
        Mend::Typed(1),
    ),
    case(
        Break::LogPoliciesFull,
        "access log",
        "the account has 10 resource policies of CloudWatch Logs in this region",
        2,
        Mend::Done("--policy-name NAME", with_a_policy_less),
    ),
    case(
        Break::TooManyVcpus,
        "quotas",
        "vCPUs of Standard instances: 0 in use, 74 more wanted at once",
        2,
        Mend::Typed(1),
    ),
];

pub(super) const MACHINE: &[Case] = &[
    case(
        Break::NoNode,
        "Node.js",
        "Node.js is not installed",
        2,
        Mend::Done("apt-get install nodejs", with_everything),
    ),
    case(
        Break::OldNode,
        "Node.js",
        "pcluster needs Node.js 14.17 or newer, and this is v12.22.9",
        2,
        Mend::Done("apt-get install nodejs", with_everything),
    ),
    case(
        Break::NoPython,
        "Python",
        "Python is not installed",
        2,
        Mend::Done("apt-get install python3", with_everything),
    ),
    case(
        Break::OldPython,
        "Python",
        "pcluster needs Python 3.9 or newer, and this is Python 3.8.10",
        2,
        Mend::Done("apt-get install python3", with_everything),
    ),
    case(
        Break::DiskFull,
        "disk",
        "there are 12 MB free",
        2,
        Mend::Done("export XDG_CACHE_HOME=", with_everything),
    ),
    case(
        Break::NoPcluster,
        "pcluster",
        "`/bin/false` is not a working pcluster",
        2,
        Mend::Done("leave out --pcluster", without_options),
    ),
];

pub(super) const CONFIGURATION: &[Case] = &[
    case(
        Break::UnknownOs,
        "configuration",
        "pcluster refuses the configuration",
        2,
        Mend::Done("change these lines", without_options),
    ),
    case(
        Break::UnknownInstanceType,
        "zones",
        "no zone offers `t3.nonexistent`",
        2,
        Mend::Done("choose other instance types", without_options),
    ),
    case(
        Break::HeadNodeTooSmall,
        "head node memory",
        "t3.nano has 0.5 GiB",
        2,
        Mend::Done("choose a larger HeadNode.InstanceType", without_options),
    ),
    case(
        Break::OwnSubnet,
        "network",
        "the configuration names subnets of its own",
        2,
        Mend::Done(
            "write CHANGE_ME at HeadNode.Networking.SubnetId",
            without_options,
        ),
    ),
    case(
        Break::OldPclusterWithOwnScript,
        "node script",
        "slurmrestd does not start on alinux2023 before ParallelCluster 3.16.0",
        2,
        Mend::Done("leave out --pcluster-version", without_options),
    ),
];

pub(super) const ACCOUNT: &[Case] = &[
    case(
        Break::RegionNotEnabled,
        "account",
        "the region ap-east-1 is not enabled in this account",
        2,
        Mend::Typed(1),
    ),
    case(
        Break::RegionUnknown,
        "account",
        "there is no AWS region `us-middle-1`",
        2,
        Mend::Done("--region us-east-1", without_options),
    ),
    case(
        Break::WrongCredentials,
        "account",
        "cannot tell which AWS account this is",
        1,
        Mend::Done("aws sts get-caller-identity", with_everything),
    ),
    case(
        Break::NoCredentials,
        "account",
        "cannot tell which AWS account this is",
        1,
        Mend::Done("aws configure", with_everything),
    ),
    case(
        Break::MayNotMakeNetworks,
        "permissions",
        "may not do 2 of the actions of `iam-policy stacks`: ec2:CreateNatGateway, ec2:CreateVpc",
        2,
        Mend::Typed(2),
    ),
    case(
        Break::NetworksDenied,
        "permissions",
        "is denied 2 of the actions of `iam-policy stacks`: ec2:CreateNatGateway, ec2:CreateVpc",
        2,
        Mend::Done("whoever manages that policy", with_everything),
    ),
    case(
        Break::NetworksOutOfBounds,
        "permissions",
        ":policy/OnlySome` does not let ",
        2,
        Mend::Done("whoever manages the boundary", with_everything),
    ),
    case(
        Break::RolesNeedBoundary,
        "permissions",
        "is denied 1 of the actions of `iam-policy pcluster`: iam:CreateRole",
        2,
        Mend::Done("--permissions-boundary ARN", with_the_boundary),
    ),
];
