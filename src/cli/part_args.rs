//! The arguments that say which parts the deployment has that it need not have.

use clap::{Args, ValueEnum};

use crate::limits::SpanChoice;
use crate::notifications::Notify;
use crate::settings::Toggle;

use super::cluster_args::ClusterArgs;
use super::deployment::bucket_name;

/// Which parts the deployment has that it need not have.
#[derive(Debug, Clone, Args)]
pub(super) struct PartArgs {
    /// Use a bucket again that `teardown --keep-bucket` left, with the jobs remembered in it
    #[arg(long, value_name = "NAME", value_parser = bucket_name)]
    bucket: Option<String>,

    /// Make the operations path, too: Slurm for callers with IAM rights, without a token; off takes
    /// it away [default: as it is]
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on",
        hide_possible_values = true
    )]
    operations: Option<Switch>,

    /// Tell this e-mail address or URL (https) when a job ends that was submitted with --notify;
    /// off tells nobody any more [default: as it is]
    #[arg(long, value_name = "ADDRESS|off")]
    notify: Option<Notify>,

    /// Let the deployment work so long from now on, as in 8h, 90m or 2days; then AWS puts it to rest,
    /// as `pause` does; off takes the limit away [default: as it is]
    #[arg(long, value_name = "TIME|off")]
    ttl: Option<SpanChoice>,

    /// Let AWS put the deployment to rest, as `pause` does, when no job has run or waited in it for so
    /// long, as in 2h, 30m or 1day; off takes the limit away [default: as it is]
    #[arg(long, value_name = "TIME|off")]
    idle: Option<SpanChoice>,
}

/// Whether a part of the deployment is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl PartArgs {
    /// Writes down what they say where the rest of the deployment is told.
    pub(super) fn tell(&self, cluster: &mut ClusterArgs) {
        cluster.kept_bucket.clone_from(&self.bucket);
        cluster.notify = self.notify.clone().unwrap_or_default();
        cluster.ttl = self.ttl.unwrap_or_default();
        cluster.idle = self.idle.unwrap_or_default();
        if let Some(switch) = self.operations {
            cluster.operations = match switch {
                Switch::On => Toggle::On,
                Switch::Off => Toggle::Off,
            };
            // They work by operations: what makes them possible goes, too.
            if switch == Switch::Off {
                cluster.triggers = Toggle::Off;
            }
        }
    }
}
