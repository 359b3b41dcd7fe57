//! What somebody may have meant who wrote a word that is not known.

/// Returns the known word that is most like this one, if one is like it at all.
pub(crate) fn nearest(
    word: &str,
    known: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .min()
        .filter(|(distance, _)| *distance <= word.len().min(9) / 3)
        .map(|(_, known)| known)
}

/// Returns how many letters have to be changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_slip_is_known_and_another_is_not() {
        let known = ["region", "profile", "key_name"];
        assert_eq!(nearest("regoin", known), Some("region"));
        assert_eq!(nearest("key-name", known), Some("key_name"));
        assert_eq!(nearest("zzzzzz", known), None);
        assert_eq!(nearest("", known), None);
    }
}
