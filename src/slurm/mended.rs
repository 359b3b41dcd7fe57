//! JSON as servers write it that is none: numbers that are no numbers, and texts of users that no
//! JSON can hold. What cannot be read is replaced, and the rest stays as it is.

use std::borrow::Cow;

/// What stands for a character that is none.
const REPLACEMENT: &str = "\\ufffd";

/// Returns a document with `null` for numbers that are none (`NaN`, `Infinity`) or have no room
/// (`1e999`), and U+FFFD for half characters and control characters in texts. It is the same one
/// when there is nothing to mend.
pub(super) fn mended(document: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut kept = 0;
    let mut rest = document;
    while let Some(next) = rest.chars().next() {
        let at = document.len() - rest.len();
        let (length, instead) = match next {
            '"' => text(rest),
            c if is_of_word(c) => word(rest),
            c => (c.len_utf8(), None),
        };
        if let Some(instead) = instead {
            mended.push_str(&document[kept..at]);
            mended.push_str(&instead);
            kept = at + length;
        }
        rest = &rest[length..];
    }
    if kept == 0 {
        return Cow::Borrowed(document);
    }
    mended.push_str(&document[kept..]);
    Cow::Owned(mended)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')
}

/// Returns how long the word is that `rest` begins with, and what to write instead.
fn word(rest: &str) -> (usize, Option<String>) {
    let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
    let word = &rest[..length];
    let is_known = ["true", "false", "null"].contains(&word);
    // Rust reads `inf` and `NaN` as numbers, too, and `1e999` as one that is infinite.
    let is_number = || word.parse().is_ok_and(f64::is_finite);
    match is_known || is_number() {
        true => (length, None),
        false => (length, Some("null".to_owned())),
    }
}

/// Returns how long the text in quotes is that `rest` begins with, and what to write instead.
fn text(rest: &str) -> (usize, Option<String>) {
    let mut mended = String::new();
    let mut kept = 0;
    let mut characters = rest.char_indices().skip(1);
    let mut length = rest.len();
    while let Some((at, c)) = characters.next() {
        let bad = match c {
            '"' => {
                length = at + 1;
                break;
            }
            '\\' => {
                let (escape, is_good) = escape(&rest[at..]);
                // The first of its characters is taken already, and each is one byte.
                (1..escape).for_each(|_| {
                    characters.next();
                });
                (!is_good).then_some(escape)
            }
            c if c.is_ascii_control() => Some(1),
            _ => None,
        };
        if let Some(bad) = bad {
            mended.push_str(&rest[kept..at]);
            mended.push_str(REPLACEMENT);
            kept = at + bad;
        }
    }
    if kept == 0 {
        return (length, None);
    }
    mended.push_str(&rest[kept..length]);
    (length, Some(mended))
}

/// Returns how long the escape is that `rest` begins with, and whether it means a character.
fn escape(rest: &str) -> (usize, bool) {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    match (rest.as_bytes().get(1), unit(0), unit(6)) {
        (Some(b'u'), Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, true),
        (Some(b'u'), Some(0xd800..0xe000), _) => (6, false),
        (Some(b'u'), Some(_), _) => (6, true),
        (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), ..) => (2, true),
        _ => (1, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_json_is_replaced_and_the_rest_stays() {
        for (broken, expected) in [
            (
                r#"{"a":NaN,"b":[1,-Infinity]}"#,
                r#"{"a":null,"b":[1,null]}"#,
            ),
            (r#"{"a":1e999,"b":-1.5e3}"#, r#"{"a":null,"b":-1.5e3}"#),
            (r#"{"NaN":"Infinity"}"#, r#"{"NaN":"Infinity"}"#),
            (
                r#"["\ud800x","\ud83d\ude00","\"\\"]"#,
                r#"["\ufffdx","\ud83d\ude00","\"\\"]"#,
            ),
            ("[\"a\u{1}b\"]", "[\"a\\ufffdb\"]"),
            (r#"["\x41"]"#, r#"["\ufffdx41"]"#),
        ] {
            assert_eq!(mended(broken), expected);
            assert!(
                serde_json::from_str::<serde_json::Value>(expected).is_ok(),
                "{expected}"
            );
        }
    }

    proptest! {
        #[test]
        fn good_json_is_left_alone(text in any::<String>(), number in any::<f64>(), whole in any::<i64>()) {
            let document = serde_json::json!({"a": [text, number, whole, true, null], "b": {}});
            let document = document.to_string();
            prop_assert_eq!(mended(&document), Cow::Borrowed(&document));
        }

        #[test]
        fn nothing_makes_it_panic(document in "[\\[\\]{}\",:\\\\a-z0-9.üNaN\u{0}-]{0,40}") {
            mended(&document);
        }
    }
}
