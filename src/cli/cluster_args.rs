//! The arguments that say how the cluster is to be.

use std::path::PathBuf;

use clap::Args;

use crate::boundary::BoundaryArn;
use crate::iam_prefix::IamPrefix;
use crate::limits::SpanChoice;
use crate::notifications::Notify;
use crate::service_role::ServiceRole;
use crate::settings::{BucketFate, PclusterChoice, Toggle};
use crate::shell::quoted;
use crate::tags::Tags;

use super::network_args::NetworkArgs;

/// How the cluster is to be.
#[derive(Debug, Clone, Args)]
pub(super) struct ClusterArgs {
    /// ParallelCluster configuration; every CHANGE_ME in it is filled; `-` is standard input, and one
    /// from a pipe is kept in ~/.parallelcluster [default: that of the cluster, else a small one of t3 instances]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// EC2 key pair of yours for the head node [default: hpcapi makes one]
    #[arg(long, value_name = "NAME", value_parser = key_name)]
    pub(super) key_name: Option<String>,

    /// The pcluster to run [default: the one on PATH if it fits, else hpcapi installs one]
    #[arg(long, value_name = "PATH")]
    pub(super) pcluster: Option<PathBuf>,

    /// Version of ParallelCluster
    #[arg(long, value_name = "VERSION", default_value = PclusterChoice::VERSION, value_parser = version)]
    pub(super) pcluster_version: String,

    /// `--operations` of the command that takes it.
    #[arg(skip)]
    pub(super) operations: Toggle,

    /// Of `trigger add`, which makes them possible.
    #[arg(skip)]
    pub(super) triggers: Toggle,

    /// `--notify` of the command that takes it.
    #[arg(skip)]
    pub(super) notify: Notify,

    /// `--ttl` of the command that takes it.
    #[arg(skip)]
    pub(super) ttl: SpanChoice,

    /// `--idle` of the command that takes it.
    #[arg(skip)]
    pub(super) idle: SpanChoice,

    /// `--tag` of the commands that take it.
    #[arg(skip)]
    pub(super) tags: Option<Tags>,

    /// `--permissions-boundary` of the commands that take it.
    #[arg(skip)]
    pub(super) permissions_boundary: Option<BoundaryArn>,

    /// `--iam-prefix` of the commands that take it.
    #[arg(skip)]
    pub(super) iam_prefix: Option<IamPrefix>,

    /// `--service-role` of the commands that take it.
    #[arg(skip)]
    pub(super) service_role: Option<ServiceRole>,

    /// `--bucket` of the commands that take it.
    #[arg(skip)]
    pub(super) kept_bucket: Option<String>,

    /// `--vpc` and its subnets, of the commands that take them.
    #[arg(skip)]
    pub(super) network: NetworkArgs,

    /// `--keep-bucket` of the command that takes it.
    #[arg(skip)]
    pub(super) bucket_fate: BucketFate,
}

impl Default for ClusterArgs {
    fn default() -> Self {
        ClusterArgs {
            config: None,
            key_name: None,
            pcluster: None,
            pcluster_version: PclusterChoice::VERSION.to_owned(),
            operations: Toggle::default(),
            triggers: Toggle::default(),
            notify: Notify::default(),
            ttl: SpanChoice::default(),
            idle: SpanChoice::default(),
            tags: None,
            permissions_boundary: None,
            iam_prefix: None,
            service_role: None,
            kept_bucket: None,
            network: NetworkArgs::default(),
            bucket_fate: BucketFate::default(),
        }
    }
}

impl ClusterArgs {
    /// Returns the options as they can be typed again.
    pub(super) fn options(&self) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        let is_default = self.pcluster_version == PclusterChoice::VERSION;
        typed(&[
            ("config", self.config.as_ref().map(path)),
            ("key-name", self.key_name.clone()),
            ("pcluster", self.pcluster.as_ref().map(path)),
            (
                "pcluster-version",
                (!is_default).then(|| self.pcluster_version.clone()),
            ),
        ])
    }

    /// Returns the options of `up` and `plan` alone as they can be typed again.
    pub(super) fn up_options(&self) -> String {
        let mut options = typed(&[
            ("bucket", self.kept_bucket.clone()),
            ("notify", self.notify.typed()),
            ("ttl", self.ttl.typed()),
            ("idle", self.idle.typed()),
        ]);
        options.push_str(match self.operations {
            Toggle::AsItIs => "",
            Toggle::On => " --operations",
            Toggle::Off => " --operations=off",
        });
        options.push_str(&self.network.options());
        for tag in self.tags.iter().flat_map(Tags::iter) {
            options.push_str(&tag.option());
        }
        let boundary = self.permissions_boundary.as_ref();
        let boundary = boundary.map(ToString::to_string);
        let prefix = self.iam_prefix.as_ref().map(ToString::to_string);
        let service_role = self.service_role.as_ref().map(ToString::to_string);
        options.push_str(&typed(&[
            ("permissions-boundary", boundary),
            ("iam-prefix", prefix),
            ("service-role", service_role),
        ]));
        options
    }
}

/// Returns the options that have a value, with it.
fn typed(options: &[(&str, Option<String>)]) -> String {
    let given = options.iter().filter_map(|(option, value)| {
        let value = value.as_ref()?;
        Some(format!(" --{option} {}", quoted(value)))
    });
    given.collect()
}

/// Reads the name of a key pair as EC2 takes it.
pub(super) fn key_name(text: &str) -> std::result::Result<String, String> {
    let is_printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if text.trim().is_empty() || text.len() > 255 || !is_printable {
        return Err("a key pair has a name of 1 to 255 ASCII characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads the version of a release of ParallelCluster.
pub(super) fn version(text: &str) -> std::result::Result<String, String> {
    let is_number =
        |part: &str| (1..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    if text.split('.').count() != 3 || !text.split('.').all(is_number) {
        return Err(format!(
            "a version is three numbers, as in {}",
            PclusterChoice::VERSION
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_up_alone_takes_is_apart_from_what_every_look_takes() {
        let cluster = ClusterArgs {
            config: Some("my file.yaml".into()),
            pcluster_version: "3.15.0".to_owned(),
            operations: Toggle::On,
            kept_bucket: Some("b-1".to_owned()),
            ..ClusterArgs::default()
        };
        assert_eq!(
            cluster.options(),
            " --config 'my file.yaml' --pcluster-version 3.15.0"
        );
        assert_eq!(cluster.up_options(), " --bucket b-1 --operations");
    }
}
