//! What is put into a configuration beside the values of its `CHANGE_ME`s, because everything that is
//! made has it: tags, and what the section `Iam` says of roles. What the user wrote stays as it is, byte
//! by byte.

use saphyr_parser::ScalarStyle;
use serde_yaml::Value;

use crate::error::{Error, Result};

use super::document_path::DocumentPath;
use super::insertion::Node;
use super::of_roles::OfRoles;
use super::{ClusterConfig, FilledClusterConfig, quoting};

const TAGS: &str = "Tags";

/// What a configuration gets beside what stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Tags of the cluster, as pairs of key and value.
    pub tags: Vec<(String, String)>,
    /// The ARN of the permissions boundary of the cluster's roles.
    pub permissions_boundary: Option<String>,
    /// The path of the cluster's roles and instance profiles, and how their names begin.
    pub resource_prefix: Option<String>,
}

impl Additions {
    /// Returns what the section `Iam` gets.
    fn of_roles(&self) -> impl Iterator<Item = (OfRoles, &str)> {
        let given = [
            (OfRoles::Boundary, &self.permissions_boundary),
            (OfRoles::Prefix, &self.resource_prefix),
        ];
        let given = given.into_iter();
        given.filter_map(|(of_roles, value)| Some((of_roles, value.as_deref()?)))
    }
}

impl FilledClusterConfig {
    /// Returns the configuration, which is `unfilled` with values, with the additions.
    pub fn with(
        self,
        additions: &Additions,
        unfilled: &ClusterConfig,
    ) -> Result<FilledClusterConfig> {
        if *additions == Additions::default() {
            return Ok(self);
        }
        let config = ClusterConfig {
            is_own: unfilled.is_own,
            ..ClusterConfig::parse(self.text(), unfilled.file())?
        };
        config.with(additions).map(FilledClusterConfig)
    }
}

impl ClusterConfig {
    /// Returns the text with the additions; fails where the configuration says another thing at the same
    /// place, and where they cannot be written without a change of what stands there.
    pub fn with(&self, additions: &Additions) -> Result<String> {
        if self.is_own
            && let Some(text) = self.with_values(&additions.tags)
        {
            return ClusterConfig::parse(&text, self.file())?.with(additions);
        }
        // Asked of what the user wrote, whose lines are told.
        let of_roles = self.missing_of_roles(additions.of_roles())?;
        let tags = self.missing_tags(&additions.tags)?;
        let text = match tags.is_empty() {
            true => self.text().to_owned(),
            false => self.with_tags(&tags)?,
        };
        of_roles.into_iter().try_fold(text, |text, (what, value)| {
            ClusterConfig::parse(&text, self.file())?.with_of_roles(what, value)
        })
    }

    /// Returns a text that was written, if it means just what is expected: there are anchors, merge keys,
    /// and forms that nobody thought of.
    pub(super) fn confirmed(
        &self,
        text: Option<String>,
        expected: Option<&Value>,
    ) -> Option<String> {
        let text = text?;
        let read = ClusterConfig::parse(&text, self.file()).ok()?;
        (Some(read.document()) == expected).then_some(text)
    }

