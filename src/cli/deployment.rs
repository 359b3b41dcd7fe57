//! The arguments that say which deployment is meant, and how they become a context.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::aws::{self, Aws, CallListener, Connection, Identity, is_not_set_up};
use crate::context::Context;
use crate::error::{Context as _, Error, Kind, Result};
use crate::event::{Call, Event, Events};
use crate::hint::Again;
use crate::sandbox::Sandbox;
use crate::settings::{DeploymentName, Endpoint, Ground, PclusterChoice, Settings};
use crate::shell::quoted;

use super::cluster_args::ClusterArgs;
use super::{configuration, remembered, settings_file};

/// Which deployment is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct DeploymentArgs {
    /// Name of the deployment; stacks and cluster are named after it
    #[arg(
        id = "deployment",
        long,
        value_name = "NAME",
        env = "HPCAPI_DEPLOYMENT",
        hide_env_values = true,
        default_value = DeploymentName::DEFAULT
    )]
    pub(super) name: String,

    /// AWS region [default: from the AWS configuration]
    #[arg(long)]
    pub(super) region: Option<String>,

    /// Profile of the AWS configuration
    #[arg(long)]
    pub(super) profile: Option<String>,

    /// The file that says all this for a deployment, see `hpcapi init` [default: hpcapi.yaml beside
    /// --config, else in the current folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "HPCAPI_SETTINGS",
        hide_env_values = true
    )]
    pub(super) settings: Option<PathBuf>,

    /// Use a sandbox on this machine instead of AWS: no account needed, nothing costs
    #[arg(long, env = "HPCAPI_SANDBOX", value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) sandbox: bool,

    /// Tell more: each resource; twice, each stack event and each call of AWS, too
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// How far it is to the account.
#[derive(Debug)]
pub(super) enum Reached {
    /// It is ours.
    Account(Arc<Context>),
    /// AWS does not tell who we are.
    Nobody(Error),
}

/// What to do about a sandbox that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SandboxUse {
    /// Install and start it.
    Start,
    /// Fail: there is nothing in it.
    Expect,
}

impl DeploymentArgs {
    /// Returns a context for the deployment.
    pub(super) async fn context(
        &self,
        cluster: &ClusterArgs,
        sandbox: SandboxUse,
        events: &Events,
    ) -> Result<Arc<Context>> {
        match self.reach(cluster, sandbox, events).await? {
            Reached::Account(context) => Ok(context),
            Reached::Nobody(error) => Err(error),
        }
    }

    /// Returns a context for the deployment, or why AWS does not let us in; fails when the
    /// arguments or the files they name are bad.
    pub(super) async fn reach(
        &self,
        cluster: &ClusterArgs,
        sandbox: SandboxUse,
        events: &Events,
    ) -> Result<Reached> {
        let name: DeploymentName = self.name.parse()?;
        let config = configuration::read(cluster)?;
        let (network, new_network) = cluster.network.choices()?;
        let vpc_endpoints = cluster.network.endpoints();
        let cache = cache_folder()?;
        let ground = self.ground(cluster, sandbox, events).await?;
        let connected = Aws::connect(&connection(&ground, events)).await;
        let aws = connected.map_err(|error| self.offering_sandbox(error))?;
        let identity = match self.identity(&aws).await {
            Ok(identity) => identity,
            Err(error) => return Ok(Reached::Nobody(error)),
        };
        events.note(format!(
            "account {} ({}), region {}{}",
            identity.account,
            identity.arn,
            aws.region,
            if self.sandbox { ", sandbox" } else { "" }
        ));
        let settings = Settings {
            name,
            operations: cluster.operations,
            triggers: cluster.triggers,
            notify: cluster.notify.clone(),
            limit: cluster.ttl.now(),
            idle: cluster.idle,
            tags: cluster.tags.clone(),
            permissions_boundary: cluster.permissions_boundary.clone(),
            iam_prefix: cluster.iam_prefix.clone(),
            service_role: cluster.service_role.clone(),
            ground,
            has_config: cluster.config.is_some(),
            key_name: cluster.key_name.clone(),
            kept_bucket: cluster.kept_bucket.clone(),
            network,
            vpc_endpoints,
            new_network,
            bucket_fate: cluster.bucket_fate,
            pcluster: PclusterChoice {
                path: cluster.pcluster.clone(),
                version: cluster.pcluster_version.clone(),
            },
            home: home()?,
            again: self.again(cluster),
        };
        let memory = remembered::of_deployment(self, None);
        let context = Context::new(
            settings,
            aws,
            identity,
            events.clone(),
            config,
            cache,
            memory,
        );
        Ok(Reached::Account(Arc::new(context)))
    }

