//! `hpcapi iam-policy`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::aws::is_region;
use crate::error::{Error, Result};
use crate::hint::Again;
use crate::iam_policy::{self, RolePlaces, Scope, Use};
use crate::iam_prefix::IamPrefix;
use crate::output;
use crate::service_role::ServiceRole;
use crate::settings::DeploymentName;

use super::{called, settings_file};

/// Print the smallest IAM policy for a use
///
/// It is JSON; `up` and `teardown` need those of `stacks` and `pcluster`, too.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// What it shall allow
    #[arg(value_enum, value_name = "USE", default_value_t = Wanted::All)]
    wanted: Wanted,

    /// Name of the deployment
    #[arg(
        id = "deployment",
        long,
        value_name = "NAME",
        env = "HPCAPI_DEPLOYMENT",
        hide_env_values = true,
        default_value = DeploymentName::DEFAULT
    )]
    name: String,

    /// The file that names the deployment, see `hpcapi init` [default: hpcapi.yaml in the current folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "HPCAPI_SETTINGS",
        hide_env_values = true
    )]
    settings: Option<PathBuf>,

    /// Allow it in this AWS region alone
    #[arg(long, default_value = "*")]
    region: String,

    /// Allow it in this account alone
    #[arg(long, default_value = "*")]
    account: String,

    /// Allow roles at the places of `up --iam-prefix` alone
    #[arg(long, value_name = "PREFIX")]
    iam_prefix: Option<IamPrefix>,

    /// Let the stacks be made as the role of `up --service-role` alone
    #[arg(long, value_name = "ARN")]
    service_role: Option<ServiceRole>,
}

/// What a policy shall allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// `up`, `status`, `doctor` and `config`.
    Up,
    /// `token`.
    Token,
    /// `jobs`, `partitions`, `nodes`, `ping` and `api`.
    Jobs,
    /// `run` and `runs`, with all that `jobs` needs.
    Run,
    /// `teardown`.
    Teardown,
    /// What CloudFormation does with your rights for `up` and `teardown`.
    Stacks,
    /// What `pcluster` needs for `up` and `teardown`.
    Pcluster,
    /// What CloudFormation does with your rights for `up --operations` and `trigger add`.
    OperationsStack,
    /// What CloudFormation does with your rights for `up --notify`.
    NotificationsStack,
    /// What CloudFormation does with your rights for `up --ttl`, `up --idle` and `extend`.
    LimitsStack,
    /// What the role of `up --service-role` needs.
    ServiceRole,
    /// What it needs for operations, triggers, notifications and time limits, too.
    ServiceRoleParts,
    /// `--via operations` for who may look, submit jobs, and cancel their own.
    Operations,
    /// `--via operations` for who may look.
    OperationsList,
    /// `up`, `token`, `jobs`, `run` and `teardown` in one.
    All,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let name: DeploymentName = args.name.parse()?;
    if args.region != "*" && !is_region(&args.region) {
        return Err(
            Error::usage(format!("`{}` is not an AWS region", args.region))
                .hint("for example: --region us-east-1"),
        );
    }
    let is_account = args.account.len() == 12 && args.account.chars().all(|c| c.is_ascii_digit());
    if args.account != "*" && !is_account {
        return Err(
            Error::usage(format!("`{}` is not an AWS account", args.account))
                .hint("for example: --account 123456789012"),
        );
    }
    let prefix = args.iam_prefix.as_ref();
    let scope = Scope {
        roles: RolePlaces::of(&name, prefix.map(IamPrefix::as_str), prefix),
        name,
        partition: partition(&args.region).to_owned(),
        account: args.account.clone(),
        region: args.region.clone(),
        service_role: args.service_role.clone(),
    };
    let wanted = match args.wanted {
        Wanted::Up => Use::Up,
        Wanted::Token => Use::Token,
        Wanted::Jobs => Use::Jobs,
        Wanted::Run => Use::Run,
        Wanted::Teardown => Use::Teardown,
        Wanted::Stacks => Use::Stacks,
        Wanted::Pcluster => Use::Pcluster,
        Wanted::OperationsStack => Use::OperationsStack,
        Wanted::NotificationsStack => Use::NotificationsStack,
        Wanted::LimitsStack => Use::LimitsStack,
        Wanted::ServiceRole => Use::ServiceRole,
        Wanted::ServiceRoleParts => Use::ServiceRoleParts,
        Wanted::Operations => Use::Operations,
        Wanted::OperationsList => Use::OperationsList,
        Wanted::All => Use::All,
    };
    let document = iam_policy::document(wanted, &scope);
    output::raw(&format!("{document:#}\n"))?;
    if wanted.needs_more() {
        // A settings file may name another where none is named.
        let is_default = args.name == DeploymentName::DEFAULT && args.settings.is_none();
        let again = Again {
            deployment: (!is_default).then(|| args.name.clone()),
            settings: args.settings.as_deref().and_then(settings_file::named),
            ..called::unknown()
        };
        let prefix = prefix.map(|prefix| format!(" --iam-prefix {prefix}"));
        let prefix = prefix.unwrap_or_default();
        let role = args.service_role.as_ref();
        let role = role.map(|role| format!(" --service-role {role}"));
        let role = role.unwrap_or_default();
        let [stacks, pcluster] = [("stacks", role), ("pcluster", prefix)]
            .map(|(word, option)| again.command(&format!("iam-policy {word}{option}")));
        output::tell(&format!(
            "one policy cannot hold it all: attach those of `{stacks}` and `{pcluster}`, too\n"
        ));
    }
    Ok(())
}

/// Returns the partition that a region belongs to.
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}
