//! What the section `Iam` of a configuration says of all roles of the cluster, and how it gets what is
//! not there.

use serde_yaml::{Mapping, Value};

use crate::error::{Error, Result};

use super::ClusterConfig;
use super::additions::written;
use super::document_path::DocumentPath;
use super::insertion::Node;

const IAM: &str = "Iam";

/// Something that the section `Iam` says of all roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfRoles {
    /// The ARN of their permissions boundary.
    Boundary,
    /// Their path, and how their names begin.
    Prefix,
}

impl OfRoles {
    fn key(self) -> &'static str {
        match self {
            OfRoles::Boundary => "PermissionsBoundary",
            OfRoles::Prefix => "ResourcePrefix",
        }
    }

    fn option(self) -> &'static str {
        match self {
            OfRoles::Boundary => "--permissions-boundary",
            OfRoles::Prefix => "--iam-prefix",
        }
    }
}

impl ClusterConfig {
    /// Returns the permissions boundary that the configuration gives the cluster's roles.
    pub fn permissions_boundary(&self) -> Option<&str> {
        self.of_roles(OfRoles::Boundary)
    }

    /// Returns the path, and the beginning of names, that the configuration gives the cluster's roles.
    pub fn resource_prefix(&self) -> Option<&str> {
        self.of_roles(OfRoles::Prefix)
    }

    fn of_roles(&self, what: OfRoles) -> Option<&str> {
        self.document().get(IAM)?.get(what.key())?.as_str()
    }

    /// Returns what does not stand there yet; fails where there is another one.
    pub(super) fn missing_of_roles<'w>(
        &self,
        wanted: impl Iterator<Item = (OfRoles, &'w str)>,
    ) -> Result<Vec<(OfRoles, &'w str)>> {
        let mut missing = Vec::new();
        for (what, value) in wanted {
            match self.of_roles(what) {
                None => missing.push((what, value)),
                Some(there) if there == value => {}
                Some(there) => {
                    return Err(Error::usage(format!(
                        "{}: {IAM}.{} is `{there}` there, and `{value}` by `{}` or the settings file",
                        self.place_of(what),
                        what.key(),
                        what.option()
                    ))
                    .hint("leave one of them"));
                }
            }
        }
        Ok(missing)
    }

    fn place_of(&self, what: OfRoles) -> String {
        let path = DocumentPath::default().below(&[IAM, what.key()]);
        self.place(self.line_of(&path))
    }

    /// Returns the text with something of all roles that does not stand there yet.
    pub(super) fn with_of_roles(&self, what: OfRoles, wanted: &str) -> Result<String> {
        let key = what.key();
        let value = written(wanted);
        let insertion = Node::root(self.text()).and_then(|root| match root.value_of(IAM) {
            Some(iam) => iam.before_keys(self.text(), key, &value),
            None => root.before_keys(self.text(), IAM, &format!("{{{key}: {value}}}")),
        });
        let text = insertion.map(|insertion| insertion.into(self.text()));
        let expected = with(self.document(), key, wanted);
        self.confirmed(text, expected.as_ref()).ok_or_else(|| {
            let place = self.place_of(what);
            let told = format!("{place}: hpcapi cannot add to `{IAM}` as it is written");
            Error::usage(told).hint(format!("write it there yourself: {key}: {value}"))
        })
    }
}

/// Returns the document with a key of the section.
fn with(document: &Value, key: &str, value: &str) -> Option<Value> {
    let mut document = document.clone();
    let root = document.as_mapping_mut()?;
    let iam = root
        .entry(IAM.into())
        .or_insert_with(|| Value::Mapping(Mapping::new()));
    iam.as_mapping_mut()?.insert(key.into(), value.into());
    Some(document)
}

#[cfg(test)]
mod tests {
    use super::super::Additions;
    use super::*;

    const ARN: &str = "arn:aws:iam::123456789012:policy/B";

    fn with_both(text: &str, prefix: &str) -> Result<String> {
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        config.with(&Additions {
            tags: vec![("Owner".to_owned(), "me".to_owned())],
            permissions_boundary: Some(ARN.to_owned()),
            resource_prefix: Some(prefix.to_owned()),
        })
    }

    #[test]
    fn boundary_and_prefix_come_to_what_stands_there() {
        for text in [
            "Image: x\n",
            "Iam:\n  # c\n  Roles: {LambdaFunctionsRole: a}\nImage: x\n",
            "Iam: {Roles: {LambdaFunctionsRole: a}}\n",
            "Iam: {}\n",
            "{\"Iam\": {\"Roles\": {}}}",
            "Iam:\n  PermissionsBoundary: arn:aws:iam::123456789012:policy/B\n",
            "Iam:\n  ResourcePrefix: '/a,b/lab-'\n",
        ] {
            let written = with_both(text, "/a,b/lab-").unwrap();
            let read = ClusterConfig::parse(&written, "my.yaml".as_ref()).unwrap();
            assert_eq!(read.permissions_boundary(), Some(ARN), "{text}");
            assert_eq!(read.resource_prefix(), Some("/a,b/lab-"), "{text}");
            assert_eq!(read.tags().collect::<Vec<_>>(), [("Owner", "me")], "{text}");
            assert!(written.contains("# c") == text.contains("# c"), "{written}");
        }
    }

    #[test]
    fn another_one_and_what_cannot_be_added_to_are_told_with_their_line() {
        for (text, told) in [
            (
                "A: x\nIam:\n  PermissionsBoundary: b\n",
                "my.yaml:3: Iam.PermissionsBoundary is `b` there, and \
                 `arn:aws:iam::123456789012:policy/B` by `--permissions-boundary` or",
            ),
            (
                "A: x\nIam:\n  ResourcePrefix: /a/\n",
                "my.yaml:3: Iam.ResourcePrefix is `/a/` there, and `/team/` by `--iam-prefix` or",
            ),
            (
                "A: &i {ResourcePrefix: /team/}\nIam: *i\n",
                "hpcapi cannot add to `Iam`",
            ),
            ("Iam: x\n", "hpcapi cannot add to `Iam`"),
        ] {
            let error = with_both(text, "/team/").unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
