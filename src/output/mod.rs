//! The only place that prints: the answer on stdout, the story on stderr.

mod course;
mod kinds;
mod layout;
mod lists;
mod moments;
mod moving;
mod paragraph;
mod pipe;
mod plain;
mod rows;
mod screen;
mod stdout;
mod story;
mod table;
mod unfinished;
mod units;
mod volume;

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, Kind};
use crate::hint::Again;

pub use lists::{CsvList, JsonList, TextList};
pub use moments::{moment, moment_from};
pub use plain::plain;
pub use screen::Screen;
pub use stdout::{
    Reader, after, answer, bytes, document, end_of_document, error_bytes, printed, raw,
};
pub use story::{Story, telling};
pub use table::{Cell, Table};
pub use units::{ago, memory, size, span};
pub use volume::Volume;

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// What a command found out: serialised for programs, with a text for people.
pub trait Answer: Serialize {
    /// Returns the text, each line ended.
    fn text(&self) -> String;

    /// Returns what people are told besides, of a list in which there is nothing.
    fn emptiness(&self) -> Option<&Emptiness> {
        None
    }

    /// Returns what the command has done, for the error of an answer that cannot be written.
    fn done(&self) -> Option<String> {
        None
    }
}

/// That there is nothing in a list, and what to type next.
#[derive(Debug, Clone)]
pub struct Emptiness {
    /// What there is none of, as in `there are no jobs`.
    pub said: String,
    /// What to type next.
    pub next: Vec<String>,
}

impl Emptiness {
    /// Tells people on stderr: the answer on stdout is the list alone.
    pub fn tell(&self) {
        harmless(&self.text());
    }

    fn text(&self) -> String {
        let next = self.next.iter().map(|next| format!("  next: {next}\n"));
        format!("{}\n{}", self.said, next.collect::<String>())
    }
}

/// Returns the answer of a command as one JSON document.
pub fn json(answer: &impl Answer) -> String {
    let json = serde_json::to_string_pretty(answer);
    format!("{}\n", json.expect("answers are plain data"))
}

/// Prints text on stderr as it is.
pub fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Tells a line on stderr to people at a terminal, and to nobody else.
pub fn remark(line: &str) {
    if std::io::stderr().is_terminal() {
        harmless(&format!("{line}\n"));
    }
}

/// Prints an error of a call: what failed, why, and what to type next.
pub fn error(error: &Error, again: &Again) {
    harmless(&error_text(error, again));
}

fn error_text(error: &Error, again: &Again) -> String {
    let columns = terminal_columns();
    let hanging = |first: &str, line: &str| paragraph::hanging(first, line, columns);
    // Who says no knows it, and who asks what there is wants to know.
    let first = match error.kind() {
        Kind::Declined | Kind::Answer(_) => "",
        _ => "error: ",
    };
    let mut text = in_lines(first, &error.to_string(), hanging);
    if error.kind() == Kind::Interrupted && std::io::stderr().is_terminal() {
        // Below the echoed `^C`.
        text.insert(0, '\n');
    }
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let words = source.to_string();
        text.push_str(&in_lines("  because: ", words.trim_end(), hanging));
        cause = source.source();
    }
    // These are typed: a line that is broken cannot be.
    for hint in error.hints() {
        text.push_str(&format!("  next: {}\n", again.hint(hint)));
    }
    text
}

/// Returns text behind `first`, its own lines below where it began.
fn in_lines(first: &str, text: &str, hanging: impl Fn(&str, &str) -> String) -> String {
    let below = " ".repeat(first.len());
    let firsts = std::iter::once(first).chain(std::iter::repeat(below.as_str()));
    let lines = firsts.zip(text.lines());
    lines.map(|(first, line)| hanging(first, line)).collect()
}

/// Returns how many columns stderr has, if it is a terminal.
fn terminal_columns() -> Option<usize> {
    let terminal = console::Term::stderr();
    terminal.is_term().then(|| usize::from(terminal.size().1))
}

/// Prints lines that hold words of others on stderr: without tokens, and without what could move
/// a terminal's cursor.
pub fn harmless(lines: &str) {
    tell(&plain::told(lines));
}

/// Asks a question on stderr; returns whether the answer on stdin was yes.
pub async fn confirm(question: &str) -> bool {
    let answer = asked(&format!("{question} [y/N]")).await;
    answer.is_some_and(|answer| ["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// Asks a question on stderr; returns the answer on stdin, `None` when there is none. Meanwhile the
/// user may interrupt.
pub async fn asked(question: &str) -> Option<String> {
    // In one piece: whoever types ahead is echoed behind it.
    let question = format!("{question} ");
    std::io::stderr().write_all(question.as_bytes()).ok()?;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = read.await.ok()?.ok()?;
    Some(line.trim().to_owned())
}

/// Returns a verdict in a column of so many characters, coloured by how good it is where stdout is a
/// terminal.
pub fn verdict(word: &str, width: usize) -> String {
    let padded = format!("{word:<width$}");
    table::style(word).apply_to(padded).to_string()
}

/// Returns `first` and behind it the text, for stdout: on a terminal a long one goes on below where it
/// began. Each line is ended.
pub fn hanging(first: &str, text: &str) -> String {
    paragraph::hanging(first, text, table::terminal_width())
}

/// Returns a duration as people say it: `4.2 s`, `3 min 20 s`.
pub fn human(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_is_no_error() {
        let again = Again::of("hpcapi");
        let declined = Error::new(Kind::Declined, "cancelled; nothing was changed");
        assert_eq!(
            error_text(&declined, &again),
            "cancelled; nothing was changed\n"
        );
        let failed = Error::failed("it failed").because("a\nb").hint("mend it");
        assert_eq!(
            error_text(&failed, &again),
            "error: it failed\n  because: a\n           b\n  next: mend it\n"
        );
    }

    #[test]
    fn of_an_empty_list_is_said_what_to_type_next() {
        let empty = Emptiness {
            said: "there are no runs".to_owned(),
            next: vec!["hpcapi run SCRIPT".to_owned()],
        };
        assert_eq!(
            empty.text(),
            "there are no runs\n  next: hpcapi run SCRIPT\n"
        );
    }
}
