//! The service role of an account: CloudFormation makes the resources of hpcapi's stacks as this role,
//! instead of with the rights of whoever runs hpcapi.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The ARN of a role of IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRole(String);

impl ServiceRole {
    /// Returns the ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the account that the role is in.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// Returns the partition of that account, e.g. `aws`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// Returns its name, without the path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns a part of the ARN.
    fn part(&self, at: usize) -> &str {
        self.0.split(':').nth(at).unwrap_or_default()
    }
}

impl FromStr for ServiceRole {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let is_it = match parts.as_slice() {
            ["arn", partition, "iam", "", account, role] => {
                partition.starts_with("aws")
                    && partition
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c == '-')
                    && account.len() == 12
                    && account.chars().all(|c| c.is_ascii_digit())
                    && role.strip_prefix("role/").is_some_and(is_name)
            }
            _ => false,
        };
        match is_it {
            true => Ok(ServiceRole(text.to_owned())),
            false => Err(
                Error::usage(format!("`{text}` is not the ARN of a role of IAM"))
                    .hint("for example: arn:aws:iam::123456789012:role/cloudformation"),
            ),
        }
    }
}

/// Returns whether this is the name of a role, with its path.
fn is_name(text: &str) -> bool {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    let is_sound = text.split('/').all(|part| !part.is_empty());
    let name = text.rsplit('/').next().unwrap_or_default();
    is_sound && text.len() <= 512 + 64 && name.len() <= 64 && text.chars().all(is_taken)
}

impl fmt::Display for ServiceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_role_is_a_role() {
        let role: ServiceRole = "arn:aws-us-gov:iam::123456789012:role/team/a+b=c,d.e@f_g-h"
            .parse()
            .unwrap();
        assert_eq!(role.name(), "a+b=c,d.e@f_g-h");
        assert_eq!(role.account(), "123456789012");
        assert_eq!(role.partition(), "aws-us-gov");
        for bad in [
            "",
            "cloudformation",
            "arn:aws:iam::123456789012:policy/a",
            "arn:aws:iam::aws:role/a",
            "arn:aws:iam::12345678901:role/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role//a",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:sts::123456789012:assumed-role/a/b",
            "arn:aws:iam:us-east-1:123456789012:role/a",
            "arn:evil:iam::123456789012:role/a",
        ] {
            assert!(bad.parse::<ServiceRole>().is_err(), "{bad}");
        }
    }
}
