//! The story on stderr: on a terminal a line per step that keeps moving, in a pipe one line
//! per event.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::event::{Event, Events, Outcome};
use crate::step::Step;

use super::human;
use super::moving::Moving;
use super::plain::told;

/// Tells events as they come, until it is ended or dropped: then nothing of it is told any more,
/// and whoever has the last word has a line of his own for it.
pub struct Story {
    told: Option<JoinHandle<()>>,
    teller: Shared,
}

/// Whoever tells, until the story ends.
type Shared = Arc<Mutex<Option<Box<dyn Teller>>>>;

impl Story {
    /// Starts telling; with `quiet`, only warnings are told.
    pub fn start(quiet: bool) -> (Events, Story) {
        let (events, receiver) = Events::channel();
        let is_moving = !quiet && std::io::stderr().is_terminal();
        let teller: Box<dyn Teller> = match is_moving {
            true => Box::new(Moving::new()),
            false => Box::new(Plain::new(quiet)),
        };
        let teller: Shared = Arc::new(Mutex::new(Some(teller)));
        if is_moving {
            end_before_a_panic(Arc::clone(&teller));
        }
        let told = Some(tokio::spawn(tell(receiver, Arc::clone(&teller))));
        (events, Story { told, teller })
    }

    /// Waits until everything that was sent is told. Every sender must be gone.
    pub async fn end(mut self) {
        if let Some(told) = self.told.take() {
            // A story that broke off has nothing more to tell.
            let _ = told.await;
        }
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let mut teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(teller) = teller.take() {
            teller.end();
        }
    }
}

/// Ends the story before the message of a panic is printed.
fn end_before_a_panic(teller: Shared) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Who panics may be telling right now.
        if let Ok(mut teller) = teller.try_lock()
            && let Some(teller) = teller.take()
        {
            teller.end();
        }
        print(panic);
    }));
}

/// Shows events.
pub(super) trait Teller: Send {
    /// Shows what happened.
    fn tell(&mut self, event: Event);

    /// Leaves everything as it is, for good.
    fn end(self: Box<Self>);
}

async fn tell(mut events: UnboundedReceiver<Event>, teller: Shared) {
    while let Some(event) = events.recv().await {
        let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
        match teller.as_mut() {
            Some(teller) => teller.tell(event),
            None => return,
        }
    }
}

/// How often it is told in a pipe how far something is.
const PROGRESS: Duration = Duration::from_secs(10);

struct Plain {
    start: Instant,
    quiet: bool,
    /// When it was told last how far something is.
    progress: Option<Instant>,
    recent: Recent,
}

/// What was told last of each step: whoever waits asks again and again, and hears the same.
#[derive(Default)]
struct Recent(BTreeMap<Step, Vec<String>>);

impl Recent {
    /// So many answers may take turns.
    const KEPT: usize = 3;

    /// Returns whether this was not told of the step lately.
    fn is_new(&mut self, step: Step, what: &str) -> bool {
        let told = self.0.entry(step).or_default();
        if told.iter().any(|one| one == what) {
            return false;
        }
        if told.len() == Self::KEPT {
            told.remove(0);
        }
        told.push(what.to_owned());
        true
    }
}

impl Plain {
    fn new(quiet: bool) -> Self {
        Plain {
            start: Instant::now(),
            quiet,
            progress: None,
            recent: Recent::default(),
        }
    }

    /// Returns whether it was told long ago how far something is.
    fn is_due(&mut self) -> bool {
        let since = self.progress.unwrap_or(self.start).elapsed();
        let is_due = since >= PROGRESS;
        if is_due {
            self.progress = Some(Instant::now());
        }
        is_due
    }
}

impl Teller for Plain {
    fn tell(&mut self, event: Event) {
        let text = match event {
            Event::Warning(text) => format!("warning: {text}"),
            _ if self.quiet => return,
            Event::Progress(text) if !text.is_empty() && self.is_due() => text,
            Event::Progress(_) => return,
            Event::Note(text) => text,
            Event::Started(step) => format!("{step}: started"),
            Event::Doing(step, what) if self.recent.is_new(step, &what) => {
                format!("{step}: {what}")
            }
            Event::Doing(..) => return,
            Event::Finished(step, outcome, took) => format!("{step}: {}", ending(&outcome, took)),
            Event::Failed(step, took) => format!("{step}: failed after {}", human(took)),
        };
        let seconds = self.start.elapsed().as_secs();
        let text = told(&text);
        let _ = writeln!(std::io::stderr(), "[{seconds:>4} s] {text}");
    }

    fn end(self: Box<Self>) {}
}

/// Returns how a step ended, in words.
pub(super) fn ending(outcome: &Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Unchanged => "ready, nothing to change".to_owned(),
        Outcome::Made => format!("ready after {}", human(took)),
        Outcome::Removed => format!("removed after {}", human(took)),
        Outcome::Absent => "nothing to remove".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_goes_on_is_told_once() {
        let mut recent = Recent::default();
        let told = |recent: &mut Recent, what| recent.is_new(Step::Endpoint, what);
        assert!(told(&mut recent, "not online"));
        assert!(told(&mut recent, "no answer"));
        assert!(!told(&mut recent, "not online"));
        assert!(!told(&mut recent, "no answer"));
        assert!(recent.is_new(Step::Api, "not online"));
        for other in ["a", "b", "c"] {
            assert!(told(&mut recent, other));
        }
        assert!(told(&mut recent, "not online"));
    }

    struct Noting(Arc<AtomicBool>);

    impl Teller for Noting {
        fn tell(&mut self, _: Event) {}

        fn end(self: Box<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_panic_anywhere_ends_the_story_first() {
        let has_ended = Arc::new(AtomicBool::new(false));
        let teller: Box<dyn Teller> = Box::new(Noting(Arc::clone(&has_ended)));
        end_before_a_panic(Arc::new(Mutex::new(Some(teller))));
        std::thread::spawn(|| panic!("as a step may"))
            .join()
            .unwrap_err();
        assert!(has_ended.load(Ordering::Relaxed));
    }
}