    /// Returns the tags that the configuration gives the cluster.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let list = self.document().get(TAGS).and_then(Value::as_sequence);
        list.into_iter().flatten().filter_map(|tag| {
            let word = |name| tag.get(name)?.as_str();
            Some((word("Key")?, word("Value")?))
        })
    }

    /// Returns the tags that do not stand there yet.
    fn missing_tags(&self, wanted: &[(String, String)]) -> Result<Vec<(String, String)>> {
        let mut missing = Vec::new();
        for (key, value) in wanted {
            match self.tags().find(|(own, _)| own.eq_ignore_ascii_case(key)) {
                None => missing.push((key.clone(), value.clone())),
                Some(own) if own == (key.as_str(), value.as_str()) => {}
                Some((own, theirs)) => {
                    let place = self.place(self.line_of(&DocumentPath::default().below(&[TAGS])));
                    return Err(Error::usage(format!(
                        "{place}: the tag `{own}` is `{theirs}` there, and `{key}={value}` by `--tag` or \
                         the settings file"
                    ))
                    .hint("leave one of them"));
                }
            }
        }
        Ok(missing)
    }

    /// Returns the text with the wanted tags where one of the same key stands; `None` where all that stand
    /// there are as wanted.
    fn with_values(&self, wanted: &[(String, String)]) -> Option<String> {
        let values = || self.contents.scalars.iter().filter(|it| !it.is_key);
        let mut text = self.text().to_owned();
        // From the end, so that what is before stays where it is.
        for scalar in values().rev() {
            let kind = scalar.path.kind();
            if kind != "Tags[].Key" && kind != "Tags[].Value" {
                continue;
            }
            let key = scalar.path.parent()?.below(&["Key"]);
            let key = &values().find(|it| it.path == key)?.value;
            let asked = wanted.iter().find(|(own, _)| own.eq_ignore_ascii_case(key));
            if let Some((key, value)) = asked {
                let new = match kind.ends_with("Key") {
                    true => key,
                    false => value,
                };
                text.replace_range(scalar.content.clone(), &quoting::written(new, scalar.style));
            }
        }
        (text != self.text()).then_some(text)
    }

    /// Returns the text with tags that do not stand there yet.
    fn with_tags(&self, tags: &[(String, String)]) -> Result<String> {
        let insertion = Node::root(self.text()).and_then(|root| match root.value_of(TAGS) {
            Some(list) => list.before_items(self.text(), &items(tags)),
            None => {
                // A merge key may have given it some, which a list in its place would hide.
                let all: Vec<_> = tags.iter().cloned().chain(self.tags().map(owned)).collect();
                let list = format!("[{}]", items(&all).join(", "));
                root.before_keys(self.text(), TAGS, &list)
            }
        });
        let text = insertion.map(|insertion| insertion.into(self.text()));
        let expected = expected(self.document(), tags);
        self.confirmed(text, expected.as_ref()).ok_or_else(|| {
            let place = self.place(self.line_of(&DocumentPath::default().below(&[TAGS])));
            let told = format!("{place}: hpcapi cannot add to `{TAGS}` as it is written");
            let item = items(tags).swap_remove(0);
            Error::usage(told).hint(format!("write each tag there yourself: - {item}"))
        })
    }
}

/// Returns a pair of its own.
fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Returns the document with tags before those that it has.
fn expected(document: &Value, tags: &[(String, String)]) -> Option<Value> {
    let item = |(key, value): &(String, String)| {
        let pair = [("Key", key), ("Value", value)];
        Value::Mapping(
            pair.map(|(name, it)| (name.into(), it.as_str().into()))
                .into_iter()
                .collect(),
        )
    };
    let mut document = document.clone();
    let there = document.get(TAGS).and_then(Value::as_sequence);
    let there = there.cloned().unwrap_or_default();
    let all = tags.iter().map(item).chain(there).collect();
    document.as_mapping_mut()?.insert(TAGS.into(), all);
    Some(document)
}

/// Returns a value as it can stand between brackets: not every reader takes a colon there without quotes.
pub(super) fn written(value: &str) -> String {
    match value.contains(':') {
        true => format!("'{}'", value.replace('\'', "''")),
        false => quoting::written(value, ScalarStyle::Plain).into_owned(),
    }
}

