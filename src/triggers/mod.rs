//! Triggers: what makes jobs of the objects that come into the bucket. Each is an object itself, which
//! the function behind the bucket's events reads; so is what has become of each event.

mod event;
mod store;

pub use event::{Event, Outcome, Record};
pub use store::{Script, Seen, Trigger, TriggerName, Triggers};
