//! How much of what happens is told.

use crate::event::{Call, Event, Resource};
use crate::step::Step;

use super::human;
use super::kinds::named;
use super::unfinished::Change;

/// How much of what happens is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Warnings alone.
    Quiet,
    /// The same, and at a terminal what goes on before there is an answer.
    Waiting,
    /// The steps, and what they wait for.
    Steps,
    /// Each resource of their stacks, too.
    Resources,
    /// Every stack event, and every call of AWS.
    Everything,
}

impl Volume {
    /// Returns the volume of a command that tells its story, with so many `-v`.
    pub fn of_story(verbose: u8) -> Volume {
        match verbose {
            0 => Volume::Steps,
            more => Volume::of_answer(more),
        }
    }

    /// Returns the volume of a command whose answer is what counts, with so many `-v`.
    pub fn of_answer(verbose: u8) -> Volume {
        match verbose {
            0 => Volume::Waiting,
            1 => Volume::Resources,
            _ => Volume::Everything,
        }
    }

    /// Returns the line that tells of an event besides how far the steps are; `change` is what it
    /// changes about a resource.
    pub(super) fn detail(self, event: &Event, change: Change) -> Option<String> {
        match event {
            Event::Resource(step, resource) => match change {
                Change::Nothing if self < Volume::Everything => None,
                _ if self < Volume::Resources => None,
                change => Some(of_resource(*step, resource, change, self)),
            },
            Event::Called(call) if self == Volume::Everything => Some(of_call(call)),
            _ => None,
        }
    }
}

fn of_resource(step: Step, resource: &Resource, change: Change, volume: Volume) -> String {
    let Resource { name, status, .. } = resource;
    let mut line = format!("{step}: {name} ({}) {status}", named(&resource.kind));
    if let Change::Ends(Some(took)) = change {
        line.push_str(&format!(" after {}", human(took)));
    }
    if volume == Volume::Everything && !resource.reason.is_empty() {
        line.push_str(&format!(": {}", resource.reason));
    }
    line
}

fn of_call(call: &Call) -> String {
    let answer = match call.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    format!(
        "aws: {} {answer} after {:.2} s",
        call.operation,
        call.took.as_secs_f64()
    )
}
