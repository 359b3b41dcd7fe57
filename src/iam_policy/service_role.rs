//! Who needs what where CloudFormation makes the resources of our templates as a service role: the role all
//! that `resources` and its like declare, and whoever runs hpcapi the right to pass it.

use super::Statement;
use super::Use::{self, LimitsStack, NotificationsStack, OperationsStack, Stacks};

/// What is made through CloudFormation.
const OF_STACKS: &[Use] = &[Stacks, OperationsStack, NotificationsStack, LimitsStack];

/// The sid of the statement that lets the role be passed, which nobody needs without one.
const PASS: &str = "PassServiceRole";

/// Which of the uses a policy of the role is for: one that held all of it would be longer than IAM takes.
const PARTS: &[Use] = &[OperationsStack, NotificationsStack, LimitsStack];

pub(super) fn statements() -> Vec<Statement> {
    vec![
        Statement {
            sid: PASS,
            uses: OF_STACKS,
            actions: vec!["iam:PassRole"],
            resources: &["{service_role}"],
            condition: Some((
                "StringEquals",
                "iam:PassedToService",
                &["cloudformation.amazonaws.com"],
            )),
        },
        // The code of a function, which others read by the policy of `up`.
        Statement {
            sid: "ReadCodeOfFunctions",
            uses: &[Use::ServiceRoleParts],
            actions: vec!["s3:GetObject"],
            resources: &["arn:{partition}:s3:::{bucket}*/hpcapi/*"],
            condition: None,
        },
    ]
}

impl Statement {
    /// Returns whether it is what CloudFormation needs to make, look at and delete resources of our
    /// templates, whoever's rights it is done with.
    pub(super) fn is_of_resources(&self) -> bool {
        let is_through = matches!(
            self.condition,
            Some((_, "aws:CalledVia" | "iam:AWSServiceName", _))
        );
        is_through && self.uses.iter().any(|used| OF_STACKS.contains(used))
    }

    /// Returns whether a policy of the service role for this use has it.
    pub(super) fn serves_role(&self, wanted: Use) -> bool {
        let is_of = |uses: &[Use]| self.uses.iter().any(|used| uses.contains(used));
        match wanted {
            Use::ServiceRole => self.is_of_resources() && is_of(&[Stacks]),
            Use::ServiceRoleParts => {
                self.is_of_resources() && is_of(PARTS) || is_of(&[Use::ServiceRoleParts])
            }
            _ => false,
        }
    }

    /// Returns whether whoever runs hpcapi needs it, with a service role or without one.
    pub(super) fn is_of_caller(&self, has_role: bool) -> bool {
        match has_role {
            true => !self.is_of_resources(),
            false => self.sid != PASS,
        }
    }

    /// Returns it as it is for a role: what is done as a service role is called via nobody. Source: the
    /// reference of `aws:CalledVia`, which is of calls with a caller's own credentials.
    pub(super) fn for_role(self) -> Statement {
        let condition = self.condition.filter(|(_, key, _)| *key != "aws:CalledVia");
        Statement { condition, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RolePlaces, Scope, document};
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/cloudformation";

    fn scope(role: Option<&str>) -> Scope {
        let name = "mine".parse().unwrap();
        Scope {
            roles: RolePlaces::of(&name, None, None),
            name,
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            service_role: role.map(|role| role.parse().unwrap()),
        }
    }

    #[test]
    fn who_passes_a_role_makes_nothing() {
        for wanted in OF_STACKS {
            let text = document(*wanted, &scope(Some(ROLE))).to_string();
            assert!(text.contains(&format!("\"{ROLE}\"")), "{wanted:?}: {text}");
            for action in [
                "ec2:Create",
                "s3:CreateBucket",
                "iam:Create",
                "lambda:",
                "logs:",
            ] {
                assert!(!text.contains(action), "{wanted:?}: {action}");
            }
            let text = document(*wanted, &scope(None)).to_string();
            assert!(!text.contains("PassServiceRole"), "{wanted:?}");
        }
        let text = document(OperationsStack, &scope(Some(ROLE))).to_string();
        assert!(text.contains("cloudformation:CreateChangeSet"), "{text}");
        assert!(text.contains("s3:PutBucketNotification"), "{text}");
    }

    #[test]
    fn the_role_needs_no_stacks_and_is_called_via_nobody() {
        let own = document(Use::ServiceRole, &scope(None)).to_string();
        let parts = document(Use::ServiceRoleParts, &scope(None)).to_string();
        for action in [
            "ec2:CreateVpc",
            "s3:CreateBucket",
            "iam:CreateServiceLinkedRole",
        ] {
            assert!(own.contains(action), "{action}");
        }
        for action in [
            "lambda:CreateFunction",
            "scheduler:CreateSchedule",
            "s3:GetObject",
            "iam:PassRole",
        ] {
            assert!(parts.contains(action), "{action}");
        }
        for text in [own, parts] {
            assert!(!text.contains("CalledVia"), "{text}");
            assert!(!text.contains("cloudformation:"), "{text}");
        }
    }
}
