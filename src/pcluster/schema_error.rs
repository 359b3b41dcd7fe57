//! ParallelCluster's schema validator prints its findings as a Python value: a list of
//! (key, findings) pairs, findings being a dictionary by key or list index, or a list of
//! sentences at last.

use super::config::DocumentPath;
use super::config::Segment;

/// A Python literal, as far as such a value holds them.
#[derive(Debug, PartialEq)]
enum Literal {
    Text(String),
    Number(usize),
    Sequence(Vec<Literal>),
    Dictionary(Vec<(Literal, Literal)>),
}

/// Returns each finding with its place, or `None` when the text is no such value.
pub(super) fn read(text: &str) -> Option<Vec<(DocumentPath, String)>> {
    let mut reader = Reader {
        rest: text.trim_start(),
    };
    let literal = reader.literal()?;
    if !reader.rest.trim().is_empty() {
        return None;
    }
    let mut found = Vec::new();
    let Literal::Sequence(pairs) = literal else {
        return None;
    };
    for pair in pairs {
        let Literal::Sequence(pair) = pair else {
            return None;
        };
        let [key, findings] = <[Literal; 2]>::try_from(pair).ok()?;
        collect(
            &DocumentPath::default().join(segment(key)?),
            findings,
            &mut found,
        )?;
    }
    Some(found)
}

fn collect(
    path: &DocumentPath,
    findings: Literal,
    found: &mut Vec<(DocumentPath, String)>,
) -> Option<()> {
    match findings {
        Literal::Text(message) => found.push((path.clone(), message)),
        Literal::Number(number) => found.push((path.clone(), number.to_string())),
        Literal::Sequence(messages) => {
            for message in messages {
                collect(path, message, found)?;
            }
        }
        Literal::Dictionary(entries) => {
            for (key, findings) in entries {
                collect(&path.join(segment(key)?), findings, found)?;
            }
        }
    }
    Some(())
}

fn segment(key: Literal) -> Option<Segment> {
    match key {
        Literal::Text(key) => Some(Segment::Key(key)),
        Literal::Number(index) => Some(Segment::Index(index)),
        _ => None,
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn literal(&mut self) -> Option<Literal> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '[' => self.sequence(']'),
            '(' => self.sequence(')'),
            '{' => self.dictionary(),
            quote @ ('\'' | '"') => self.text(quote),
            digit if digit.is_ascii_digit() => self.number(),
            _ => None,
        }
    }

    fn sequence(&mut self, close: char) -> Option<Literal> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.literal()?);
            self.take(',');
        }
        Some(Literal::Sequence(items))
    }

    fn dictionary(&mut self) -> Option<Literal> {
        self.rest = &self.rest[1..];
        let mut entries = Vec::new();
        while !self.take('}') {
            let key = self.literal()?;
            if !self.take(':') {
                return None;
            }
            entries.push((key, self.literal()?));
            self.take(',');
        }
        Some(Literal::Dictionary(entries))
    }

    fn text(&mut self, quote: char) -> Option<Literal> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    other => text.push(other),
                },
                end if end == quote => {
                    self.rest = &self.rest[at + quote.len_utf8()..];
                    return Some(Literal::Text(text));
                }
                other => text.push(other),
            }
        }
        None
    }

    fn number(&mut self) -> Option<Literal> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len());
        let number = self.rest[..end].parse().ok()?;
        self.rest = &self.rest[end..];
        Some(Literal::Number(number))
    }

    /// Moves past `character`, if it is next.
    fn take(&mut self, character: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        read(text)
            .unwrap()
            .into_iter()
            .map(|(path, message)| format!("{path}: {message}"))
            .collect()
    }

    #[test]
    fn nested_findings_come_with_their_places() {
        let text = "[('HeadNode', {'Networking': {'AdditionalSecurityGroups': {0: ['String does not match expected pattern.']}}}), \
            ('Image', {'Os': ['Must be one of: alinux2023, ubuntu2204.']})]";
        assert_eq!(
            lines(text),
            [
                "HeadNode.Networking.AdditionalSecurityGroups[0]: String does not match expected pattern.",
                "Image.Os: Must be one of: alinux2023, ubuntu2204.",
            ]
        );
    }

    #[test]
    fn findings_at_the_top_and_with_quotes_are_read() {
        let text = r#"[('Image', ['Missing data for required field.']), ('Imagee', ["It's unknown: \"x\"."])]"#;
        assert_eq!(
            lines(text),
            [
                "Image: Missing data for required field.",
                "Imagee: It's unknown: \"x\"."
            ]
        );
    }

    #[test]
    fn other_words_are_no_findings() {
        for text in ["", "plain words", "[('a', ]", "['a'] and more", "{'a': 1}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
