//! The story on stderr: on a terminal a line per step that keeps moving, in a pipe one line
//! per event.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::event::{Event, Events, Outcome};
use crate::step::Step;

use super::human;
use super::plain::without_secrets;

/// Tells events as they come, until it is ended.
#[derive(Debug)]
pub struct Story(JoinHandle<()>);

impl Story {
    /// Starts telling; with `quiet`, only warnings are told.
    pub fn start(quiet: bool) -> (Events, Story) {
        let (events, receiver) = Events::channel();
        let story = if quiet {
            tokio::spawn(tell(receiver, Plain::new(true)))
        } else if std::io::stderr().is_terminal() {
            tokio::spawn(tell(receiver, Terminal::default()))
        } else {
            tokio::spawn(tell(receiver, Plain::new(false)))
        };
        (events, Story(story))
    }

    /// Waits until everything that was sent is told. Every sender must be gone.
    pub async fn end(self) {
        // A story that broke off has nothing more to tell.
        let _ = self.0.await;
    }
}

trait Teller {
    fn tell(&mut self, event: Event);
}

async fn tell(mut events: UnboundedReceiver<Event>, mut teller: impl Teller) {
    while let Some(event) = events.recv().await {
        teller.tell(event);
    }
}

struct Plain {
    start: Instant,
    quiet: bool,
}

impl Plain {
    fn new(quiet: bool) -> Self {
        Plain {
            start: Instant::now(),
            quiet,
        }
    }
}

impl Teller for Plain {
    fn tell(&mut self, event: Event) {
        let text = match event {
            Event::Warning(text) => format!("warning: {text}"),
            _ if self.quiet => return,
            Event::Note(text) => text,
            Event::Started(step) => format!("{step}: started"),
            Event::Doing(step, what) => format!("{step}: {what}"),
            Event::Finished(step, outcome, took) => format!("{step}: {}", ending(&outcome, took)),
            Event::Failed(step, took) => format!("{step}: failed after {}", human(took)),
        };
        let seconds = self.start.elapsed().as_secs();
        let text = without_secrets(&text);
        let _ = writeln!(std::io::stderr(), "[{seconds:>4} s] {text}");
    }
}

#[derive(Default)]
struct Terminal {
    lines: MultiProgress,
    steps: BTreeMap<Step, ProgressBar>,
}

impl Terminal {
    fn line(&mut self, step: Step) -> &ProgressBar {
        self.steps.entry(step).or_insert_with(|| {
            let line = self.lines.add(ProgressBar::new_spinner());
            line.set_style(
                ProgressStyle::with_template(
                    "{spinner:.cyan} {prefix:<15} {elapsed:>5} {wide_msg}",
                )
                .expect("a template of ours"),
            );
            line.set_prefix(step.name());
            line.enable_steady_tick(Duration::from_millis(100));
            line
        })
    }

    fn end(&mut self, step: Step, mark: &str, message: String) {
        let style = ProgressStyle::with_template(&format!("{mark} {{prefix:<15}} {{wide_msg}}"))
            .expect("a template of ours");
        let line = self.line(step);
        line.set_style(style);
        line.finish_with_message(message);
    }

    fn print(&self, text: &str) {
        // Above the lines that move.
        let _ = self.lines.println(text);
    }
}

impl Teller for Terminal {
    fn tell(&mut self, event: Event) {
        match event {
            Event::Started(step) => self.line(step).set_message("started"),
            Event::Doing(step, what) => self.line(step).set_message(what),
            Event::Finished(step, outcome, took) => self.end(step, "✓", ending(&outcome, took)),
            Event::Failed(step, took) => {
                self.end(step, "✗", format!("failed after {}", human(took)));
            }
            Event::Note(text) => self.print(&text),
            Event::Warning(text) => self.print(&format!("warning: {text}")),
        }
    }
}

fn ending(outcome: &Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Unchanged => "ready, nothing to change".to_owned(),
        Outcome::Made => format!("ready after {}", human(took)),
        Outcome::Removed => format!("removed after {}", human(took)),
        Outcome::Absent => "nothing to remove".to_owned(),
    }
}
