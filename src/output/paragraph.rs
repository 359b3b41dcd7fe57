//! Lines for people that are longer than a terminal is wide: broken between words, with what follows
//! below where the text began.

use console::measure_text_width;

/// Narrower than so many characters no text is broken: there would be a word a line.
const LEAST: usize = 30;

/// Returns `first` and behind it the text, in lines for a terminal of so many columns if there is one; each
/// line is ended.
pub(super) fn hanging(first: &str, text: &str, columns: Option<usize>) -> String {
    let words = text.trim_start_matches(' ');
    let first = format!("{first}{}", &text[..text.len() - words.len()]);
    let indent = measure_text_width(&first);
    let room = columns.and_then(|columns| columns.checked_sub(indent));
    let Some(room) = room.filter(|room| *room >= LEAST) else {
        return format!("{first}{words}\n");
    };
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines
            .last_mut()
            .map(|line| (measure_text_width(line), line));
        match line {
            Some((0, line)) => line.push_str(word),
            Some((width, line)) if width + 1 + measure_text_width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let below = format!("\n{}", " ".repeat(indent));
    format!("{first}{}\n", lines.join(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_goes_on_below_where_it_began() {
        let text = "the nodes of partition queue1: 1 free, 9 powered down";
        let told = hanging("ok       queues  ", text, Some(50));
        assert_eq!(
            told,
            "ok       queues  the nodes of partition queue1: 1\n\
             \x20                free, 9 powered down\n"
        );
        assert!(told.lines().all(|line| line.len() <= 50));
    }

    #[test]
    fn what_is_indented_stays_so() {
        let told = hanging(
            "  because: ",
            "  12 |  Name: a long name of a queue",
            Some(44),
        );
        assert_eq!(
            told,
            "  because:   12 |  Name: a long name of a\n             queue\n"
        );
    }

    #[test]
    fn in_a_pipe_and_where_there_is_no_room_it_is_one_line() {
        let text = "word ".repeat(40);
        for columns in [None, Some(20)] {
            assert_eq!(hanging("ok  ", &text, columns).lines().count(), 1);
        }
    }

    #[test]
    fn a_word_that_is_too_long_has_a_line_of_its_own() {
        let name = "x".repeat(60);
        let told = hanging("ok  ", &format!("the bucket {name} is there"), Some(40));
        assert_eq!(told, format!("ok  the bucket\n    {name}\n    is there\n"));
    }
}
