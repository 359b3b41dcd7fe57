//! The doors between VPC link, load balancer and head node: rules of two security groups.

use crate::aws::GroupRule;
use crate::context::{Context, Requirements};
use crate::error::Result;

/// The port of the load balancer's listener.
pub(super) const LISTENER_PORT: i32 = 80;

/// The port of the proxy on the head node.
pub(in crate::deploy) const HEAD_NODE_PORT: i32 = 6830;

/// A rule that a security group has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct Door {
    /// The group.
    pub(in crate::deploy) group: String,
    /// Whether the rule lets the other group in, or this one out.
    pub(in crate::deploy) is_ingress: bool,
    /// The port, and the other group.
    pub(in crate::deploy) rule: GroupRule,
}

impl Door {
    /// Returns what is wrong when the door is closed.
    pub(super) fn closed(&self) -> String {
        let way = if self.is_ingress { "in from" } else { "out to" };
        format!(
            "the security group `{}` has no rule that lets port {} {way} `{}`",
            self.group, self.rule.from_port, self.rule.group
        )
    }
}

/// What a look at the doors found.
pub(super) enum Doors {
    /// A security group is gone.
    NoGroup(String),
    /// These are closed.
    Closed(Vec<Door>),
}

/// Looks at every door.
pub(super) async fn look(context: &Context, requirements: &Requirements) -> Result<Doors> {
    let api = &requirements.api_security_group;
    let head_node = &requirements.head_node_security_group;
    let network = &context.aws.network;
    let Some(at_api) = network.rules(api).await? else {
        return Ok(Doors::NoGroup(api.clone()));
    };
    let Some(at_head_node) = network.rules(head_node).await? else {
        return Ok(Doors::NoGroup(head_node.clone()));
    };
    let door = |group: &str, is_ingress, other: &str, port| Door {
        group: group.to_owned(),
        is_ingress,
        rule: GroupRule {
            from_port: port,
            to_port: port,
            group: other.to_owned(),
        },
    };
    let doors = [
        (&at_api.egress, door(api, false, api, LISTENER_PORT)),
        (&at_api.ingress, door(api, true, api, LISTENER_PORT)),
        (&at_api.egress, door(api, false, head_node, HEAD_NODE_PORT)),
        (
            &at_head_node.ingress,
            door(head_node, true, api, HEAD_NODE_PORT),
        ),
    ];
    let closed = doors
        .into_iter()
        .filter(|(rules, door)| !is_open(rules, &door.rule));
    Ok(Doors::Closed(closed.map(|(_, door)| door).collect()))
}

fn is_open(rules: &[GroupRule], wanted: &GroupRule) -> bool {
    rules.iter().any(|rule| {
        rule.group == wanted.group && (rule.from_port..=rule.to_port).contains(&wanted.from_port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_open_for_its_port_and_its_group() {
        let rule = |from_port, to_port, group: &str| GroupRule {
            from_port,
            to_port,
            group: group.to_owned(),
        };
        let rules = [rule(80, 90, "sg-1")];
        assert!(is_open(&rules, &rule(80, 80, "sg-1")));
        assert!(!is_open(&rules, &rule(91, 91, "sg-1")));
        assert!(!is_open(&rules, &rule(80, 80, "sg-2")));
    }
}
