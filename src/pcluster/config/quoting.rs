//! Writes a value as the content of a scalar, in the style in which the user wrote it.

use std::borrow::Cow;

use saphyr_parser::ScalarStyle;

/// Words that are no strings when they stand without quotes.
const NO_STRINGS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Returns the text to put where a `CHANGE_ME` of this style stood.
pub(super) fn written(value: &str, style: ScalarStyle) -> Cow<'_, str> {
    match style {
        ScalarStyle::Plain if is_safe(value) => value.into(),
        ScalarStyle::Plain => format!("'{}'", value.replace('\'', "''")).into(),
        ScalarStyle::SingleQuoted => value.replace('\'', "''").into(),
        ScalarStyle::DoubleQuoted => value.replace('\\', "\\\\").replace('"', "\\\"").into(),
        ScalarStyle::Literal | ScalarStyle::Folded => value.into(),
    }
}

/// Returns whether a value means itself without quotes, wherever it stands. (The name of a key
/// pair may be `1e3`, or hold blanks and colons.)
fn is_safe(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(is_plain)
        && !value.ends_with(':')
        && !NO_STRINGS.contains(&value.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hpcapi_makes_needs_no_quotes() {
        for value in [
            "subnet-0123",
            "us-gov-east-1",
            "s3://my-bucket/hpcapi/0a/head-node.sh",
        ] {
            assert_eq!(written(value, ScalarStyle::Plain), value);
        }
    }

    #[test]
    fn what_would_mean_something_else_is_quoted() {
        for value in ["1e3", "No", "a: b", "a #b", "it's", "-", "", "a:", "[a]"] {
            let text = written(value, ScalarStyle::Plain);
            assert!(text.starts_with('\''), "{text}");
            let read: String = serde_yaml::from_str(&text).unwrap();
            assert_eq!(read, value);
        }
        assert_eq!(written("it's", ScalarStyle::SingleQuoted), "it''s");
        assert_eq!(written("a\\\"", ScalarStyle::DoubleQuoted), "a\\\\\\\"");
    }
}
