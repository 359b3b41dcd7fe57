//! Words of others, made fit to be shown: without what moves a terminal's cursor, and without
//! tokens.

/// The least that a part of a token has, in characters.
const SHORTEST: usize = 8;

/// Returns text without what could move a terminal's cursor.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Returns lines without what could move a terminal's cursor, and with every JSON Web Token,
/// whoever wrote it there, replaced.
pub(super) fn without_secrets(lines: &str) -> String {
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
    fn tokens_and_control_characters_are_not_shown() {
        let text = "error: <a.eyJleHAiOjk5.s> \u{1b}[2J\n  next: eyJhbGciOi.eyJleHAiOjk5.sig-1\n";
        assert_eq!(without_secrets(text), "error: <…> \u{fffd}[2J\n  next: …\n");
        let plain = "see docs/a.b.c at https://x.example.org:80, 1.2.3\n";
        assert_eq!(without_secrets(plain), plain);
    }
}
