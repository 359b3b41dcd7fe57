//! Who asks, as IAM knows them.

use crate::context::Context;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// The account itself, which may do everything.
    Root,
    /// A user with its name.
    User(String),
    /// A session of a role with its name.
    Role(String),
    /// Somebody whose policies cannot be looked up by their ARN.
    Other,
}

/// How the roles begin that IAM Identity Center makes, one for each permission set; nobody else may
/// change them.
const OF_PERMISSION_SET: &str = "AWSReservedSSO_";

impl Caller {
    /// Returns who has an ARN.
    pub(super) fn of(arn: &str) -> Caller {
        let who = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let mut parts = who.split('/');
        let last = |who: &str| who.rsplit('/').next().unwrap_or_default().to_owned();
        match parts.next() {
            Some("root") => Caller::Root,
            Some("user") => Caller::User(last(who)),
            Some("role") => Caller::Role(last(who)),
            Some("assumed-role") => match parts.next() {
                Some(role) => Caller::Role(role.to_owned()),
                None => Caller::Other,
            },
            _ => Caller::Other,
        }
    }

    /// Looks up the ARN of the caller's permissions boundary; None where there is none, or it is not
    /// shown.
    pub(super) async fn boundary(&self, context: &Context) -> Option<String> {
        let permissions = &context.aws.permissions;
        let found = match self {
            Caller::User(name) => permissions.user(name).await,
            Caller::Role(name) => permissions.role(name).await,
            Caller::Root | Caller::Other => return None,
        };
        found.ok()??.boundary
    }

    /// Returns the permission set that the caller's role was made from, if it was.
    pub(super) fn permission_set(&self) -> Option<&str> {
        let Caller::Role(role) = self else {
            return None;
        };
        let named = role.strip_prefix(OF_PERMISSION_SET)?;
        Some(named.rsplit_once('_').map_or(named, |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_roles() {
        for (arn, caller) in [
            ("arn:aws:iam::123456789012:root", Caller::Root),
            (
                "arn:aws:iam::123456789012:user/team/ada",
                Caller::User("ada".to_owned()),
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/Admin/ada@example.org",
                Caller::Role("Admin".to_owned()),
            ),
            (
                "arn:aws:sts::123456789012:federated-user/ada",
                Caller::Other,
            ),
        ] {
            assert_eq!(Caller::of(arn), caller, "{arn}");
        }
    }

    #[test]
    fn a_role_of_identity_center_has_a_permission_set() {
        let role = |name: &str| Caller::Role(name.to_owned());
        let made = role("AWSReservedSSO_Power_User_0123456789abcdef");
        assert_eq!(made.permission_set(), Some("Power_User"));
        assert_eq!(role("operator").permission_set(), None);
    }
}
