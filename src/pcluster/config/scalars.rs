//! Every scalar of a document with its place in the document and in the text.

use std::ops::Range;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScanError, Span};

use crate::error::{Error, Result};

use super::document_path::{DocumentPath, Segment};
use super::without_mark;

/// A scalar: a key or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) path: DocumentPath,
    pub(super) value: String,
    pub(super) is_key: bool,
    /// From 1.
    pub(super) line: usize,
    /// Its bytes in the text, quotes included.
    pub(super) bytes: Range<usize>,
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

/// Reads the scalars of a document. Fails on what is not YAML, on a second document, and on a
/// key given twice in one mapping (of which YAML libraries silently take one).
pub(super) fn read(text: &str, file: &Path) -> Result<Vec<Scalar>> {
    let body = without_mark(text);
    let offsets = Offsets::new(body, text.len() - body.len());
    let mut scalars = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut documents = 0;
    for event in Parser::new_from_str(body) {
        let (event, span) = event.map_err(|error| syntax(file, &error))?;
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Error::usage(format!(
                        "{}: a second YAML document begins here, and a configuration is only one",
                        at(file, span)
                    )));
                }
            }
            Event::MappingStart(..) => {
                let path = next_path(&mut open, file, span)?;
                open.push(Open::Mapping {
                    path,
                    key: None,
                    seen: Vec::new(),
                });
            }
            Event::SequenceStart(..) => {
                let path = next_path(&mut open, file, span)?;
                open.push(Open::Sequence { path, next: 0 });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            Event::Alias(_) => {
                next_path(&mut open, file, span)?;
            }
            Event::Scalar(value, ..) => {
                let (path, is_key) = place_scalar(&mut open, &value, file, span)?;
                scalars.push(Scalar {
                    path,
                    value: value.into_owned(),
                    is_key,
                    line: span.start.line(),
                    bytes: offsets.bytes(span),
                });
            }
            _ => {}
        }
    }
    Ok(scalars)
}

/// Returns the path of a node that is no key, and moves its collection on.
fn next_path(open: &mut [Open], file: &Path, span: Span) -> Result<DocumentPath> {
    Ok(match open.last_mut() {
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
                    at(file, span)
                )));
            }
        },
    })
}

/// Returns the path of a scalar and whether it is a key.
fn place_scalar(
    open: &mut [Open],
    value: &str,
    file: &Path,
    span: Span,
) -> Result<(DocumentPath, bool)> {
    let Some(Open::Mapping { path, key, seen }) = open.last_mut() else {
        return Ok((next_path(open, file, span)?, false));
    };
    if key.is_some() {
        return Ok((next_path(open, file, span)?, false));
    }
    // A merge key may stand more than once; every other key means one thing.
    if value != "<<" && seen.iter().any(|other| other == value) {
        return Err(Error::usage(format!(
            "{}: the key `{value}` is given twice",
            at(file, span)
        ))
        .hint("remove one of the two"));
    }
    seen.push(value.to_owned());
    *key = Some(value.to_owned());
    Ok((path.join(Segment::Key(value.to_owned())), true))
}

fn syntax(file: &Path, error: &ScanError) -> Error {
    let marker = error.marker();
    Error::usage(format!(
        "{}:{}:{}: this is not valid YAML",
        file.display(),
        marker.line(),
        marker.col() + 1
    ))
    .because(error.info().to_owned())
}

fn at(file: &Path, span: Span) -> String {
    let start = span.start;
    format!("{}:{}:{}", file.display(), start.line(), start.col() + 1)
}

/// Turns the parser's character positions into bytes of the whole text.
struct Offsets(Vec<usize>);

impl Offsets {
    fn new(body: &str, start: usize) -> Offsets {
        let starts = body.char_indices().map(|(byte, _)| start + byte);
        Offsets(starts.chain([start + body.len()]).collect())
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        let last = self.0.len() - 1;
        self.0[span.start.index().min(last)]..self.0[span.end.index().min(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, usize, String)> {
        read(text, Path::new("c.yaml"))
            .unwrap()
            .into_iter()
            .filter(|scalar| !scalar.is_key)
            .map(|s| {
                (
                    s.path.to_string(),
                    s.value,
                    s.line,
                    text[s.bytes].to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn scalars_are_found_behind_marks_line_ends_and_letters_of_several_bytes() {
        let text = "\u{feff}Ä: [é, \"CHANGE_ME\"]\r\nB: &x !!str 'CHANGE_ME' # c\r\nC: *x\r\n";
        let found = values(text);
        assert_eq!(
            found[1],
            (
                "Ä[1]".to_owned(),
                "CHANGE_ME".to_owned(),
                1,
                "\"CHANGE_ME\"".to_owned()
            )
        );
        assert_eq!(found[2].0, "B");
        assert!(found[2].3.contains("'CHANGE_ME'"));
        assert_eq!(found.len(), 3, "an alias is no scalar");
    }

    #[test]
    fn a_key_given_twice_is_refused_with_its_line() {
        let error = read("a: 1\nb: {c: 1, c: 2}\n", Path::new("c.yaml")).unwrap_err();
        assert_eq!(error.to_string(), "c.yaml:2:11: the key `c` is given twice");
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let error = read("Image: [oops\n", Path::new("c.yaml")).unwrap_err();
        assert!(error.to_string().starts_with("c.yaml:"), "{error}");
        let error = read("a: 1\n---\nb: 2\n", Path::new("c.yaml")).unwrap_err();
        assert!(
            error.to_string().contains("second YAML document"),
            "{error}"
        );
    }
}
