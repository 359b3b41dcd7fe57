//! How far a run is: which steps wait, work and are done, and what they wait for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::event::{Event, Outcome, Outline, Times};
use crate::step::{Aim, Step};
use crate::usual;

use super::plain::told;
use super::unfinished::{Change, Unfinished};

/// How far a run is.
#[derive(Debug)]
pub(super) struct Course {
    begun: Instant,
    outline: Outline,
    rows: BTreeMap<Step, Row>,
    /// What goes on that belongs to no step, and since when something does.
    progress: Option<(String, Instant)>,
    price: String,
}

/// Returns words of others as a part of one line.
fn in_a_line(text: &str) -> String {
    told(&text.replace(['\n', '\r'], " "))
}

/// How far a step is.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) standing: Standing,
    /// What it does, in words.
    doing: String,
    resources: Unfinished,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Waiting,
    /// It works since then.
    AtWork(Instant),
    Done(Outcome, Duration),
    Failed(Duration),
}

impl Row {
    fn new() -> Row {
        Row {
            standing: Standing::Waiting,
            doing: String::new(),
            resources: Unfinished::default(),
        }
    }

    /// Notes that it does something: what is done with a thing that is ready, as a proof, leaves it so.
    fn works(&mut self, now: Instant) {
        if self.standing == Standing::Waiting {
            self.standing = Standing::AtWork(now);
        }
    }

    fn ends(&mut self, standing: Standing) {
        *self = Row {
            standing,
            ..Row::new()
        };
    }
}

impl Course {
    pub(super) fn new(begun: Instant) -> Course {
        Course {
            begun,
            outline: Outline {
                aim: Aim::Make,
                steps: Vec::new(),
                ready: Vec::new(),
                times: Times::Unknown,
            },
            rows: BTreeMap::new(),
            progress: None,
            price: String::new(),
        }
    }

    /// Takes note of an event; returns what it changes about a resource.
    pub(super) fn take(&mut self, event: &Event, now: Instant) -> Change {
        match event {
            Event::Outlined(outline) => {
                // How long a person thought about a question is no part of the run.
                if self.rows.is_empty() {
                    self.begun = now;
                }
                self.outline = outline.clone();
                self.rows = outline
                    .steps
                    .iter()
                    .map(|step| (*step, Row::new()))
                    .collect();
            }
            // From now on, whatever was looked at for it before.
            Event::Started(step) => self.row(*step).standing = Standing::AtWork(now),
            Event::Doing(step, what) => {
                let row = self.row(*step);
                row.works(now);
                row.doing = in_a_line(what);
            }
            Event::Resource(step, resource) => {
                let row = self.row(*step);
                row.works(now);
                row.doing.clear();
                return row.resources.take(resource, now);
            }
            // What nobody expected to be there is no news when it is not.
            Event::Finished(step, Outcome::Absent, _) if !self.outline.steps.contains(step) => {}
            Event::Finished(step, outcome, took) => {
                let done = Standing::Done(outcome.clone(), *took);
                self.row(*step).ends(done);
            }
            Event::Failed(step, took) => self.row(*step).ends(Standing::Failed(*took)),
            Event::Progress(text) => {
                let since = self.progress.as_ref().map_or(now, |(_, since)| *since);
                self.progress = (!text.is_empty()).then(|| (in_a_line(text), since));
            }
            Event::Price(text) => self.price = in_a_line(text),
            Event::Settled(_) => {
                self.outline.steps.clear();
                self.rows.clear();
                self.progress = None;
            }
            Event::Called(_) | Event::Note(_) | Event::Warning(_) => {}
        }
        Change::Nothing
    }

    /// Returns a step's row; one that was not planned is the last.
    fn row(&mut self, step: Step) -> &mut Row {
        if !self.outline.steps.contains(&step) {
            self.outline.steps.push(step);
        }
        self.rows.entry(step).or_insert_with(Row::new)
    }

    /// Returns the steps in the order in which they are shown.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Step, &Row)> {
        let steps = self.outline.steps.iter();
        steps.filter_map(|step| Some((*step, self.rows.get(step)?)))
    }

    /// Returns what a step waits for, or does.
    pub(super) fn doing(&self, step: Step, now: Instant) -> Option<String> {
        let row = self.rows.get(&step)?;
        match row.doing.as_str() {
            "" => row.resources.told(self.outline.times, now),
            doing => Some(doing.to_owned()),
        }
    }

    /// Returns the name of the resource that a step at work waits for, and what is told of it.
    pub(super) fn waits_for(&self, step: Step, now: Instant) -> Option<(&str, String)> {
        let row = self.rows.get(&step)?;
        if !row.doing.is_empty() {
            return None;
        }
        let name = row.resources.last(now)?;
        Some((name, row.resources.told(self.outline.times, now)?))
    }

    /// Returns what goes on that belongs to no step, and how long something has.
    pub(super) fn progress(&self, now: Instant) -> Option<(&str, Duration)> {
        let (text, since) = self.progress.as_ref()?;
        Some((text, now.saturating_duration_since(*since)))
    }

    /// Returns what the deployment costs, if that was told.
    pub(super) fn price(&self) -> &str {
        &self.price
    }

    /// Returns what the run does.
    pub(super) fn aim(&self) -> Aim {
        self.outline.aim
    }

    /// Returns how long the run has gone on.
    pub(super) fn passed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Returns how long the run takes in all, as far as that is known.
    pub(super) fn usually(&self, now: Instant) -> Option<Duration> {
        if self.outline.times == Times::Unknown {
            return None;
        }
        let unfinished = |(step, row): (Step, &Row)| match row.standing {
            Standing::Waiting if self.outline.ready.contains(&step) => None,
            Standing::Waiting => Some((step, Duration::ZERO)),
            Standing::AtWork(since) => Some((step, now.saturating_duration_since(since))),
            Standing::Done(..) | Standing::Failed(_) => None,
        };
        let unfinished = self.rows().filter_map(unfinished).collect();
        Some(self.passed(now) + usual::left(self.outline.aim, &unfinished))
    }
}
