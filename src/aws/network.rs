//! EC2 networking: what still hangs in a VPC, and what a security group lets in.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::DateTimeFormat;
use aws_sdk_ec2::types::{
    Filter, IpPermission, NetworkInterface, NetworkInterfaceAttachment, UserIdGroupPair,
};

use crate::error::Result;

use super::error::{is_code, service};

/// A rule by which a security group lets members of another group in, or its own out to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// The first port.
    pub from_port: i32,
    /// The last port.
    pub to_port: i32,
    /// The other security group.
    pub group: String,
}

/// A network interface, and who holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// What it is for, in the words of who made it.
    pub description: String,
    /// Whether it is a NAT gateway's, and goes with that.
    pub is_of_nat: bool,
    /// The instance that it is attached to.
    pub instance: Option<String>,
    /// The service or account that asked for it, when that is not the account itself.
    pub requester: Option<String>,
    /// Whether a service of AWS made it for something else, and removes it with that.
    pub is_managed: bool,
    /// Whether it is removed with the instance that it is attached to.
    pub goes_with_instance: bool,
    /// The attachment, if it can be ended: that of an instance's first interface cannot.
    pub attachment: Option<String>,
    /// Since when it is attached, as RFC 3339.
    pub since: Option<String>,
}

impl Interface {
    pub(super) fn from_sdk(interface: &NetworkInterface) -> Interface {
        let attachment = interface.attachment();
        let is_first = |attachment: &&NetworkInterfaceAttachment| {
            attachment.device_index() == Some(0) && attachment.instance_id().is_some()
        };
        Interface {
            id: interface
                .network_interface_id()
                .unwrap_or_default()
                .to_owned(),
            description: interface.description().unwrap_or_default().to_owned(),
            // EC2's model has one name, and its answers have the other.
            is_of_nat: interface
                .interface_type()
                .is_some_and(|kind| ["natGateway", "nat_gateway"].contains(&kind.as_str())),
            instance: attachment.and_then(|one| one.instance_id().map(ToOwned::to_owned)),
            requester: interface.requester_id().map(ToOwned::to_owned),
            is_managed: interface.requester_managed().unwrap_or_default(),
            goes_with_instance: attachment
                .and_then(|one| one.delete_on_termination())
                .unwrap_or_default(),
            attachment: attachment
                .filter(|one| !is_first(one))
                .and_then(|one| one.attachment_id().map(ToOwned::to_owned)),
            since: attachment
                .and_then(|one| one.attach_time())
                .and_then(|time| time.fmt(DateTimeFormat::DateTime).ok()),
        }
    }
}

/// What a service of AWS made a network interface for, as its description says: the interface goes
/// with that, and not before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeFor {
    /// A VPC endpoint, by its id.
    Endpoint(String),
    /// A mount target of an EFS file system: `fsmt-…` and `fs-…`.
    MountTarget(String, String),
    /// An FSx file system, by its id.
    FileSystem(String),
}

impl Interface {
    /// Returns what the interface was made for, if that is known.
    pub fn made_for(&self) -> Option<MadeFor> {
        if !self.is_managed {
            return None;
        }
        let mut ids = self.description.split([' ', '(', ')']);
        let mut starting = |prefix: &str| {
            ids.find(|word| word.starts_with(prefix))
                .map(ToOwned::to_owned)
        };
        if self.description.starts_with("VPC Endpoint Interface ") {
            return starting("vpce-").map(MadeFor::Endpoint);
        }
        let file_system = starting("fs-")?;
        if self.description.starts_with("EFS mount target for ") {
            return starting("fsmt-").map(|target| MadeFor::MountTarget(target, file_system));
        }
        Some(MadeFor::FileSystem(file_system))
    }
}

/// The TCP rules of a security group that name other groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRules {
    /// Who may come in.
    pub ingress: Vec<GroupRule>,
    /// Who may be reached.
    pub egress: Vec<GroupRule>,
}

/// The EC2 calls about network interfaces and security groups.
#[derive(Debug, Clone)]
pub struct Network(pub(super) Client);

impl Network {
    pub(super) fn new(client: Client) -> Self {
        Network(client)
    }

