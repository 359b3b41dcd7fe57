//! Patterns of IAM.

/// Returns whether a pattern of IAM, with `*` for any characters and `?` for one, means a text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last `*` is, and how much of the text it means so far.
    let mut star = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((stands, means)) = star else {
                    return false;
                };
                star = Some((stands, means + 1));
                (at, read) = (stands + 1, means + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_iam_means() {
        for (pattern, text, expected) in [
            ("*", "a/b", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("hpcapi/*", "hpcapi/0/x.sh", true),
            ("h*/?/*.sh", "hpcapi/0/x.sh", true),
            ("scripts/*", "hpcapi/0/x.sh", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
