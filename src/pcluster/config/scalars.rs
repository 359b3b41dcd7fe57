//! Every scalar of a document with its place in the document and in the text, and every alias.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use saphyr_parser::ScalarStyle;

use crate::error::{Error, Result};

use super::document_path::{DocumentPath, Segment};
use super::source::{self, Event};

/// A scalar: a key or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) path: DocumentPath,
    pub(super) value: String,
    pub(super) is_key: bool,
    pub(super) style: ScalarStyle,
    /// Its line, from 1.
    pub(super) line: usize,
    /// The bytes of its content: without tag, anchor and quotes.
    pub(super) content: Range<usize>,
}

/// An alias (`*name`): what stands at `target` stands at `path`, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) path: DocumentPath,
    pub(super) target: DocumentPath,
}

/// What a document holds, in the order of the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) scalars: Vec<Scalar>,
    pub(super) aliases: Vec<Alias>,
}

/// Reads a document. Fails on what is not YAML, on a second document, and on a key given twice
/// in one mapping (of which YAML libraries silently take one).
pub(super) fn read(text: &str, file: &Path) -> Result<Contents> {
    let mut reader = Reader {
        text,
        file,
        open: Vec::new(),
        anchors: HashMap::new(),
        contents: Contents::default(),
    };
    let events = source::events(text).map_err(|error| {
        Error::usage(format!("{}: this is not valid YAML", reader.at(error.byte)))
            .because(error.reason)
    })?;
    let mut documents = 0;
    for (event, bytes) in events {
        if matches!(event, Event::Document) {
            documents += 1;
        }
        if documents > 1 {
            return Err(Error::usage(format!(
                "{}: a second YAML document begins here, and a configuration is only one",
                reader.at(bytes.start)
            )));
        }
        reader.take(event, bytes)?;
    }
    Ok(reader.contents)
}

/// A collection that is being read.
enum Open {
    Mapping {
        path: DocumentPath,
        key: Option<String>,
        seen: Vec<String>,
    },
    Sequence {
        path: DocumentPath,
        next: usize,
    },
}

struct Reader<'t> {
    text: &'t str,
    file: &'t Path,
    open: Vec<Open>,
    /// What each anchor stands at.
    anchors: HashMap<usize, DocumentPath>,
    contents: Contents,
}

impl Reader<'_> {
    fn take(&mut self, event: Event, bytes: Range<usize>) -> Result<()> {
        match event {
            Event::Document => {}
            Event::Mapping { anchor } => {
                let path = self.next_path(anchor, bytes.start)?;
                self.open.push(Open::Mapping {
                    path,
                    key: None,
                    seen: Vec::new(),
                });
            }
            Event::Sequence { anchor } => {
                let path = self.next_path(anchor, bytes.start)?;
                self.open.push(Open::Sequence { path, next: 0 });
            }
            Event::End => {
                self.open.pop();
            }
            Event::Alias { anchor } => {
                let path = self.next_path(0, bytes.start)?;
                if let Some(target) = self.anchors.get(&anchor).cloned() {
                    self.contents.aliases.push(Alias { path, target });
                }
            }
            Event::Scalar {
                value,
                style,
                anchor,
            } => self.take_scalar(value, style, anchor, bytes)?,
        }
        Ok(())
    }

    fn take_scalar(
        &mut self,
        value: String,
        style: ScalarStyle,
        anchor: usize,
        bytes: Range<usize>,
    ) -> Result<()> {
        let content = content(self.text, bytes, style);
        let (line, _) = position(self.text, content.start);
        let key = self.next_key(&value, content.start)?;
        let is_key = key.is_some();
        let path = match key {
            Some(path) => path,
            None => self.next_path(anchor, content.start)?,
        };
        self.contents.scalars.push(Scalar {
            path,
            value,
            is_key,
            style,
            line,
            content,
        });
        Ok(())
    }

    /// Returns the path that a key opens, if a key comes next.
    fn next_key(&mut self, value: &str, byte: usize) -> Result<Option<DocumentPath>> {
        let Some(Open::Mapping { path, key, seen }) = self.open.last_mut() else {
            return Ok(None);
        };
        if key.is_some() {
            return Ok(None);
        }
        let is_known = seen.iter().any(|other| other == value);
        seen.push(value.to_owned());
        *key = Some(value.to_owned());
        let path = path.join(Segment::Key(value.to_owned()));
        if !is_known {
            return Ok(Some(path));
        }
        let hint = match value {
            "<<" => "merge several mappings with one key: `<<: [*one, *other]`",
            _ => "remove one of the two",
        };
        Err(Error::usage(format!(
            "{}: the key `{value}` is given twice",
            self.at(byte)
        ))
        .hint(hint))
    }

    /// Returns the path of a node that is no key, and moves its collection on.
    fn next_path(&mut self, anchor: usize, byte: usize) -> Result<DocumentPath> {
        let path = match self.open.last_mut() {
            None => DocumentPath::default(),
            Some(Open::Sequence { path, next }) => {
                let item = path.join(Segment::Index(*next));
                *next += 1;
                item
            }
            Some(Open::Mapping { path, key, .. }) => match key.take() {
                Some(key) => path.join(Segment::Key(key)),
                None => {
                    return Err(Error::usage(format!(
                        "{}: a key must be a plain word here",
                        self.at(byte)
                    )));
                }
            },
        };
        if anchor != 0 {
            self.anchors.insert(anchor, path.clone());
        }
        Ok(path)
    }

    fn at(&self, byte: usize) -> String {
        let (line, column) = position(self.text, byte);
        format!("{}:{line}:{column}", self.file.display())
    }
}