    /// Returns the network interfaces in the VPC.
    pub async fn interfaces_of_vpc(&self, vpc: &str) -> Result<Vec<Interface>> {
        self.interfaces("vpc-id", vpc).await
    }

    /// Returns the network interfaces that wear a security group.
    pub async fn interfaces_of_group(&self, group: &str) -> Result<Vec<Interface>> {
        self.interfaces("group-id", group).await
    }

    async fn interfaces(&self, filter: &str, value: &str) -> Result<Vec<Interface>> {
        let mut pages = self
            .0
            .describe_network_interfaces()
            .filters(Filter::builder().name(filter).values(value).build())
            .into_paginator()
            .send();
        let mut interfaces = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| service("cannot look for network interfaces", error))?;
            interfaces.extend(page.network_interfaces().iter().map(Interface::from_sdk));
        }
        Ok(interfaces)
    }

    /// Adds a rule by which a security group lets another in; one that is there stays.
    pub async fn let_in(&self, group: &str, rule: &GroupRule) -> Result<()> {
        let asked = self.0.authorize_security_group_ingress().group_id(group);
        match asked.ip_permissions(permission(rule)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["InvalidPermission.Duplicate"]) => Ok(()),
            Err(error) => Err(service(
                format!("cannot add a rule to the security group `{group}`"),
                error,
            )),
        }
    }

    /// Adds a rule by which a security group is let out to another; one that is there stays.
    pub async fn let_out(&self, group: &str, rule: &GroupRule) -> Result<()> {
        let asked = self.0.authorize_security_group_egress().group_id(group);
        match asked.ip_permissions(permission(rule)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["InvalidPermission.Duplicate"]) => Ok(()),
            Err(error) => Err(service(
                format!("cannot add a rule to the security group `{group}`"),
                error,
            )),
        }
    }

    /// Returns the rules of the security group `id`; `None` when there is no such group.
    pub async fn rules(&self, id: &str) -> Result<Option<GroupRules>> {
        let answer = match self.0.describe_security_groups().group_ids(id).send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &["InvalidGroup.NotFound"]) => return Ok(None),
            Err(error) => {
                return Err(service(
                    format!("cannot look at the security group `{id}`"),
                    error,
                ));
            }
        };
        Ok(answer.security_groups().first().map(|group| GroupRules {
            ingress: rules(group.ip_permissions()),
            egress: rules(group.ip_permissions_egress()),
        }))
    }
}

fn permission(rule: &GroupRule) -> IpPermission {
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(rule.from_port)
        .to_port(rule.to_port)
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(&rule.group).build())
        .build()
}

fn rules(permissions: &[IpPermission]) -> Vec<GroupRule> {
    permissions
        .iter()
        .filter(|rule| matches!(rule.ip_protocol(), Some("tcp" | "6" | "-1")))
        .flat_map(|rule| {
            rule.user_id_group_pairs().iter().filter_map(|pair| {
                Some(GroupRule {
                    from_port: rule.from_port().unwrap_or(0),
                    to_port: rule.to_port().unwrap_or(65535),
                    group: pair.group_id()?.to_owned(),
                })
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_what_an_interface_was_made_for() {
        let made_for = |description: &str| {
            let interface = Interface {
                description: description.to_owned(),
                is_managed: true,
                ..Interface::default()
            };
            interface.made_for()
        };
        let id = |id: &str| id.to_owned();
        assert_eq!(
            made_for("VPC Endpoint Interface vpce-0a1"),
            Some(MadeFor::Endpoint(id("vpce-0a1")))
        );
        assert_eq!(
            made_for("EFS mount target for fs-0a1 (fsmt-0b2)"),
            Some(MadeFor::MountTarget(id("fsmt-0b2"), id("fs-0a1")))
        );
        assert_eq!(
            made_for("AWS created network interface for fs-0a1"),
            Some(MadeFor::FileSystem(id("fs-0a1")))
        );
        assert_eq!(made_for("ELB app/mine/0a1"), None);
        let of_somebody = Interface {
            description: id("VPC Endpoint Interface vpce-0a1"),
            ..Interface::default()
        };
        assert_eq!(of_somebody.made_for(), None);
    }
}
