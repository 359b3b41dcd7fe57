//! The story on stderr: on a terminal a block of lines that is drawn in place, in a pipe one line
//! per event.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::event::{Barrier, Event, Events};
use crate::wait::within;

use super::moving::Moving;
use super::pipe::Pipe;
use super::volume::Volume;

/// How often it is looked whether something is due to be told while nothing happens.
const PASS: Duration = Duration::from_secs(1);

/// Tells events as they come, until it is ended or dropped: then nothing of it is told any more,
/// and whoever has the last word has a line of his own for it.
pub struct Story {
    told: Option<JoinHandle<()>>,
    teller: Shared,
}

/// Does some work, and tells of it meanwhile; returns what came of it once all of that is told.
pub async fn telling<T>(volume: Volume, work: impl AsyncFnOnce(&Events) -> T) -> T {
    let (events, story) = Story::start(volume);
    let done = work(&events).await;
    drop(events);
    story.end().await;
    done
}

/// Whoever tells, until the story ends.
type Shared = Arc<Mutex<Option<Box<dyn Teller>>>>;

impl Story {
    /// Starts telling.
    pub fn start(volume: Volume) -> (Events, Story) {
        let (events, receiver) = Events::channel();
        let is_moving = volume > Volume::Quiet && can_move();
        let teller: Box<dyn Teller> = match is_moving {
            true => Box::new(Moving::new(volume)),
            false => Box::new(Pipe::new(volume)),
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

/// Returns whether stderr is a terminal on which lines can be drawn in place.
fn can_move() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|it| it != "dumb")
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

    /// Shows what is due although nothing happened.
    fn pass(&mut self);

    /// Leaves everything as it is, for good.
    fn end(self: Box<Self>);
}

async fn tell(mut events: UnboundedReceiver<Event>, teller: Shared) {
    loop {
        let happened = within(PASS, events.recv()).await;
        let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
        match (happened, teller.as_mut()) {
            (Some(Some(event)), Some(teller)) => {
                let waits = match &event {
                    Event::Settled(barrier) => Some(barrier.clone()),
                    _ => None,
                };
                teller.tell(event);
                waits.iter().for_each(Barrier::pass);
            }
            (Some(Some(event)), None) => return answer_whoever_waits(events, event),
            (None, Some(teller)) => teller.pass(),
            (Some(None), _) | (None, None) => return,
        }
    }
}

/// Lets whoever waits for what is told go on, though nothing is told any more.
fn answer_whoever_waits(mut events: UnboundedReceiver<Event>, first: Event) {
    events.close();
    let rest = std::iter::from_fn(|| events.try_recv().ok());
    for event in std::iter::once(first).chain(rest) {
        if let Event::Settled(barrier) = event {
            barrier.pass();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Noting(Arc<AtomicBool>);

    impl Teller for Noting {
        fn tell(&mut self, _: Event) {}

        fn pass(&mut self) {}

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