/// Returns tags as items of a list, each on one line.
fn items(tags: &[(String, String)]) -> Vec<String> {
    let item = |(key, value): &(String, String)| {
        format!("{{Key: {}, Value: {}}}", written(key), written(value))
    };
    tags.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
        tags.iter().map(|tag| owned(*tag)).collect()
    }

    fn with(text: &str, tags: &[(&str, &str)]) -> Result<String> {
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        config.with(&Additions {
            tags: pairs(tags),
            ..Additions::default()
        })
    }

    const OWNER: (&str, &str) = ("Owner", "my team");

    #[test]
    fn tags_come_to_what_stands_there_however_it_is_written() {
        let one = "{Key: Owner, Value: 'my team'}";
        for (text, expected) in [
            (
                "# a\nImage: x # b\n",
                format!("# a\nTags: [{one}]\nImage: x # b\n"),
            ),
            (
                "\u{feff}---\n  Image: x\n",
                format!("\u{feff}---\n  Tags: [{one}]\n  Image: x\n"),
            ),
            (
                "{\"Image\": \"x\"}",
                format!("{{Tags: [{one}], \"Image\": \"x\"}}"),
            ),
            (
                "A: x\nTags:\n- Key: a\n  Value: b # c\n",
                format!("A: x\nTags:\n- {one}\n- Key: a\n  Value: b # c\n"),
            ),
            (
                "Tags:\n  # c\n  -   Key: a\n      Value: b\n",
                format!("Tags:\n  # c\n  - {one}\n  -   Key: a\n      Value: b\n"),
            ),
            (
                "Tags: [{Key: a, Value: b}]\n",
                format!("Tags: [{one}, {{Key: a, Value: b}}]\n"),
            ),
            ("Tags: []\n", format!("Tags: [{one}, ]\n")),
            (
                "Tags:\n- Key: Owner\n  Value: my team\n",
                "Tags:\n- Key: Owner\n  Value: my team\n".to_owned(),
            ),
        ] {
            assert_eq!(with(text, &[OWNER]).unwrap(), expected, "{text}");
        }
        let all = [("a", "1e3"), ("b", ""), ("c:d", "yes"), ("é @", "x=y")];
        let text = with("Image: x\n", &all).unwrap();
        let read = ClusterConfig::parse(&text, "my.yaml".as_ref()).unwrap();
        assert_eq!(read.tags().collect::<Vec<_>>(), all);
    }

    #[test]
    fn tags_of_a_merge_key_are_not_lost() {
        let text = "x: &x\n  Tags: [{Key: a, Value: b}]\n<<: *x\n";
        let read = ClusterConfig::parse(&with(text, &[OWNER]).unwrap(), "my.yaml".as_ref());
        let read = read.unwrap();
        assert_eq!(read.tags().collect::<Vec<_>>(), [OWNER, ("a", "b")]);
    }

    #[test]
    fn in_the_configuration_that_hpcapi_carries_the_users_value_holds() {
        let text = "A: x\nTags:\n  - Key: owner\n    Value: nobody\n  - Key: b\n    Value: c\n";
        let config = ClusterConfig::own(text, "own.yaml".as_ref()).unwrap();
        let tags = pairs(&[OWNER, ("d", "e")]);
        let additions = Additions {
            tags,
            ..Additions::default()
        };
        let text = config.with(&additions).unwrap();
        let read = ClusterConfig::parse(&text, "own.yaml".as_ref()).unwrap();
        let found: Vec<_> = read.tags().collect();
        assert_eq!(found, [("d", "e"), OWNER, ("b", "c")]);
    }

    #[test]
    fn another_value_and_what_cannot_be_added_to_are_told_with_their_place() {
        let list = "A: x\nTags:\n- Key: Owner\n  Value: b\n";
        let error = with(list, &[OWNER]).unwrap_err();
        let told = "my.yaml:2: the tag `Owner` is `b` there, and `Owner=my team` by `--tag` or the \
                    settings file";
        assert_eq!(error.to_string(), told);
        for text in [
            "A: &t [{Key: a, Value: b}]\nTags: *t\n",
            "Tags: &t [{Key: a, Value: b}]\nB: *t\n",
            "A: x\nTags:\n",
            "A: x\nTags: y\n",
            "? A\n: x\n",
        ] {
            let error = with(text, &[OWNER]).unwrap_err();
            let told = error.to_string();
            assert!(
                told.contains("hpcapi cannot add to `Tags`"),
                "{text}: {told}"
            );
            let hint = error.hints()[0].to_string();
            assert!(hint.ends_with("- {Key: Owner, Value: 'my team'}"), "{hint}");
        }
    }
}
