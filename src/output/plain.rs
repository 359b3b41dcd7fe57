//! Words of others, made fit to be shown: without what moves a terminal's cursor, and without
//! tokens.

/// The least that a part of a token has, in characters.
const SHORTEST: usize = 8;

/// Returns text without what could move a terminal's cursor, or turn the words around it.
pub fn plain(text: &str) -> String {
    let shown = |c: char| match c.is_control() || turns(c) {
        true => '\u{fffd}',
        false => c,
    };
    text.chars().map(shown).collect()
}

/// Returns whether a character begins a line, or says in which direction others are written.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns lines as they are told on stderr: without secrets, and without the numbers of the system's
/// errors, whose words stand before them.
pub(super) fn told(lines: &str) -> String {
    without_secrets(&without_numbers(lines))
}

/// Returns text without what Rust adds to an error of the system, as in ` (os error 2)`.
fn without_numbers(text: &str) -> String {
    const BEGIN: &str = " (os error ";
    let mut parts = text.split(BEGIN);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => shown.push_str(rest),
            _ => shown.extend([BEGIN, part]),
        }
    }
    shown
}

/// Returns lines without what could move a terminal's cursor, and with every JSON Web Token,
/// whoever wrote it there, replaced.
fn without_secrets(lines: &str) -> String {
    lines
        .split_inclusive(|c| !is_of_token(c))
        .map(|word| {
            let end = word.trim_end_matches(|c| !is_of_token(c)).len();
            let (word, end) = word.split_at(end);
            let word = if is_token(word) { "…" } else { word };
            let end = if end == "\n" {
                end.to_owned()
            } else {
                plain(end)
            };
            format!("{word}{end}")
        })
        .collect()
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.=".contains(c)
}

/// Returns whether a word is made like `header.payload.signature`, with a JSON payload.
fn is_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() >= 3
        && parts[1..]
            .iter()
            .any(|part| part.starts_with("ey") && part.len() >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_words_around_is_not_shown() {
        assert_eq!(
            plain("a\u{202e}b\u{2028}c\u{2067}d"),
            "a\u{fffd}b\u{fffd}c\u{fffd}d"
        );
        assert_eq!(
            plain("größe שלום 計算 e\u{301}"),
            "größe שלום 計算 e\u{301}"
        );
    }

    #[test]
    fn the_numbers_of_errors_are_not_told() {
        let error = std::io::Error::from_raw_os_error(2);
        assert_eq!(
            told(&format!("because: {error}; and {error}\n")),
            "because: No such file or directory; and No such file or directory\n"
        );
        for other in ["(os error 2)", "a (os error x) b", "a (os error 2"] {
            assert_eq!(told(other), other);
        }
    }

    #[test]
    fn tokens_and_control_characters_are_not_shown() {
        let text = "error: <a.eyJleHAiOjk5.s> \u{1b}[2J\n  next: eyJhbGciOi.eyJleHAiOjk5.sig-1\n";
        assert_eq!(without_secrets(text), "error: <…> \u{fffd}[2J\n  next: …\n");
        let plain = "see docs/a.b.c at https://x.example.org:80, 1.2.3\n";
        assert_eq!(without_secrets(plain), plain);
    }
}
