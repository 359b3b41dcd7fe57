//! EC2 instances, and the volumes that may outlive them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, InstanceAttributeName, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;

use super::error::{is_code, service};

/// So long an instance may take from its start until its agent and its daemons answer.
const BOOT: Duration = Duration::from_secs(300);

/// The tag with the name of the ParallelCluster cluster that a thing belongs to.
pub const TAG_CLUSTER: &str = "parallelcluster:cluster-name";

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its instance state, e.g. `running`.
    pub state: String,
    /// The VPC it is in.
    pub vpc: Option<String>,
    /// The ARN of its instance profile.
    pub profile: Option<String>,
    /// The ids of its security groups.
    pub security_groups: Vec<String>,
    /// When it was started last.
    pub launched: Option<SystemTime>,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
}

impl Instance {
    fn from_sdk(instance: &aws_sdk_ec2::types::Instance) -> Instance {
        let state = instance.state().and_then(|state| state.name());
        let groups = instance.security_groups().iter();
        Instance {
            id: instance.instance_id().unwrap_or_default().to_owned(),
            state: state.map_or_else(String::new, |name| name.as_str().to_owned()),
            vpc: instance.vpc_id().map(ToOwned::to_owned),
            profile: instance
                .iam_instance_profile()
                .and_then(|profile| profile.arn().map(ToOwned::to_owned)),
            security_groups: groups
                .filter_map(|group| group.group_id().map(ToOwned::to_owned))
                .collect(),
            launched: instance
                .launch_time()
                .and_then(|time| SystemTime::try_from(*time).ok()),
            tags: tags(instance.tags()).into_iter().collect(),
        }
    }

    /// Returns whether the instance is gone for good, or is going.
    pub fn is_terminated(&self) -> bool {
        matches!(self.state.as_str(), "shutting-down" | "terminated")
    }

    /// Returns whether the instance runs.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Returns whether the instance was started so short a time ago that it may still boot.
    pub fn may_boot(&self) -> bool {
        let age = self.launched.and_then(|start| start.elapsed().ok());
        age.is_some_and(|age| age < BOOT)
    }
}

/// The EC2 calls about instances and volumes.
#[derive(Debug, Clone)]
pub struct Instances(Client);

impl Instances {
    pub(super) fn new(client: Client) -> Self {
        Instances(client)
    }

    /// Returns the instances that carry every one of `tags`, with any of its values, and are not
    /// terminated (nor terminating).
    pub async fn with_tags(&self, tags: &[(&str, &[&str])]) -> Result<Vec<Instance>> {
        let mut filters: Vec<_> = tags
            .iter()
            .map(|(key, values)| tag_filter(key, values))
            .collect();
        filters.push(
            Filter::builder()
                .name("instance-state-name")
                .set_values(Some(
                    ["pending", "running", "stopping", "stopped"]
                        .map(String::from)
                        .to_vec(),
                ))
                .build(),
        );
        let mut pages = self
            .0
            .describe_instances()
            .set_filters(Some(filters))
            .into_paginator()
            .send();
        let mut instances = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot look for instances", error))?;
            let found = page
                .reservations()
                .iter()
                .flat_map(|group| group.instances());
            instances.extend(found.map(Instance::from_sdk));
        }
        Ok(instances)
    }

    /// Returns the instance with this id, terminated ones too as long as EC2 remembers them (about
    /// an hour).
    pub async fn describe(&self, id: &str) -> Result<Option<Instance>> {
        match self.0.describe_instances().instance_ids(id).send().await {
            Ok(answer) => {
                let groups = answer.reservations().iter();
                let mut instances = groups.flat_map(|group| group.instances());
                Ok(instances.next().map(Instance::from_sdk))
            }
            Err(error) if is_code(&error, &["InvalidInstanceID.NotFound"]) => Ok(None),
            Err(error) => Err(service(
                format!("cannot look at the instance `{id}`"),
                error,
            )),
        }
    }

    /// Returns what an instance wrote to its console, as much as EC2 keeps (64 KB); a terminated
    /// one is remembered for about an hour.
    pub async fn console(&self, id: &str) -> Result<String> {
        let failed = |error| service(format!("cannot read the console of `{id}`"), error);
        let asked = self.0.get_console_output().instance_id(id);
        let answer = match asked.clone().latest(true).send().await {
            Ok(answer) => answer,
            // Older types only have what stood there some time after the boot.
            Err(error) if is_code(&error, &["UnsupportedOperation"]) => {
                asked.send().await.map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let bytes = STANDARD.decode(answer.output().unwrap_or_default());
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }

    /// Returns whether an instance is protected from termination.
    pub async fn is_protected(&self, id: &str) -> Result<bool> {
        let asked = self.0.describe_instance_attribute().instance_id(id);
        let asked = asked.attribute(InstanceAttributeName::DisableApiTermination);
        let answer = asked.send().await;
        let answer = answer
            .map_err(|error| service(format!("cannot look at the instance `{id}`"), error))?;
        let value = answer.disable_api_termination;
        Ok(value.and_then(|it| it.value).unwrap_or_default())
    }

    /// Starts a stopped instance, without waiting for it.
    pub async fn start(&self, id: &str) -> Result<()> {
        self.0
            .start_instances()
            .instance_ids(id)
            .send()
            .await
            .map_err(|error| service(format!("cannot start the instance `{id}`"), error))?;
        Ok(())
    }

    /// Stops a running instance, without waiting for it. Its volumes and its private address stay.
    pub async fn stop(&self, id: &str) -> Result<()> {
        self.0
            .stop_instances()
            .instance_ids(id)
            .send()
            .await
            .map_err(|error| service(format!("cannot stop the instance `{id}`"), error))?;
        Ok(())
    }

    /// Gives an instance these security groups and no others.
    pub async fn wear(&self, id: &str, security_groups: Vec<String>) -> Result<()> {
        self.0
            .modify_instance_attribute()
            .instance_id(id)
            .set_groups(Some(security_groups))
            .send()
            .await
            .map_err(|error| service(format!("cannot change the instance `{id}`"), error))?;
        Ok(())
    }
}

fn tag_filter(key: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(ToString::to_string).collect();
    Filter::builder()
        .name(format!("tag:{key}"))
        .set_values(Some(values))
        .build()
}

pub(super) fn tags(tags: &[Tag]) -> Vec<(String, String)> {
    tags.iter()
        .filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}