/// Returns line and column, from 1, of a byte of the text.
pub(super) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = super::without_mark(&text[..byte]);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[line_start..].chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// Returns the bytes of a scalar's content, out of those from its tag and anchor to the
/// comment behind it.
fn content(text: &str, bytes: Range<usize>, style: ScalarStyle) -> Range<usize> {
    let start = bytes.start + properties(&text[bytes.clone()]);
    let rest = &text[start..bytes.end];
    match style {
        ScalarStyle::Plain => start..start + rest.trim_end().len(),
        ScalarStyle::SingleQuoted => start + 1..start + 1 + single_quoted(rest),
        ScalarStyle::DoubleQuoted => start + 1..start + 1 + double_quoted(rest),
        // With tag or anchor, the header (`|-`) is among the bytes, too.
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let has_header = start > bytes.start && rest.starts_with(['|', '>']);
            let header = rest.find('\n').filter(|_| has_header);
            start + header.map_or(0, |end| end + 1)..bytes.end
        }
    }
}

/// Returns how many bytes tag, anchor, and the comments and blanks between them take.
pub(super) fn properties(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = match rest.chars().next() {
            Some('&' | '!') => rest.trim_start_matches(|c: char| !c.is_ascii_whitespace()),
            Some(' ' | '\t' | '\r' | '\n') => rest.trim_start(),
            Some('#') if rest.len() < text.len() => rest.trim_start_matches(|c| c != '\n'),
            _ => return text.len() - rest.len(),
        };
    }
}

/// Returns the bytes between the quotes of what begins with a single quote.
fn single_quoted(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\'' && characters.next_if(|(_, next)| *next == '\'').is_none() {
            return at - 1;
        }
    }
    text.len().saturating_sub(1)
}

/// Returns the bytes between the quotes of what begins with a double quote.
fn double_quoted(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '"' => return at - 1,
            _ => {}
        }
    }
    text.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Contents {
        read(text, Path::new("c.yaml")).unwrap()
    }

    /// The values as path, line, and what stands in the text.
    fn values(text: &str) -> Vec<(String, usize, &str)> {
        contents(text)
            .scalars
            .into_iter()
            .filter(|scalar| !scalar.is_key)
            .map(|scalar| {
                let content = &text[scalar.content];
                (scalar.path.to_string(), scalar.line, content)
            })
            .collect()
    }

    fn refusal(text: &str) -> String {
        read(text, Path::new("c.yaml")).unwrap_err().to_string()
    }

    #[test]
    fn scalars_are_found_behind_marks_line_ends_and_letters_of_several_bytes() {
        let text = "\u{feff}Ä: [é, \"C\"]\r\nB: &x !!str 'C' # c\r\nC: *x\r\n";
        assert_eq!(
            values(text),
            [
                ("Ä[0]".to_owned(), 1, "é"),
                ("Ä[1]".to_owned(), 1, "C"),
                ("B".to_owned(), 2, "C"),
            ]
        );
    }

    #[test]
    fn content_is_told_from_tags_anchors_comments_and_quotes() {
        for (text, content) in [
            ("a: \"x\" # 'x'\n", "x"),
            ("a: ['x' # x\n  , y]\n", "x"),
            ("a: &x x # x\n", "x"),
            ("a: !!str # don't x\n  # \"x\"\n  &x\n  'x'\n", "x"),
            ("a: 'it''s' # it's\n", "it''s"),
            ("a: \"a\\\"b\\\\\" # \"\n", "a\\\"b\\\\"),
            ("a: |- # x\n  x\n", "x\n"),
            ("a: &x |- # x\n  x\n", "  x\n"),
            ("a: |-\n  # x\n", "# x\n"),
            ("a: x#y # z\n", "x#y"),
            ("a: ''\n", ""),
            ("a: !!str\nb: c\n", ""),
        ] {
            assert_eq!(values(text)[0].2, content, "{text}");
        }
    }

    #[test]
    fn an_alias_knows_what_it_repeats() {
        let aliases = contents("a: &x [1]\nb: {c: *x}\n<<: &y {d: &x 2}\ne: [*x, *y]\n").aliases;
        let told: Vec<_> = aliases
            .iter()
            .map(|alias| format!("{} {}", alias.path, alias.target))
            .collect();
        assert_eq!(told, ["b.c a", "e[0] <<.d", "e[1] <<"]);
    }

    #[test]
    fn a_key_given_twice_is_refused_with_its_line() {
        assert_eq!(
            refusal("a: 1\nb: {c: 1, c: 2}\n"),
            "c.yaml:2:11: the key `c` is given twice"
        );
        assert_eq!(
            refusal("<<: {a: 1}\n<<: {b: 1}\n"),
            "c.yaml:2:1: the key `<<` is given twice"
        );
    }

    #[test]
    fn what_is_no_single_document_is_refused_with_its_place() {
        assert_eq!(
            refusal("Image: [é, oops\n"),
            "c.yaml:2:1: this is not valid YAML"
        );
        assert_eq!(
            refusal("a: 1\n---\nb: 2\n"),
            "c.yaml:2:1: a second YAML document begins here, and a configuration is only one"
        );
        assert_eq!(
            refusal("[a]: 1\n"),
            "c.yaml:1:1: a key must be a plain word here"
        );
    }
}
