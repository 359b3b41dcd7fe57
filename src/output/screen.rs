//! Text that is shown again and again: in place on a terminal, one below the other in a pipe.

use console::Term;

use crate::error::Result;

use super::stdout::{self, Reader};

/// What was shown last.
#[derive(Debug, Default)]
pub struct Screen {
    lines: usize,
    last: Option<String>,
}

impl Screen {
    /// Shows a text in the place of the last one; in a pipe only if it is another one.
    pub fn show(&mut self, text: &str) -> Result<Reader> {
        let terminal = Term::stdout();
        if !terminal.is_term() {
            if self.last.as_deref() == Some(text) {
                return Ok(Reader::There);
            }
            self.last = Some(text.to_owned());
            return stdout::bytes(text.as_bytes());
        }
        // What is longer than the screen would scroll instead of staying in place.
        let room = usize::from(terminal.size().0).saturating_sub(1).max(1);
        let lines = fitting(text, room);
        let shown = format!("{}\n", lines.join("\n"));
        let last = std::mem::replace(&mut self.lines, lines.len().max(1));
        stdout::outcome(
            terminal
                .clear_last_lines(last)
                .and_then(|()| terminal.write_str(&shown)),
        )
    }
}

/// Returns the lines of a text that `room` lines hold: the heading and the last ones, where the newest
/// stand.
fn fitting(text: &str, room: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    if lines.len() <= room {
        return owned(&lines);
    }
    let Some(last) = room.checked_sub(2).filter(|last| *last > 0) else {
        return owned(&lines[lines.len() - room..]);
    };
    let mut shown: Vec<String> = owned(&lines[..1]);
    shown.push(format!("… {} lines more", lines.len() - 1 - last));
    shown.extend(lines[lines.len() - last..].iter().map(ToString::to_string));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_longer_than_the_screen_the_newest_is_shown() {
        let text = "JOB\n1\n2\n3\n4\n";
        assert_eq!(fitting(text, 5), ["JOB", "1", "2", "3", "4"]);
        assert_eq!(fitting(text, 4), ["JOB", "… 2 lines more", "3", "4"]);
        assert_eq!(fitting(text, 3), ["JOB", "… 3 lines more", "4"]);
        assert_eq!(fitting(text, 2), ["3", "4"]);
        assert_eq!(fitting("", 1), [""; 0]);
    }
}
