//! The story on a terminal: a line per step that keeps moving.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::event::Event;
use crate::step::Step;

use super::story::{Teller, ending};

/// How often the lines are drawn at most, in a second.
const DRAWN: u8 = 20;

/// The lines of the steps.
pub(super) struct Moving {
    lines: MultiProgress,
    steps: BTreeMap<Step, ProgressBar>,
    /// The line of what belongs to no step.
    other: Option<ProgressBar>,
}

impl Moving {
    pub(super) fn new() -> Self {
        let terminal = Box::new(CursorBelow::new(Term::buffered_stderr()));
        Moving {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(
                terminal, DRAWN,
            )),
            steps: BTreeMap::new(),
            other: None,
        }
    }

    fn line(&mut self, step: Step) -> &ProgressBar {
        self.steps.entry(step).or_insert_with(|| {
            let line = self.lines.add(ProgressBar::new_spinner());
            line.set_style(style(
                "{spinner:.cyan} {prefix:<15} {elapsed:>5} {wide_msg}",
            ));
            line.set_prefix(step.name());
            line.enable_steady_tick(Duration::from_millis(100));
            line
        })
    }

    fn progress(&mut self, text: String) {
        if text.is_empty() {
            if let Some(line) = self.other.take() {
                line.finish_and_clear();
            }
            return;
        }
        let line = self.other.get_or_insert_with(|| {
            let line = self.lines.add(ProgressBar::new_spinner());
            line.set_style(style("{spinner:.cyan} {wide_msg}"));
            line.enable_steady_tick(Duration::from_millis(100));
            line
        });
        line.set_message(text);
    }

    fn finish(&mut self, step: Step, mark: &str, message: String) {
        let line = self.line(step);
        line.set_style(style(&format!("{mark} {{prefix:<15}} {{wide_msg}}")));
        line.finish_with_message(message);
    }

    fn print(&self, text: &str) {
        // Above the lines that move.
        let _ = self.lines.println(text);
    }
}

impl Teller for Moving {
    fn tell(&mut self, event: Event) {
        match event {
            Event::Started(step) => self.line(step).set_message("started"),
            Event::Doing(step, what) => self.line(step).set_message(what),
            Event::Finished(step, outcome, took) => self.finish(step, "✓", ending(&outcome, took)),
            Event::Failed(step, took) => {
                self.finish(step, "✗", format!("failed after {}", super::human(took)));
            }
            Event::Progress(text) => self.progress(text),
            Event::Note(text) => self.print(&text),
            Event::Warning(text) => self.print(&format!("warning: {text}")),
        }
    }

    fn end(mut self: Box<Self>) {
        self.progress(String::new());
        for line in self.steps.values().filter(|line| !line.is_finished()) {
            line.set_style(style("… {prefix:<15} {elapsed:>5} {wide_msg}"));
            line.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of ours")
}

/// A terminal whose cursor waits below what was drawn. At the end of the last line, where
/// indicatif leaves it, an echoed `^C` would begin a new line, and the next drawing would miss
/// the old one by that line.
#[derive(Debug)]
struct CursorBelow {
    terminal: Term,
    has_drawn: AtomicBool,
    is_below: AtomicBool,
}

impl CursorBelow {
    fn new(terminal: Term) -> Self {
        CursorBelow {
            terminal,
            has_drawn: AtomicBool::new(false),
            is_below: AtomicBool::new(false),
        }
    }

    /// Goes back to the last line that moves.
    fn back(&self) -> io::Result<()> {
        match self.is_below.swap(false, Ordering::Relaxed) {
            true => self.terminal.move_cursor_up(1),
            false => Ok(()),
        }
    }
}

impl TermLike for CursorBelow {
    fn width(&self) -> u16 {
        self.terminal.size().1
    }

    fn height(&self) -> u16 {
        self.terminal.size().0.saturating_sub(1)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        // With nothing to clear, what is written next stands below what was printed.
        if lines == 0 {
            return Ok(());
        }
        self.back()?;
        self.terminal.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.back()?;
        self.terminal.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.is_below.store(false, Ordering::Relaxed);
        self.terminal.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.is_below.store(false, Ordering::Relaxed);
        if !text.is_empty() {
            self.has_drawn.store(true, Ordering::Relaxed);
        }
        self.terminal.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.back()?;
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        if self.has_drawn.swap(false, Ordering::Relaxed) {
            self.terminal.write_str("\n")?;
            self.is_below.store(true, Ordering::Relaxed);
        }
        self.terminal.flush()
    }
}
