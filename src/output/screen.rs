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
        let lines: Vec<&str> = text.lines().take(room).collect();
        let shown = format!("{}\n", lines.join("\n"));
        let last = std::mem::replace(&mut self.lines, lines.len().max(1));
        stdout::outcome(
            terminal
                .clear_last_lines(last)
                .and_then(|()| terminal.write_str(&shown)),
        )
    }
}
