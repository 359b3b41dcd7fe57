//! Characters that look like a space, or like nothing, and are letters to YAML: they come with what is
//! copied from web pages and documents.

/// The characters, and what they are called.
const CHARACTERS: &[(char, &str)] = &[
    ('\u{a0}', "no-break space"),
    ('\u{2002}', "en space"),
    ('\u{2003}', "em space"),
    ('\u{2009}', "thin space"),
    ('\u{200b}', "zero-width space"),
    ('\u{200e}', "left-to-right mark"),
    ('\u{202f}', "narrow no-break space"),
    ('\u{2060}', "word joiner"),
    ('\u{3000}', "ideographic space"),
    ('\u{feff}', "byte order mark"),
];

/// Returns where the first of them is, behind the byte order mark that a file may begin with: line and
/// column from 1, and what it is.
pub(super) fn first(text: &str) -> Option<(usize, usize, String)> {
    for (line, words) in super::without_mark(text).lines().enumerate() {
        // What is said in comments is for people.
        let code = words.split(" #").next().unwrap_or_default();
        if code.starts_with('#') {
            continue;
        }
        for (column, letter) in code.chars().enumerate() {
            if let Some((_, name)) = CHARACTERS.iter().find(|(one, _)| *one == letter) {
                let what = format!("{name} (U+{:04X})", u32::from(letter));
                return Some((line + 1, column + 1, what));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_with_its_place() {
        let text = "\u{feff}Image: # a\u{a0}comment\n  Os:\u{a0}alinux2023\n";
        let told = (2, 6, "no-break space (U+00A0)".to_owned());
        assert_eq!(first(text), Some(told));
        assert_eq!(first("# \u{a0}\nImage: {}\n"), None);
    }
}
