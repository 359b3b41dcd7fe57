//! The story of a run: what happens while it happens. Events flow one way, from whoever
//! works to `output`; nothing is decided from them, and no secret is ever put into one.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::step::Step;

/// Something that happened, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step started to make or remove its thing.
    Started(Step),
    /// What a step is doing right now, e.g. `NatGateway: CREATE_IN_PROGRESS`.
    Doing(Step, String),
    /// A step is done, and how.
    Finished(Step, Outcome, Duration),
    /// A step failed; the error itself is the answer of the run.
    Failed(Step, Duration),
    /// How far something is that belongs to no step; an empty text when it is over.
    Progress(String),
    /// A remark that belongs to no step, e.g. account and region.
    Note(String),
    /// Something the user should know although nothing failed.
    Warning(String),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was there before: nothing changed.
    Unchanged,
    /// It was made or changed.
    Made,
    /// It was removed.
    Removed,
    /// There was nothing to remove.
    Absent,
}

/// Where events are sent; cheap to clone.
#[derive(Debug, Clone)]
pub struct Events(UnboundedSender<Event>);

impl Events {
    /// Returns a sender and the stream that `output` reads.
    pub fn channel() -> (Events, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        (Events(sender), receiver)
    }

    /// Tells `event` to whoever listens.
    pub fn send(&self, event: Event) {
        // Nobody listening is fine: the story is not the answer.
        let _ = self.0.send(event);
    }

    /// Tells what `step` is doing.
    pub fn doing(&self, step: Step, what: impl Into<String>) {
        self.send(Event::Doing(step, what.into()));
    }

    /// Tells how far something is that belongs to no step; an empty text ends it.
    pub fn progress(&self, text: impl Into<String>) {
        self.send(Event::Progress(text.into()));
    }

    /// Tells a remark that belongs to no step.
    pub fn note(&self, text: impl Into<String>) {
        self.send(Event::Note(text.into()));
    }

    /// Tells something the user should know.
    pub fn warn(&self, text: impl Into<String>) {
        self.send(Event::Warning(text.into()));
    }
}
