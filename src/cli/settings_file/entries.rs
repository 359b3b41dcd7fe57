//! The lines of a settings file: keys with one value each, or with a mapping of words to words, and nothing
//! else of YAML.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::error::{Error, Result};

/// A key with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands, from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value as YAML reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// None.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A text, or a number as it was written.
    Text(String),
    /// Entries of a key of its own.
    Mapping(Vec<Entry>),
}

impl Entry {
    /// Returns file, line and key as messages begin with them.
    pub(super) fn place(&self, file: &Path) -> String {
        format!("{}:{}: `{}`", file.display(), self.line, self.key)
    }
}

/// Where in the document the reader is.
enum Expected {
    Start,
    Key,
    Value { key: String, line: usize },
    Nothing,
}

/// A mapping that is the value of a key, as far as it is read.
struct Below {
    key: String,
    line: usize,
    entries: Vec<Entry>,
}

/// Returns the entries of a file; fails on what is no mapping of words to words, with the line. Nothing
/// in a file can be an alias, so that none grows while it is read.
pub(super) fn read(text: &str, file: &Path) -> Result<Vec<Entry>> {
    let shown = file.display();
    let bad = |line: usize, what: &str| Error::usage(format!("{shown}:{line}: {what}"));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    let mut expected = Expected::Start;
    let mut below: Option<Below> = None;
    for item in Parser::new_from_str(text) {
        let (event, span) = item.map_err(|error| {
            let line = error.marker().line();
            bad(line, "this is no YAML").because(error.info().to_owned())
        })?;
        let line = span.start.line();
        expected = match (expected, event) {
            (now, Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd) => {
                now
            }
            (Expected::Start, Event::DocumentStart(_)) => Expected::Start,
            (_, Event::DocumentStart(_)) => {
                return Err(bad(line, "a second document begins: write one"));
            }
            (_, Event::MappingStart(anchor, tag)) if anchor != 0 || tag.is_some() => {
                return Err(bad(line, TOO_MUCH));
            }
            (_, Event::Scalar(_, _, anchor, tag)) if anchor != 0 || tag.is_some() => {
                return Err(bad(line, TOO_MUCH));
            }
            (_, Event::Alias(_)) => return Err(bad(line, TOO_MUCH)),
            (Expected::Start, Event::MappingStart(..)) => Expected::Key,
            // A file of comments alone.
            (Expected::Start, Event::Scalar(value, ScalarStyle::Plain, ..))
                if plain(&value) == Value::Null =>
            {
                Expected::Nothing
            }
            (Expected::Start, _) => {
                let what = "there is no key: write lines as in `region: us-east-1`";
                return Err(bad(line, what));
            }
            (Expected::Key, Event::Scalar(key, ..)) => Expected::Value {
                key: key.into_owned(),
                line,
            },
            (Expected::Value { key, line }, Event::Scalar(value, style, ..)) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&value),
                    _ => Value::Text(value.into_owned()),
                };
                let all = below.as_mut().map(|it| &mut it.entries);
                all.unwrap_or(&mut entries).push(Entry { key, line, value });
                Expected::Key
            }
            (Expected::Value { key, line }, Event::MappingStart(..)) if below.is_none() => {
                below = Some(Below {
                    key,
                    line,
                    entries: Vec::new(),
                });
                Expected::Key
            }
            (Expected::Value { key, line }, _) => {
                return Err(bad(line, &format!("`{key}` has one value, and no list")));
            }
            (Expected::Key, Event::MappingEnd) => match below.take() {
                None => Expected::Nothing,
                Some(Below {
                    key,
                    line,
                    entries: all,
                }) => {
                    let value = Value::Mapping(all);
                    entries.push(Entry { key, line, value });
                    Expected::Key
                }
            },
            (Expected::Key, _) => return Err(bad(line, "a key is a word")),
            (Expected::Nothing, _) => return Err(bad(line, "nothing can follow here")),
        };
    }
    Ok(entries)
}

const TOO_MUCH: &str = "anchors, aliases and tags are not taken: write the value itself";

/// Reads a value without quotes by the core schema of YAML 1.2.
fn plain(value: &str) -> Value {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Truth(true),
        "false" | "False" | "FALSE" => Value::Truth(false),
        other => Value::Text(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Entry>> {
        super::read(text, "a.yaml".as_ref())
    }

    #[test]
    fn keys_come_with_their_lines_and_values() {
        let text = "\u{feff}# é\n---\nregion: us-east-1\n\nprices: false\nbucket: 'true'\nprofile:\n\
                    pcluster_version: 3.16.1\n\"key_name\": 0x10\n";
        let value = |text: &str| Value::Text(text.to_owned());
        let entries = read(text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|it| (it.key.as_str(), it.line, &it.value))
            .collect();
        assert_eq!(
            found,
            [
                ("region", 3, &value("us-east-1")),
                ("prices", 5, &Value::Truth(false)),
                ("bucket", 6, &value("true")),
                ("profile", 7, &Value::Null),
                ("pcluster_version", 8, &value("3.16.1")),
                ("key_name", 9, &value("0x10")),
            ]
        );
        for empty in ["", "# a\n", "---\n", "{}", "---\n# a\n...\n"] {
            assert_eq!(read(empty).unwrap(), [], "{empty:?}");
        }
    }

    #[test]
    fn a_key_may_have_a_mapping_of_words_to_words() {
        let text = |key: &str, line, text: &str| Entry {
            key: key.to_owned(),
            line,
            value: Value::Text(text.to_owned()),
        };
        let entries = read("a: b\nc:\n  d: e\n  'f g': 01\nh: {}\ni: j\n").unwrap();
        let mapping = |key: &str, line, value| Entry {
            key: key.to_owned(),
            line,
            value: Value::Mapping(value),
        };
        assert_eq!(
            entries,
            [
                text("a", 1, "b"),
                mapping("c", 2, vec![text("d", 3, "e"), text("f g", 4, "01")]),
                mapping("h", 5, Vec::new()),
                text("i", 6, "j"),
            ]
        );
    }

    #[test]
    fn what_is_more_than_keys_and_values_is_told_with_its_line() {
        for (text, told) in [
            ("a: b\nc: [d]\n", "a.yaml:2: `c` has one value"),
            ("a: b\nc:\n  d: [e]\n", "a.yaml:3: `d` has one value"),
            ("a: b\nc:\n  d:\n    e: f\n", "a.yaml:3: `d` has one value"),
            ("a:\n  b: &x c\n", "a.yaml:2: anchors"),
            ("a: {b: {c: {}}}\n", "a.yaml:1: `b` has one value"),
            ("a: &x b\nc: *x\n", "a.yaml:1: anchors"),
            ("a: !!str b\n", "a.yaml:1: anchors"),
            ("--- &x\na: b\n", "a.yaml:"),
            ("a: *x\n", "a.yaml:1: "),
            ("? [a]\n: b\n", "a.yaml:1: a key is a word"),
            ("- a\n", "a.yaml:1: there is no key"),
            ("a\n", "a.yaml:1: there is no key"),
            ("a: b\n---\nc: d\n", "a.yaml:2: a second document"),
            ("a: b\n c: d\n", "a.yaml:2: this is no YAML"),
            ("a: 'b\n", "a.yaml:"),
            (&"[".repeat(100_000), "a.yaml:1: "),
            (&format!("a: {}", "[".repeat(100_000)), "a.yaml:1: "),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text:.20}: {error}");
        }
    }
}