    /// Returns AWS as the deployment is in it, without asking it anything.
    pub(super) async fn connect(&self, events: &Events) -> Result<Aws> {
        let cluster = ClusterArgs::default();
        let ground = self.ground(&cluster, SandboxUse::Expect, events).await?;
        let connected = Aws::connect(&connection(&ground, events)).await;
        connected.map_err(|error| self.offering_sandbox(error))
    }

    /// Returns who asks AWS.
    pub(super) async fn identity(&self, aws: &Aws) -> Result<Identity> {
        let identity = aws.identity().await;
        identity.map_err(|error| self.offering_sandbox(error))
    }

    /// Returns the error of a machine where AWS was not set up, with the sandbox that runs there.
    fn offering_sandbox(&self, error: Error) -> Error {
        let runs = || open_sandbox().is_ok_and(|sandbox| sandbox.running().is_some());
        match !self.sandbox && is_not_set_up(&error) && runs() {
            true => error.hint_first(
                "a sandbox runs on this machine: add --sandbox, or: export HPCAPI_SANDBOX=1",
            ),
            false => error,
        }
    }

    /// Returns whether the deployment is in the sandbox.
    pub(super) fn is_in_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Returns everything that decides which account and region the deployment is in, without
    /// asking AWS.
    pub(super) fn place(&self) -> Vec<String> {
        let variables: &[&str] = if self.sandbox {
            &["HPCAPI_SANDBOX_ACCOUNT"]
        } else {
            &[
                "AWS_PROFILE",
                "AWS_REGION",
                "AWS_DEFAULT_REGION",
                "AWS_ACCESS_KEY_ID",
                "AWS_CONFIG_FILE",
                "AWS_SHARED_CREDENTIALS_FILE",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_ROLE_ARN",
                "AWS_ENDPOINT_URL",
            ]
        };
        let mut place: Vec<String> = variables
            .iter()
            .map(|name| std::env::var(name).unwrap_or_default())
            .collect();
        place
            .extend([&self.region, &self.profile].map(|option| option.clone().unwrap_or_default()));
        if self.sandbox {
            let running = open_sandbox().ok().and_then(|sandbox| sandbox.running());
            place.extend(running.map(|running| format!("{} {}", running.endpoint, running.pid)));
        }
        place
    }

    async fn ground(
        &self,
        cluster: &ClusterArgs,
        sandbox: SandboxUse,
        events: &Events,
    ) -> Result<Ground> {
        if !self.sandbox {
            return Ok(Ground::Aws {
                region: self.region.clone(),
                profile: self.profile.clone(),
            });
        }
        if self.profile.is_some() {
            return Err(Error::usage("--profile and --sandbox exclude each other")
                .hint("a sandbox has an account of its own: leave out --profile"));
        }
        let there = open_sandbox()?;
        let running = match (there.running(), sandbox) {
            (Some(running), _) => running,
            (None, SandboxUse::Start) => there.start(events).await?,
            (None, SandboxUse::Expect) => {
                return Err(
                    Error::new(Kind::NotReady, "the sandbox does not run").hint(format!(
                        "start it, and a cluster in it: {}",
                        self.again(cluster).command("up")
                    )),
                );
            }
        };
        Ok(Ground::Endpoint(running.endpoint(
            self.region.as_deref(),
            sandbox_account()?.as_deref(),
        )))
    }

    /// Returns the variables that say the same, as far as something was said.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let name = Some(&self.name).filter(|_| !self.goes_without_saying());
        let sandbox = self.sandbox.then(|| "1".to_owned());
        [
            ("HPCAPI_DEPLOYMENT", name.cloned()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_PROFILE", self.profile.clone()),
            ("HPCAPI_SANDBOX", sandbox),
        ]
        .into_iter()
        .filter_map(|(variable, value)| Some((variable, value?)))
        .collect()
    }

