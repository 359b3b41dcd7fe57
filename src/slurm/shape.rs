//! The shapes that one and the same value has in the versions of Slurm's API: a number or a
//! struct of a number, a word or a list of words. Each reader takes them all.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::mended::mended;

/// INFINITE and NO_VAL of Slurm in 32 and 64 bits, as old versions show them.
const INFINITE: [u64; 2] = [0xffff_ffff, 0xffff_ffff_ffff_ffff];
const NO_VALUE: [u64; 2] = [0xffff_fffe, 0xffff_ffff_ffff_fffe];

/// Numbers that are no whole ones are read up to this.
const LARGEST: f64 = 9e18;

/// A number: plain, in a string, null, or `{set, infinite, number}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Number {
    /// Nobody set it.
    #[default]
    Unset,
    /// There is no limit.
    Infinite,
    /// It is this; fractions are cut off.
    Is(i64),
}

impl Number {
    /// Returns the number, if it is one.
    pub fn value(self) -> Option<i64> {
        match self {
            Number::Is(number) => Some(number),
            Number::Unset | Number::Infinite => None,
        }
    }

    /// Returns the number if it is one and not negative.
    pub fn count(self) -> Option<u64> {
        self.value().and_then(|number| u64::try_from(number).ok())
    }

    /// Returns the number if it is one above zero: many a zero of Slurm's means "none".
    pub fn positive(self) -> Option<u64> {
        self.count().filter(|number| *number > 0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// The keys of a number that is a struct. A job has two dozen such numbers: no key is copied.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Set,
    Infinite,
    Number,
    #[serde(other)]
    Other,
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(if INFINITE.contains(&number) {
            Number::Infinite
        } else if NO_VALUE.contains(&number) {
            Number::Unset
        } else {
            i64::try_from(number).map_or(Number::Infinite, Number::Is)
        })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Is(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        // Nothing that Slurm counts is as large.
        if number.abs() >= LARGEST {
            return Ok(Number::Unset);
        }
        #[expect(clippy::cast_possible_truncation, reason = "fractions are cut off")]
        Ok(Number::Is(number as i64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        match text.trim() {
            "" => Ok(Number::Unset),
            text => text
                .parse()
                .map(Number::Is)
                .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number::Unset)
    }

    fn visit_none<E>(self) -> Result<Number, E> {
        Ok(Number::Unset)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Number, M::Error> {
        let (mut is_set, mut is_infinite, mut number) = (true, false, Number::Unset);
        while let Some(part) = map.next_key()? {
            match part {
                Part::Set => is_set = map.next_value()?,
                Part::Infinite => is_infinite = map.next_value()?,
                Part::Number => number = map.next_value()?,
                Part::Other => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(if is_infinite {
            Number::Infinite
        } else if is_set {
            number
        } else {
            Number::Unset
        })
    }
}

/// A text, or null for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(String);

impl Text {
    /// Returns the text; empty when there is none.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text, unless it is empty or one of Slurm's ways to say nothing.
    pub(super) fn some(self) -> Option<String> {
        let says_nothing = matches!(
            self.0.as_str(),
            "" | "(null)" | "None" | "None assigned" | "N/A"
        );
        (!says_nothing).then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Text(
            Option::<String>::deserialize(deserializer)?.unwrap_or_default(),
        ))
    }
}

/// Words: a list of them, one word or several with commas between them, or null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                let words = text.split(',').filter(|word| !word.is_empty());
                Ok(Words(words.map(ToOwned::to_owned).collect()))
            }

            fn visit_unit<E>(self) -> Result<Words, E> {
                Ok(Words::default())
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Words, S::Error> {
                let mut words = Vec::new();
                // One that is no word costs only itself.
                while let Some(word) = list.next_element::<Value>()? {
                    if let Value::String(word) = word {
                        words.push(word);
                    }
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}

/// Reads a server's JSON. Slurm hands on what users write into names and comments byte for byte;
/// what of it is no UTF-8, or no JSON, is replaced.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    // Nearly all is good: what it costs to look at the bytes of each field that nobody reads, and to
    // mend, is for the rest alone.
    serde_json::from_slice(bytes).or_else(|_| {
        let text = String::from_utf8_lossy(bytes);
        serde_json::from_str(&text).or_else(|error| match mended(&text) {
            Cow::Borrowed(_) => Err(error),
            Cow::Owned(mended) => serde_json::from_str(&mended),
        })
    })
}

/// Reads a list, or null for an empty one.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Option<Number> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn a_number_is_one_in_every_shape() {
        for (json, expected) in [
            ("5", Number::Is(5)),
            ("-3", Number::Is(-3)),
            ("0.7", Number::Is(0)),
            ("\"12\"", Number::Is(12)),
            ("null", Number::Unset),
            ("4294967294", Number::Unset),
            ("4294967295", Number::Infinite),
            ("18446744073709551615", Number::Infinite),
            (r#"{"set":true,"infinite":false,"number":7}"#, Number::Is(7)),
            (
                r#"{"set":false,"infinite":false,"number":7}"#,
                Number::Unset,
            ),
            (
                r#"{"set":false,"infinite":true,"number":0}"#,
                Number::Infinite,
            ),
            (r#"{"number":7}"#, Number::Is(7)),
        ] {
            assert_eq!(number(json), Some(expected), "{json}");
        }
        for wrong in ["true", "[1]", "\"x\"", r#"{"set":5}"#] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_replaced() {
        let read: Vec<String> = read(b"[\"gr\xf6\xdfe\",\"\xc3\"]").unwrap();
        assert_eq!(read, ["gr\u{fffd}\u{fffd}e", "\u{fffd}"]);
        let numbers: Vec<Number> = super::read(b"[NaN,-Infinity,1e999,1e30,7]").unwrap();
        let unset = Number::Unset;
        assert_eq!(numbers, [unset, unset, unset, unset, Number::Is(7)]);
    }

    #[test]
    fn words_are_a_list_in_every_shape() {
        let words = |json: &str| serde_json::from_str::<Words>(json).unwrap().0;
        assert_eq!(words(r#"["A","B"]"#), ["A", "B"]);
        assert_eq!(words(r#""A,B""#), ["A", "B"]);
        assert_eq!(words("\"\""), Vec::<String>::new());
        assert_eq!(words("null"), Vec::<String>::new());
        assert_eq!(words(r#"["A",5,null,{},"B"]"#), ["A", "B"]);
    }
}
