//! Text that is shown again and again: in place on a terminal, one below the other in a pipe.

use console::Term;

/// What was shown last.
#[derive(Debug, Default)]
pub struct Screen {
    lines: usize,
    last: Option<String>,
}

impl Screen {
    /// Shows a text in the place of the last one; in a pipe only if it is another one.
    pub fn show(&mut self, text: &str) {
        let terminal = Term::stdout();
        if !terminal.is_term() {
            if self.last.as_deref() != Some(text) {
                super::raw(text);
                self.last = Some(text.to_owned());
            }
            return;
        }
        // What is longer than the screen would scroll instead of staying in place.
        let room = usize::from(terminal.size().0).saturating_sub(1).max(1);
        let lines: Vec<&str> = text.lines().take(room).collect();
        // A terminal that is gone ends the program by its signal.
        let _ = terminal.clear_last_lines(self.lines);
        let _ = terminal.write_str(&format!("{}\n", lines.join("\n")));
        self.lines = lines.len().max(1);
    }
}
