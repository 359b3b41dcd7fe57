//! ParallelCluster's schema validator prints its findings as a Python value: a list of
//! (key, findings) pairs, findings being a dictionary by key or list index, or a list of
//! sentences at last. The key `_schema` stands for the mapping as a whole.

use std::str::Chars;

use super::config::{DocumentPath, Segment};

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
        let path = below(&DocumentPath::default(), key)?;
        collect(&path, findings, &mut found)?;
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
                collect(&below(path, key)?, findings, found)?;
            }
        }
    }
    Some(())
}

fn below(path: &DocumentPath, key: Literal) -> Option<DocumentPath> {
    Some(match key {
        Literal::Text(key) if key == "_schema" => path.clone(),
        Literal::Text(key) => path.join(Segment::Key(key)),
        Literal::Number(index) => path.join(Segment::Index(index)),
        Literal::Sequence(_) | Literal::Dictionary(_) => return None,
    })
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
            _ => self.word(),
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
        let mut characters = self.rest.chars();
        characters.next();
        loop {
            match characters.next()? {
                '\\' => text.push(escaped(&mut characters)?),
                end if end == quote => {
                    self.rest = characters.as_str();
                    return Some(Literal::Text(text));
                }
                other => text.push(other),
            }
        }
    }

    /// A number, or what else stands without quotes (`True`, `None`, `1.5`).
    fn word(&mut self) -> Option<Literal> {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
        let length = self.rest.find(|c| !is_inside(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        match word.parse() {
            Ok(number) => Some(Literal::Number(number)),
            Err(_) if word.is_empty() => None,
            Err(_) => Some(Literal::Text(word.to_owned())),
        }
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

/// Returns the character that stands behind a backslash.
fn escaped(characters: &mut Chars<'_>) -> Option<char> {
    let digits = match characters.next()? {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some(other),
    };
    let code: String = characters.by_ref().take(digits).collect();
    char::from_u32(u32::from_str_radix(&code, 16).ok()?)
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
    fn a_finding_about_a_mapping_as_a_whole_stands_at_the_mapping() {
        assert_eq!(
            lines("[('HeadNode', {'Imds': {'_schema': ['Invalid input type.']}})]"),
            ["HeadNode.Imds: Invalid input type."]
        );
    }

    #[test]
    fn keys_of_every_kind_are_read() {
        let text = r"[('Tags', {0: {'it\'s \\ \xa0é\u200b': ['Unknown field.'], True: ['a'], 1.5: ['b']}})]";
        assert_eq!(
            lines(text),
            [
                "Tags[0].it's \\ \u{a0}é\u{200b}: Unknown field.",
                "Tags[0].True: a",
                "Tags[0].1.5: b",
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
