//! The story of a run: what happens while it happens. Events flow one way, from whoever
//! works to `output`; nothing is decided from them, and no secret is ever put into one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

use crate::step::{Aim, Step};

/// Something that happened, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Which steps the run goes through, all of which wait. It takes the place of an earlier one.
    Outlined(Outline),
    /// A step started to make or remove its thing.
    Started(Step),
    /// What a step is doing right now, e.g. `pcluster create-cluster`.
    Doing(Step, String),
    /// What a resource of a step's stack came to.
    Resource(Step, Resource),
    /// A call of AWS was answered, or was not.
    Called(Call),
    /// A step is done, and how.
    Finished(Step, Outcome, Duration),
    /// A step failed; the error itself is the answer of the run.
    Failed(Step, Duration),
    /// How far something is that belongs to no step; an empty text when it is over.
    Progress(String),
    /// What the deployment costs while it stands, e.g. `$0.10 an hour`.
    Price(String),
    /// A remark that belongs to no step, e.g. account and region.
    Note(String),
    /// Something the user should know although nothing failed.
    Warning(String),
    /// Somebody waits until all before it is told, to ask a question.
    Settled(Barrier),
}

/// Where somebody waits until all before it is told.
#[derive(Debug, Clone, Default)]
pub struct Barrier(Arc<Notify>);

impl Barrier {
    /// Lets whoever waits go on.
    pub fn pass(&self) {
        self.0.notify_one();
    }
}

impl PartialEq for Barrier {
    fn eq(&self, other: &Barrier) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Barrier {}

/// Which steps a run goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// What it does with their things.
    pub aim: Aim,
    /// The steps, in the order in which they are shown.
    pub steps: Vec<Step>,
    /// Those of them whose thing is as it should be already.
    pub ready: Vec<Step>,
    /// Whether it takes as long as is known of AWS.
    pub times: Times,
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// As long as on AWS.
    Usual,
    /// Nobody knows, as in a sandbox, or before it is known what there is to do.
    Unknown,
}

/// What a resource of a stack came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Whether it is a resource, or the stack itself.
    pub subject: Subject,
    /// Its name in the template, or the name of the stack.
    pub name: String,
    /// Its type, e.g. `AWS::EC2::NatGateway`.
    pub kind: String,
    /// CloudFormation's status of it, e.g. `CREATE_IN_PROGRESS`.
    pub status: String,
    /// AWS's reason; empty when there is none.
    pub reason: String,
}

/// What a stack event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A resource of the stack.
    Resource,
    /// The stack itself.
    Stack,
}

/// A call of AWS, without what was asked or answered in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whom it asked for what, e.g. `cloudformation DescribeStacks`.
    pub operation: String,
    /// HTTP's status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

/// Something that goes on.
#[derive(Debug)]
pub struct GoingOn(Events);

impl GoingOn {
    /// Ends it, and waits until nothing of it is seen any more: an answer may be printed next.
    pub async fn end(self) {
        self.0.progress("");
        self.0.settled().await;
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.progress("");
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was there before the run: nothing changed.
    Unchanged,
    /// It came about with the thing of another step.
    Came,
    /// It was made or changed.
    Made,
    /// It was removed.
    Removed,
    /// There was nothing to remove.
    Absent,
    /// What costs of it was taken away or stopped.
    Rested,
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

    /// Waits until everything that was sent is told, and nothing moves on the screen any more.
    pub async fn settled(&self) {
        let barrier = Barrier::default();
        if self.0.send(Event::Settled(barrier.clone())).is_ok() {
            barrier.0.notified().await;
        }
    }

    /// Returns a sender that does not keep the story from its end.
    pub fn weak(&self) -> WeakEvents {
        WeakEvents(self.0.downgrade())
    }

    /// Tells what `step` is doing.
    pub fn doing(&self, step: Step, what: impl Into<String>) {
        self.send(Event::Doing(step, what.into()));
    }

    /// Tells how far something is that belongs to no step; an empty text ends it.
    pub fn progress(&self, text: impl Into<String>) {
        self.send(Event::Progress(text.into()));
    }

    /// Tells what the deployment costs while it stands.
    pub fn price(&self, text: impl Into<String>) {
        self.send(Event::Price(text.into()));
    }

    /// Tells that something goes on that belongs to no step, until what is returned is ended or dropped.
    #[must_use]
    pub fn going_on(&self, text: &str) -> GoingOn {
        self.progress(text);
        GoingOn(self.clone())
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

/// Where events are sent as long as somebody else may send some, too.
#[derive(Debug, Clone)]
pub struct WeakEvents(WeakUnboundedSender<Event>);

impl WeakEvents {
    /// Tells `event` unless the story is over.
    pub fn send(&self, event: Event) {
        if let Some(sender) = self.0.upgrade() {
            let _ = sender.send(event);
        }
    }
}
