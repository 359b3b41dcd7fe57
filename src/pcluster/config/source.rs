//! The text of a document as the YAML parser gets it, and the way back to the user's bytes.
//!
//! Inside brackets and quotes the parser wants lines further to the right than ParallelCluster's
//! own reader does. There the blanks at the start of a line mean nothing, so such lines are
//! moved to the right, and what the parser finds is looked up in the text as it was.

use std::collections::BTreeSet;
use std::ops::Range;

use saphyr_parser::{Event as Parsed, Parser, ScalarStyle, ScanError};

/// Far to the right of whatever people write.
const INDENTATION: usize = 400;

/// What the parser says of a line that begins too far to the left.
const IN_BRACKETS: [&str; 2] = [
    "invalid indentation",
    "invalid indentation in flow construct",
];
const IN_QUOTES: &str = "invalid indentation in quoted scalar";

/// What the parser finds, in the order of the text. An anchor is a number, 0 if there is none.
pub(super) enum Event {
    Document,
    Mapping {
        anchor: usize,
    },
    Sequence {
        anchor: usize,
    },
    /// Of a mapping or a sequence.
    End,
    Alias {
        anchor: usize,
    },
    Scalar {
        value: String,
        style: ScalarStyle,
        anchor: usize,
    },
}

/// Events with the bytes they stand at. Those of a scalar begin with its tag and anchor and
/// may go on behind its closing quote.
pub(super) type Events = Vec<(Event, Range<usize>)>;

/// Where and why a text is no YAML.
pub(super) struct SyntaxError {
    pub(super) byte: usize,
    pub(super) reason: String,
}

/// Parses `text`, behind its byte order mark if it has one.
pub(super) fn events(text: &str) -> Result<Events, SyntaxError> {
    let mut moved = BTreeSet::new();
    loop {
        let source = Source::new(text, &moved);
        match source.events() {
            Ok(events) => return Ok(events),
            Err(error) => {
                if !move_one(&error, source.lines, &mut moved) {
                    return Err(SyntaxError {
                        byte: source.byte(error.marker().index()),
                        reason: error.info().to_owned(),
                    });
                }
            }
        }
    }
}

/// Marks the line that the parser wants further to the right; returns whether there is one.
fn move_one(error: &ScanError, lines: usize, moved: &mut BTreeSet<usize>) -> bool {
    let line = error.marker().line();
    match error.info() {
        words if IN_BRACKETS.contains(&words) => moved.insert(line),
        // Of quotes it names the first line only.
        IN_QUOTES => (line + 1..=lines)
            .find(|line| !moved.contains(line))
            .is_some_and(|line| moved.insert(line)),
        _ => false,
    }
}

struct Source {
    parsed: String,
    /// The byte of the user's text for each character of `parsed`, and for its end.
    bytes: Vec<usize>,
    lines: usize,
}

impl Source {
    /// `moved` holds numbers of lines, from 1.
    fn new(text: &str, moved: &BTreeSet<usize>) -> Source {
        let body = super::without_mark(text);
        let mut source = Source {
            parsed: String::with_capacity(body.len()),
            bytes: Vec::with_capacity(body.len() + 1),
            lines: 0,
        };
        let mut byte = text.len() - body.len();
        for line in body.split_inclusive('\n') {
            source.lines += 1;
            if moved.contains(&source.lines) {
                source.parsed.push_str(&" ".repeat(INDENTATION));
                source.bytes.extend([byte; INDENTATION]);
            }
            source.parsed.push_str(line);
            source
                .bytes
                .extend(line.char_indices().map(|(at, _)| byte + at));
            byte += line.len();
        }
        source.bytes.push(byte);
        source
    }

    fn events(&self) -> Result<Events, ScanError> {
        let mut events = Vec::new();
        for item in Parser::new_from_str(&self.parsed) {
            let (event, span) = item?;
            let event = match event {
                Parsed::DocumentStart(_) => Event::Document,
                Parsed::MappingStart(anchor, _) => Event::Mapping { anchor },
                Parsed::SequenceStart(anchor, _) => Event::Sequence { anchor },
                Parsed::MappingEnd | Parsed::SequenceEnd => Event::End,
                Parsed::Alias(anchor) => Event::Alias { anchor },
                Parsed::Scalar(value, style, anchor, _) => Event::Scalar {
                    value: value.into_owned(),
                    style,
                    anchor,
                },
                _ => continue,
            };
            events.push((
                event,
                self.byte(span.start.index())..self.byte(span.end.index()),
            ));
        }
        Ok(events)
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes[character.min(self.bytes.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(text: &str) -> Vec<String> {
        let events = events(text).unwrap_or_else(|error| panic!("{}: {text}", error.reason));
        events
            .into_iter()
            .filter(|(event, _)| matches!(event, Event::Scalar { .. }))
            .map(|(_, bytes)| text[bytes].trim_end().to_owned())
            .collect()
    }

    #[test]
    fn brackets_and_quotes_may_go_on_at_the_left_margin() {
        assert_eq!(
            scalars("a:\n  é: [\nx,\n\"y\"\n]\n  c: {\nd: e\n}\n"),
            ["a", "é", "x", "\"y\"", "c", "d", "e"]
        );
        assert_eq!(
            scalars("a:\n  b: 'x\n\ny\nz'\n  c: d\n"),
            ["a", "b", "'x\n\ny\nz'", "c", "d"]
        );
    }

    #[test]
    fn what_is_no_yaml_stays_so() {
        for text in [
            "a: [b\n",
            "a: 'b\n",
            "a:\n  b: c\n d: e\n",
            "a: b\n  c: d\n",
        ] {
            assert!(events(text).is_err(), "{text}");
        }
        let error = events("é: [x,\ny: *z]\n").err().unwrap();
        assert_eq!(error.byte, "é: [x,\ny: ".len());
    }
}
