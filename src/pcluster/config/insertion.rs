//! Where something can be put into a document so that nothing else in its text changes.

use std::iter::Peekable;
use std::ops::Range;

use super::source::{self, Event};
use super::{scalars, without_mark};

/// A text that is put at a byte.
pub(super) struct Insertion {
    at: usize,
    text: String,
}

impl Insertion {
    pub(super) fn into(self, text: &str) -> String {
        let (before, after) = text.split_at(self.at);
        format!("{before}{}{after}", self.text)
    }
}

/// A node of the document.
pub(super) struct Node {
    /// Where it begins, perhaps with its tag and anchor.
    at: usize,
    kind: Kind,
}

enum Kind {
    Mapping(Vec<(Node, Node)>),
    Sequence(Vec<Node>),
    Scalar(String),
    Alias,
}

impl Node {
    pub(super) fn root(text: &str) -> Option<Node> {
        let events = source::events(text).ok()?.into_iter();
        let mut events = events
            .filter(|(event, _)| !matches!(event, Event::Document))
            .peekable();
        Node::read(&mut events)
    }

    fn read(events: &mut Peekable<impl Iterator<Item = (Event, Range<usize>)>>) -> Option<Node> {
        let (event, bytes) = events.next()?;
        let is_end = |item: &(Event, Range<usize>)| matches!(item.0, Event::End);
        let kind = match event {
            Event::Scalar { value, .. } => Kind::Scalar(value),
            Event::Alias { .. } => Kind::Alias,
            Event::Mapping { .. } => {
                let mut pairs = Vec::new();
                while events.next_if(is_end).is_none() {
                    pairs.push((Node::read(events)?, Node::read(events)?));
                }
                Kind::Mapping(pairs)
            }
            Event::Sequence { .. } => {
                let mut items = Vec::new();
                while events.next_if(is_end).is_none() {
                    items.push(Node::read(events)?);
                }
                Kind::Sequence(items)
            }
            Event::Document | Event::End => return None,
        };
        Some(Node {
            at: bytes.start,
            kind,
        })
    }

    /// Returns the value of a key of a mapping.
    pub(super) fn value_of(&self, key: &str) -> Option<&Node> {
        let Kind::Mapping(pairs) = &self.kind else {
            return None;
        };
        let is_it = |node: &Node| matches!(&node.kind, Kind::Scalar(value) if value == key);
        pairs
            .iter()
            .find(|(node, _)| is_it(node))
            .map(|(_, value)| value)
    }

    /// Returns the byte behind the bracket that it begins with, if it is written with brackets.
    fn behind_bracket(&self, text: &str) -> Option<usize> {
        let start = self.at + scalars::properties(&text[self.at..]);
        text[start..].starts_with(['{', '[']).then_some(start + 1)
    }

    /// Returns what puts a key with a value of one line before the keys that a mapping has.
    pub(super) fn before_keys(&self, text: &str, key: &str, value: &str) -> Option<Insertion> {
        let Kind::Mapping(pairs) = &self.kind else {
            return None;
        };
        if let Some(at) = self.behind_bracket(text) {
            let text = format!("{key}: {value}, ");
            return Some(Insertion { at, text });
        }
        let at = pairs.first()?.0.at;
        let indentation = indentation(text, at)?;
        let text = format!("{key}: {value}\n{indentation}");
        Some(Insertion { at, text })
    }

    /// Returns what puts items of one line before those that a list has.
    pub(super) fn before_items(&self, text: &str, new: &[String]) -> Option<Insertion> {
        let Kind::Sequence(items) = &self.kind else {
            return None;
        };
        if let Some(at) = self.behind_bracket(text) {
            let text = format!("{}, ", new.join(", "));
            return Some(Insertion { at, text });
        }
        let before = text[..items.first()?.at].trim_end();
        let at = before.strip_suffix('-')?.len();
        let indentation = indentation(text, at)?;
        let item = |item: &String| format!("- {item}\n{indentation}");
        let text = new.iter().map(item).collect();
        Some(Insertion { at, text })
    }
}

/// Returns what stands before a byte on its line, if those are blanks.
fn indentation(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = without_mark(&text[start..at]);
    before.chars().all(|c| c == ' ').then_some(before)
}
