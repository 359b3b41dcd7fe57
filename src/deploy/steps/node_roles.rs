//! The roles of the cluster's nodes as the requirements stack knows them: the bucket's policy denies them
//! to write where scripts lie. A role that was once named stays, since nodes that have it may live on.

use std::collections::BTreeSet;

use crate::aws::Stack;
use crate::context::Context;
use crate::pcluster::judgement::{self, NodeRoles};

/// The parameter of the roles of all nodes.
pub(super) const ALL: &str = "OwnNodeRoles";

/// The parameter of those of the head node.
pub(super) const HEAD: &str = "OwnHeadNodeRoles";

/// Returns the roles that a stack names, as patterns of ARNs.
pub(super) fn named_by(stack: &Stack) -> NodeRoles {
    let list = |key: &str| {
        let value = stack.parameters.get(key).map_or("", String::as_str);
        let named = value.split(',').filter(|pattern| !pattern.is_empty());
        named.map(ToOwned::to_owned).collect()
    };
    NodeRoles {
        all: list(ALL),
        head: list(HEAD),
    }
}

/// Returns the roles that the stack is to name: those that it names, and those of the configuration that the
/// cluster gets.
pub(super) fn wanted(context: &Context) -> NodeRoles {
    let identity = &context.identity;
    let start = format!(
        "arn:{}:iam::{}:role/",
        identity.partition(),
        identity.account
    );
    let cluster = context.cluster_name();
    let there = context.facts().node_roles.clone();
    let prefix = context.resource_prefix();
    let theirs = judgement::node_roles(&context.config, &cluster, prefix.as_deref());
    let both = |mut there: BTreeSet<String>, theirs: BTreeSet<String>| {
        there.extend(theirs.iter().map(|role| format!("{start}{role}")));
        there
    };
    NodeRoles {
        all: both(there.all, theirs.all),
        head: both(there.head, theirs.head),
    }
}

/// Returns roles as parameters of the template, in which they continue a list.
pub(super) fn parameters(roles: &NodeRoles) -> [(&'static str, String); 2] {
    let list = |roles: &BTreeSet<String>| roles.iter().map(|role| format!(",{role}")).collect();
    [(ALL, list(&roles.all)), (HEAD, list(&roles.head))]
}

#[cfg(test)]
mod tests {
    use super::super::requirements::TEMPLATE;
    use super::super::stack::template::Declared;
    use super::*;

    #[test]
    fn what_a_stack_was_given_is_read_again() {
        let set = |roles: &[&str]| roles.iter().map(ToString::to_string).collect();
        let roles = NodeRoles {
            all: set(&["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"]),
            head: set(&[]),
        };
        let mut stack = Declared::of(TEMPLATE).stack();
        assert_eq!(named_by(&stack), NodeRoles::default());
        let given = parameters(&roles).map(|(key, value)| (key.to_owned(), value));
        stack.parameters.extend(given);
        assert_eq!(
            stack.parameters[ALL],
            ",arn:aws:iam::1:role/a,arn:aws:iam::1:role/b"
        );
        assert_eq!(named_by(&stack), roles);
    }
}
