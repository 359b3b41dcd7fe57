//! The permissions boundary that every role gets that is made: what an account may ask of new roles.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The ARN of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundaryArn(String);

impl BoundaryArn {
    /// Returns the ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BoundaryArn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let is_it = match parts.as_slice() {
            ["arn", partition, "iam", "", account, policy] => {
                let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
                partition.starts_with("aws")
                    && partition
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c == '-')
                    && (is_account || *account == "aws")
                    && policy.strip_prefix("policy/").is_some_and(is_name)
            }
            _ => false,
        };
        match is_it {
            true => Ok(BoundaryArn(text.to_owned())),
            false => Err(
                Error::usage(format!("`{text}` is not the ARN of a policy of IAM"))
                    .hint("for example: arn:aws:iam::123456789012:policy/boundary"),
            ),
        }
    }
}

/// Returns whether this is the name of a policy, with its path.
fn is_name(text: &str) -> bool {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    !text.is_empty() && text.len() <= 640 && text.chars().all(is_taken) && !text.ends_with('/')
}

impl fmt::Display for BoundaryArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_a_managed_policy() {
        for good in [
            "arn:aws:iam::123456789012:policy/boundary",
            "arn:aws-us-gov:iam::123456789012:policy/team/a+b=c,d.e@f_g-h",
            "arn:aws-cn:iam::aws:policy/PowerUserAccess",
        ] {
            assert_eq!(good.parse::<BoundaryArn>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "boundary",
            "arn:aws:iam::123456789012:role/a",
            "arn:aws:iam::12345678901:policy/a",
            "arn:aws:iam::123456789012:policy/",
            "arn:aws:iam::123456789012:policy/a b",
            "arn:aws:iam:us-east-1:123456789012:policy/a",
            "arn:evil:iam::123456789012:policy/a",
        ] {
            assert!(bad.parse::<BoundaryArn>().is_err(), "{bad}");
        }
    }
}
