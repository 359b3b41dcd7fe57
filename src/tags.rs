//! Tags of the user's own, which everything that is made gets: AWS's rules for them, and what tells them
//! from those that hpcapi and the services give.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::shell::quoted;

/// The most tags that there can be: AWS takes 50 on a thing. hpcapi gives up to five of its own, and
/// ParallelCluster up to nine (a compute node has the most).
const MOST: usize = 40;

const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// How the keys begin that AWS, ParallelCluster and hpcapi give.
const RESERVED: [&str; 3] = ["aws:", "hpcapi:", "parallelcluster:"];

/// The key by which each thing has a name of its own.
const NAME: &str = "Name";

const EXAMPLE: &str = "for example: --tag Owner=physics";

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value, perhaps empty.
    pub value: String,
}

impl Tag {
    /// Returns a tag that every service takes: IAM's characters are the fewest.
    pub fn new(key: &str, value: &str) -> Result<Tag> {
        let refused =
            |why: String| Error::usage(format!("`{key}` cannot be the key of a tag: {why}"));
        let length = key.chars().count();
        if !(1..=LONGEST_KEY).contains(&length) {
            return Err(refused(format!("it has 1 to {LONGEST_KEY} characters")));
        }
        if let Some(reserved) = RESERVED.iter().find(|start| begins(key, start)) {
            return Err(refused(format!("`{reserved}` is reserved")));
        }
        if key == NAME {
            return Err(refused("each thing has a name of its own".to_owned()));
        }
        // Between key and value it could not be told from the sign between them.
        if !key.chars().all(is_taken) || key.contains('=') {
            return Err(refused(format!(
                "it has letters, digits, blanks and {OTHERS}"
            )));
        }
        let value_refused =
            |why: String| Error::usage(format!("the tag `{key}` cannot have that value: {why}"));
        if value.chars().count() > LONGEST_VALUE {
            return Err(value_refused(format!(
                "it has at most {LONGEST_VALUE} characters"
            )));
        }
        if !value.chars().all(is_taken) {
            return Err(value_refused(format!(
                "it has letters, digits, blanks and {OTHERS} ="
            )));
        }
        Ok(Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Returns the option that gives it, as it is typed.
    pub fn option(&self) -> String {
        format!(" --tag {}={}", quoted(&self.key), quoted(&self.value))
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(
                Error::usage(format!("`{text}` is no tag: it has the form KEY=VALUE"))
                    .hint(EXAMPLE),
            );
        };
        Tag::new(key, value)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Beside letters, digits and blanks.
const OTHERS: &str = "_ . : / + - @";

/// Returns whether all services take a character in a tag.
fn is_taken(character: char) -> bool {
    character.is_alphanumeric() || "_.:/=+-@ ".contains(character)
}

/// Returns whether a key begins so, in whatever case: AWS reserves `AWS:`, too.
fn begins(key: &str, start: &str) -> bool {
    let begin = key.get(..start.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// All tags of the user's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// Returns them together; fails on a key given twice and on too many. IAM takes two keys for one that
    /// differ in upper and lower case alone.
    pub fn of(tags: Vec<Tag>) -> Result<Tags> {
        let mut seen = BTreeSet::new();
        for tag in &tags {
            if !seen.insert(tag.key.to_lowercase()) {
                return Err(Error::usage(format!(
                    "the tag `{}` is given twice; upper and lower case make no difference",
                    tag.key
                ))
                .hint("leave one of them"));
            }
        }
        if tags.len() > MOST {
            return Err(Error::usage(format!(
                "{} tags are too many: AWS takes 50 on a thing, and leaves {MOST} beside those of hpcapi and \
                 ParallelCluster",
                tags.len()
            )));
        }
        Ok(Tags(tags))
    }

    /// Returns those among the tags of a thing that somebody gave it.
    pub fn on(thing: &BTreeMap<String, String>) -> Tags {
        let is_own = |key: &str| key != NAME && !RESERVED.iter().any(|start| begins(key, start));
        let own = thing.iter().filter(|(key, _)| is_own(key));
        Tags(
            own.map(|(key, value)| Tag {
                key: key.clone(),
                value: value.clone(),
            })
            .collect(),
        )
    }

    /// Returns them in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Returns them as pairs of key and value.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let pair = |tag: &Tag| (tag.key.clone(), tag.value.clone());
        self.0.iter().map(pair).collect()
    }

    /// Returns the value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        let tag = self.0.iter().find(|tag| tag.key == key)?;
        Some(&tag.value)
    }

    /// Returns how a thing with the tags `found` differs from one that has these, in words; `None` where
    /// it does not. Others that it has count where `is_all` says that there are to be no others.
    pub fn difference(&self, found: &Tags, others: Others) -> Option<String> {
        for tag in &self.0 {
            match found.value(&tag.key) {
                Some(value) if value == tag.value => {}
                Some(value) => {
                    let (key, wanted) = (&tag.key, &tag.value);
                    return Some(format!(
                        "its tag `{key}` is `{value}` instead of `{wanted}`"
                    ));
                }
                None => return Some(format!("it lacks the tag `{}`", tag.key)),
            }
        }
        let mut more = found.0.iter().filter(|tag| self.value(&tag.key).is_none());
        let more = more.next().filter(|_| others == Others::Go)?;
        Some(format!("its tag `{}` is not wanted any more", more.key))
    }
}

/// What becomes of a thing's tags that nobody asked for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Stay,
    /// They go.
    Go,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(texts: &[&str]) -> Tags {
        Tags::of(texts.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
    }

    #[test]
    fn a_tag_is_what_every_service_takes() {
        for good in [
            "Owner=physics",
            "a=",
            "cost center=1/2:3+4-5@6_7.8=9",
            "Größe=ü",
            &format!("{}={}", "k".repeat(128), "ü".repeat(256)),
        ] {
            let tag: Tag = good.parse().unwrap();
            assert_eq!(tag.to_string(), good);
            let words = shlex::split(&tag.option()).unwrap();
            assert_eq!(words, ["--tag", good]);
        }
        for (bad, why) in [
            ("Owner", "the form KEY=VALUE"),
            ("=a", "1 to 128 characters"),
            (&format!("{}=", "k".repeat(129)), "1 to 128 characters"),
            (&format!("k={}", "v".repeat(257)), "at most 256 characters"),
            ("aws:a=b", "`aws:` is reserved"),
            ("AWS:a=b", "`aws:` is reserved"),
            ("hpcapi:a=b", "`hpcapi:` is reserved"),
            ("parallelcluster:a=b", "`parallelcluster:` is reserved"),
            ("Name=b", "a name of its own"),
            ("a,b=c", "letters, digits"),
            ("a=b\n", "letters, digits"),
            ("a=*", "letters, digits"),
        ] {
            let error = bad.parse::<Tag>().unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(Tag::new("a=b", "c").is_err());
    }

    #[test]
    fn no_key_stands_twice_and_there_is_room_for_those_of_others() {
        let read =
            |texts: &[String]| Tags::of(texts.iter().map(|it| it.parse().unwrap()).collect());
        let twice = read(&["Owner=a".to_owned(), "owner=b".to_owned()]).unwrap_err();
        assert!(twice.to_string().contains("`owner` is given twice"));
        let many: Vec<_> = (0..MOST).map(|number| format!("k{number}=")).collect();
        assert!(read(&many).is_ok());
        let more = [many, vec!["k=".to_owned()]].concat();
        assert!(read(&more).is_err());
    }

    #[test]
    fn the_tags_of_services_are_nobodys_own() {
        let thing = ["aws:x", "hpcapi:step", "Name", "Owner"];
        let thing = thing.map(|key| (key.to_owned(), "v".to_owned())).into();
        assert_eq!(Tags::on(&thing), tags(&["Owner=v"]));
    }

    #[test]
    fn a_thing_differs_by_a_value_a_missing_tag_or_one_too_many() {
        let wanted = tags(&["a=1", "b=2"]);
        for (found, others, told) in [
            (&["b=2", "a=1"][..], Others::Go, None),
            (&["a=1", "b=2", "c=3"], Others::Stay, None),
            (
                &["a=1", "b=2", "c=3"],
                Others::Go,
                Some("its tag `c` is not wanted any more"),
            ),
            (&["a=1"], Others::Stay, Some("it lacks the tag `b`")),
            (
                &["a=1", "b=3"],
                Others::Stay,
                Some("its tag `b` is `3` instead of `2`"),
            ),
        ] {
            let difference = wanted.difference(&tags(found), others);
            assert_eq!(difference.as_deref(), told, "{found:?}");
        }
    }
}
