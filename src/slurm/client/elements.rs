//! Lists that are too long to be held: their elements are cut out of the stream one by one, as
//! it comes, and only what stands around them is kept.

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

/// The longest element, and the most that may stand around the elements, in bytes.
const LONGEST: usize = 8 << 20;

/// The most that a list may hold. Slurm itself keeps 10,000 jobs by default.
const MOST: usize = 500_000;

/// Cuts the elements out of `{"<list>": [element, …], …}`.
#[derive(Debug)]
pub(super) struct Elements {
    list: &'static str,
    place: Place,
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    /// The last whole string at the depth of the keys, with its quotes.
    key: Vec<u8>,
    is_key_open: bool,
    element: Vec<u8>,
    envelope: Vec<u8>,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of the list.
    Around,
    /// In the list, before, between or behind its elements.
    Between,
    /// In an element.
    Inside,
}

impl Elements {
    /// Returns a cutter for the elements of the list of that name.
    pub(super) fn of(list: &'static str) -> Elements {
        Elements {
            list,
            place: Place::Around,
            depth: 0,
            in_string: false,
            is_escaped: false,
            key: Vec::new(),
            is_key_open: false,
            element: Vec::new(),
            envelope: Vec::new(),
            count: 0,
        }
    }

    /// Takes the next piece of the stream; `found` gets each element that it completes.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        mut found: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            let used = match self.place {
                Place::Around => self.around(rest),
                Place::Between => self.between(rest),
                Place::Inside => self.inside(rest, &mut found)?,
            };
            rest = &rest[used..];
            if self.element.len() > LONGEST || self.envelope.len() > LONGEST {
                return Err(Error::failed(format!(
                    "the server sends more than {} MiB in one piece",
                    LONGEST >> 20
                )));
            }
        }
        Ok(())
    }

    /// Returns what stood around the elements: the same document with an empty list. Fails when
    /// it breaks off.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        let is_document = self.envelope.trim_ascii_start().starts_with(b"{");
        if is_document && (self.depth > 0 || self.in_string) {
            return Err(Error::failed(format!(
                "the server's list of {} breaks off after {} of them",
                self.list, self.count
            ))
            .hint(Hint::run(Verb::Ping).because("try again, and look what is wrong")));
        }
        Ok(self.envelope)
    }

    /// Returns how much of `bytes` it used; stops behind the `[` that opens the list.
    fn around(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                self.go_through_string(byte);
                continue;
            }
            match byte {
                b'"' => {
                    self.in_string = true;
                    self.is_key_open = self.depth == 1;
                    self.key.clear();
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    if byte == b'[' && self.depth == 2 && self.key == self.list.as_bytes() {
                        self.envelope.extend_from_slice(&bytes[..=at]);
                        self.place = Place::Between;
                        return at + 1;
                    }
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' if self.depth == 1 => self.key.clear(),
                _ => {}
            }
        }
        self.envelope.extend_from_slice(bytes);
        bytes.len()
    }

    fn go_through_string(&mut self, byte: u8) {
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'\\' {
            self.is_escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            self.is_key_open = false;
            return;
        }
        if self.is_key_open && self.key.len() <= self.list.len() {
            self.key.push(byte);
        }
    }

    /// Passes over commas and blanks to the next element, or out of the list.
    fn between(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b',' if self.count > 0 => {}
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'{' => {
                    self.place = Place::Inside;
                    return at;
                }
                _ => {
                    // The end of the list, or what no list may hold: a JSON reader judges it.
                    self.place = Place::Around;
                    self.key.clear();
                    return at;
                }
            }
        }
        bytes.len()
    }

    /// Collects an element, an object, to its end.
    fn inside(
        &mut self,
        bytes: &[u8],
        found: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.through_text(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 2 {
                        self.complete(&bytes[..=at], found)?;
                        return Ok(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        self.element.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Passes over a text in an element; returns how much of `bytes` is of it. Half of a list are texts:
    /// nothing in them but these two bytes is looked at.
    fn through_text(&mut self, bytes: &[u8]) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return 1;
        }
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
        let Some(at) = bytes.iter().position(is_special) else {
            return bytes.len();
        };
        self.in_string = bytes[at] != b'"';
        self.is_escaped = self.in_string;
        at + 1
    }

    fn complete(&mut self, end: &[u8], found: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.place = Place::Between;
        self.count += 1;
        if self.count > MOST {
            return Err(Error::failed(format!(
                "the server lists more than {MOST} things"
            )));
        }
        if self.element.is_empty() {
            return found(end);
        }
        self.element.extend_from_slice(end);
        let outcome = found(&self.element);
        self.element.clear();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(document: &str, piece: usize) -> (Vec<String>, String) {
        let mut elements = Elements::of("jobs");
        let mut found = Vec::new();
        for piece in document.as_bytes().chunks(piece) {
            elements
                .push(piece, |element| {
                    found.push(String::from_utf8(element.to_vec()).unwrap());
                    Ok(())
                })
                .unwrap();
        }
        (
            found,
            String::from_utf8(elements.finish().unwrap()).unwrap(),
        )
    }

    #[test]
    fn elements_come_out_whole_wherever_the_stream_is_cut() {
        let document = r#"{"meta":{"jobs":[{"no":1}]}, "x":"jobs", "jobs" : [ {"a":"}]\"{","b":[{}]},
            {"c":{"d":[1]}} ], "errors":["jobs"]}"#;
        for piece in 1..document.len() {
            let (found, envelope) = cut(document, piece);
            assert_eq!(found, [r#"{"a":"}]\"{","b":[{}]}"#, r#"{"c":{"d":[1]}}"#]);
            let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
            assert_eq!(envelope["jobs"], serde_json::json!([]));
            assert_eq!(envelope["meta"]["jobs"][0]["no"], 1);
        }
    }

    #[test]
    fn what_is_no_element_is_left_to_a_json_reader() {
        for broken in [
            r#"{"jobs":[5]}"#,
            r#"{"jobs":[,{}]}"#,
            r#"{"jobs":7}"#,
            "<html>",
            "]]]",
        ] {
            let (found, envelope) = cut(broken, 3);
            assert!(found.is_empty(), "{found:?}");
            assert_eq!(envelope, broken);
        }
    }

    #[test]
    fn a_list_that_breaks_off_is_told_so() {
        let whole = r#"{"jobs":[{"a":"b"},{"c":{}}],"errors":[]}"#;
        for length in 1..=whole.len() {
            let mut elements = Elements::of("jobs");
            let pushed = elements.push(&whole.as_bytes()[..length], |_| Ok(()));
            pushed.unwrap();
            let count = elements.count;
            let told = elements.finish().map_err(|error| error.to_string());
            match length == whole.len() {
                true => assert!(told.is_ok()),
                false => assert_eq!(
                    told.unwrap_err(),
                    format!("the server's list of jobs breaks off after {count} of them")
                ),
            }
        }
    }

    #[test]
    fn an_endless_element_is_refused() {
        let mut elements = Elements::of("jobs");
        elements.push(br#"{"jobs":[{"a":""#, |_| Ok(())).unwrap();
        let piece = vec![b'a'; 1 << 20];
        assert!((0..20).any(|_| elements.push(&piece, |_| Ok(())).is_err()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut elements = Elements::of("jobs");
            for piece in pieces {
                let _ = elements.push(&piece, |_| Ok(()));
            }
            let _ = elements.finish();
        }

        #[test]
        fn nothing_is_lost(values in proptest::collection::vec("[\\[\\]{}\",:\\\\a]{0,9}", 0..5), piece in 1_usize..9) {
            let jobs: Vec<_> = values.iter().map(|text| serde_json::json!({"v": text})).collect();
            let document = serde_json::json!({"a": values, "jobs": jobs, "z": [[{}]]}).to_string();
            let (found, _) = cut(&document, piece);
            let found: Vec<serde_json::Value> =
                found.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(found, jobs);
        }
    }
}