    /// Returns how to type a command for the same deployment.
    pub(super) fn command(&self, verb: &str) -> String {
        self.again(&ClusterArgs::default()).command(verb)
    }

    /// Returns whether the deployment is meant where none is named: a settings file may name another.
    fn goes_without_saying(&self) -> bool {
        self.name == DeploymentName::DEFAULT && self.settings.is_none()
    }

    /// Returns how to call this program again for the same deployment.
    pub(super) fn again(&self, cluster: &ClusterArgs) -> Again {
        Again {
            deployment: (!self.goes_without_saying()).then(|| self.name.clone()),
            settings: self.settings.as_deref().and_then(settings_file::named),
            profile: self.profile.clone(),
            sandbox_option: if self.sandbox { " --sandbox" } else { "" },
            region: self.region.clone(),
            cluster_options: cluster.options(),
            up_options: cluster.up_options(),
            ..Again::of(program())
        }
    }
}

/// Reads the name of a bucket, by the rules of S3.
pub(super) fn bucket_name(text: &str) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    match (3..=63).contains(&text.len()) && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(Error::usage(format!("`{text}` is no name of a bucket"))
            .hint("`teardown --keep-bucket` prints the name of the bucket that it leaves")),
    }
}

/// Returns the sandbox of this user.
pub(super) fn open_sandbox() -> Result<Sandbox> {
    let folder = match std::env::var_os("HPCAPI_SANDBOX_DIR") {
        Some(folder) if !folder.is_empty() => {
            std::path::absolute(folder).doing(|| "HPCAPI_SANDBOX_DIR is not a folder".to_owned())?
        }
        _ => cache_folder()?.join("sandbox"),
    };
    Ok(Sandbox::new(folder))
}

/// Returns the account that the user wants to be in the sandbox.
pub(super) fn sandbox_account() -> Result<Option<String>> {
    const VARIABLE: &str = "HPCAPI_SANDBOX_ACCOUNT";
    let account = std::env::var(VARIABLE).unwrap_or_default();
    if account.is_empty() {
        return Ok(None);
    }
    if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
        return Err(
            Error::usage(format!("`{account}` is not an AWS account (`{VARIABLE}`)"))
                .hint(format!("for example: export {VARIABLE}=123456789012")),
        );
    }
    Ok(Some(account))
}

/// Returns how this program can be typed: by its name if the shell finds it there, else by
/// its path.
pub(super) fn program() -> String {
    let Ok(own) = std::env::current_exe() else {
        return "hpcapi".to_owned();
    };
    let found = crate::process::on_path("hpcapi").and_then(|path| path.canonicalize().ok());
    if found.is_some() && found == own.canonicalize().ok() {
        return "hpcapi".to_owned();
    }
    quoted(&own.display().to_string())
}

/// Returns where the calls go, and that `events` are told of each.
fn connection(ground: &Ground, events: &Events) -> Connection {
    let events = events.weak();
    let listener = CallListener::new(move |call: aws::Call| {
        events.send(Event::Called(Call {
            operation: call.operation,
            status: call.status,
            took: call.took,
        }));
    });
    match ground.clone() {
        Ground::Aws { region, profile } => Connection {
            region,
            profile,
            listener,
            ..Connection::default()
        },
        Ground::Endpoint(Endpoint {
            url,
            region,
            access_key_id,
            secret_access_key,
        }) => Connection {
            region: Some(region),
            profile: None,
            endpoint_url: Some(url),
            access_key: Some((access_key_id, secret_access_key)),
            listener,
        },
    }
}

/// Returns the user's home folder.
pub(super) fn home() -> Result<PathBuf> {
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or_else(|| Error::usage("there is no home folder").hint("export HOME=/some/folder"))
}

/// Returns the folder of this user's caches of hpcapi.
pub(super) fn cache_folder() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => home()?.join(".cache"),
    };
    Ok(cache.join("hpcapi"))
}
