//! The arguments that say what the account asks of everything that is made in it.

use clap::Args;

use crate::boundary::BoundaryArn;
use crate::error::Result;
use crate::iam_prefix::IamPrefix;
use crate::service_role::ServiceRole;
use crate::tags::{Tag, Tags};

use super::cluster_args::ClusterArgs;

/// What the account asks of everything that is made in it.
#[derive(Debug, Clone, Args)]
pub(super) struct AccountArgs {
    /// Give everything that is made this tag; typed once for each, they are all the tags of your own
    /// that it has [default: as it is]
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<Tag>,

    /// Give every role that is made this permissions boundary [default: as it is]
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<BoundaryArn>,

    /// Make every role and instance profile below this path, as /team/; what is behind its last slash
    /// begins their names [default: as it is]
    #[arg(long, value_name = "PREFIX")]
    iam_prefix: Option<IamPrefix>,

    /// Have CloudFormation make, change and delete the resources of hpcapi's own stacks as this role
    /// [default: as it is]
    #[arg(long, value_name = "ARN")]
    service_role: Option<ServiceRole>,
}

impl AccountArgs {
    /// Writes down what they say where the rest of the deployment is told; fails on what cannot be
    /// together.
    pub(super) fn tell(&self, cluster: &mut ClusterArgs) -> Result<()> {
        let tags = Tags::of(self.tags.clone())?;
        cluster.tags = (!self.tags.is_empty()).then_some(tags);
        cluster
            .permissions_boundary
            .clone_from(&self.permissions_boundary);
        cluster.iam_prefix.clone_from(&self.iam_prefix);
        cluster.service_role.clone_from(&self.service_role);
        Ok(())
    }
}
