//! AWS's managed policies that let a node do what hpcapi needs (IAM's list of them, "AWS managed
//! policy reference"), and what cannot be told of others.

/// What a node needs a policy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To be reached over SSM.
    Ssm,
    /// To read a bucket.
    ReadBucket,
}

/// Policies of AWS by their names, and which needs they fill.
const MANAGED: &[(&str, &[Need])] = &[
    ("AmazonSSMManagedInstanceCore", &[Need::Ssm]),
    ("AmazonSSMManagedEC2InstanceDefaultPolicy", &[Need::Ssm]),
    ("AmazonSSMFullAccess", &[Need::Ssm]),
    ("AmazonEC2RoleforSSM", &[Need::Ssm, Need::ReadBucket]),
    ("AmazonS3ReadOnlyAccess", &[Need::ReadBucket]),
    ("AmazonS3FullAccess", &[Need::ReadBucket]),
    ("ReadOnlyAccess", &[Need::ReadBucket]),
    ("AdministratorAccess", &[Need::Ssm, Need::ReadBucket]),
    ("PowerUserAccess", &[Need::Ssm, Need::ReadBucket]),
];

/// Whether policies fill a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Yes,
    No,
    /// There are policies among them that are not AWS's own.
    Perhaps,
}

/// Returns whether policies, given by their ARNs, fill a need.
pub(super) fn fill<'p>(policies: impl Iterator<Item = &'p str>, need: Need) -> Filled {
    let mut filled = Filled::No;
    for arn in policies {
        match managed(arn) {
            Some(name) if fills(name, need) => return Filled::Yes,
            Some(_) => {}
            None => filled = Filled::Perhaps,
        }
    }
    filled
}

fn fills(name: &str, need: Need) -> bool {
    let known = MANAGED.iter().find(|(known, _)| *known == name);
    known.is_some_and(|(_, needs)| needs.contains(&need))
}

/// Returns the name of a policy that is AWS's own.
fn managed(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let is_aws = parts.nth(4) == Some("aws");
    parts.next().filter(|_| is_aws)?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_aws_are_known_by_name_and_others_may_do_anything() {
        let aws = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
        for (policies, need, expected) in [
            (vec![], Need::Ssm, Filled::No),
            (
                vec![aws("AmazonSSMManagedInstanceCore")],
                Need::Ssm,
                Filled::Yes,
            ),
            (
                vec![aws("AmazonSSMManagedInstanceCore")],
                Need::ReadBucket,
                Filled::No,
            ),
            (
                vec![aws("service-role/AmazonEC2RoleforSSM")],
                Need::Ssm,
                Filled::Yes,
            ),
            (
                vec!["arn:aws-cn:iam::aws:policy/AdministratorAccess".to_owned()],
                Need::ReadBucket,
                Filled::Yes,
            ),
            (
                vec!["arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore".to_owned()],
                Need::Ssm,
                Filled::Perhaps,
            ),
        ] {
            let arns = policies.iter().map(String::as_str);
            assert_eq!(fill(arns, need), expected, "{policies:?}");
        }
    }
}
