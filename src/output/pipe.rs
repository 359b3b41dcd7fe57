//! The story in a pipe: a line for each event that is worth one.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::event::{Event, Outcome};
use crate::step::Step;

use super::course::{Course, Standing};
use super::human;
use super::plain::told;
use super::rows::ending;
use super::story::Teller;
use super::volume::Volume;

/// How often it is told how far something is that belongs to no step.
const PROGRESS: Duration = Duration::from_secs(10);

/// What is over sooner is not worth a line.
const SHORT: Duration = Duration::from_secs(1);

/// How often it is told of a step what it waits for.
const WAITING: Duration = Duration::from_secs(30);

/// Tells lines, each with the seconds since the beginning.
pub(super) struct Pipe {
    volume: Volume,
    lines: Lines,
}

/// What is told, and what was.
struct Lines {
    start: Instant,
    course: Course,
    /// When it was told last how far something is.
    told: Option<Instant>,
    said: BTreeMap<Step, Said>,
    /// The resource that was told last to be waited for.
    waited: BTreeMap<Step, String>,
}

/// What was told last of what a step does: whoever waits asks again and again, and hears the same.
struct Said {
    at: Instant,
    texts: Vec<String>,
}

impl Said {
    /// So many answers may take turns.
    const KEPT: usize = 3;

    fn note(&mut self, text: &str, now: Instant) {
        self.at = now;
        if self.texts.len() == Self::KEPT {
            self.texts.remove(0);
        }
        self.texts.push(text.to_owned());
    }
}

/// Returns a text without its numbers.
fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

impl Pipe {
    pub(super) fn new(volume: Volume) -> Self {
        let lines = Lines::new(Instant::now());
        Pipe { volume, lines }
    }

    fn print(&self, lines: Vec<String>) {
        let seconds = self.lines.start.elapsed().as_secs();
        for line in lines {
            let _ = writeln!(std::io::stderr(), "[{seconds:>4} s] {}", told(&line));
        }
    }
}

impl Teller for Pipe {
    fn tell(&mut self, event: Event) {
        let lines = self.lines.of(&event, self.volume, Instant::now());
        self.print(lines);
    }

    fn pass(&mut self) {
        if self.volume >= Volume::Steps {
            let lines = self.lines.due(Instant::now());
            self.print(lines);
        }
    }

    fn end(self: Box<Self>) {}
}

impl Lines {
    fn new(start: Instant) -> Lines {
        Lines {
            start,
            course: Course::new(start),
            told: None,
            said: BTreeMap::new(),
            waited: BTreeMap::new(),
        }
    }

    /// Returns what an event is worth.
    fn of(&mut self, event: &Event, volume: Volume, now: Instant) -> Vec<String> {
        let change = self.course.take(event, now);
        let own = match event {
            Event::Warning(text) => Some(format!("warning: {text}")),
            _ if volume < Volume::Steps => None,
            Event::Note(text) => Some(text.clone()),
            Event::Progress(_) => self.progress(now),
            Event::Started(step) => Some(format!("{step}: started")),
            Event::Doing(step, what) => self.new_of(*step, what, now),
            // What `teardown` did not find, nobody waits for.
            Event::Finished(_, Outcome::Absent, _) => None,
            Event::Finished(step, outcome, took) => {
                Some(format!("{step}: {}", ending(outcome, *took)))
            }
            Event::Failed(step, took) => Some(format!("{step}: failed after {}", human(*took))),
            _ => None,
        };
        let detail = volume.detail(event, change);
        own.into_iter().chain(detail).collect()
    }

    /// Returns what a step does, if that was not told lately, nor the same with other numbers a moment ago.
    fn new_of(&mut self, step: Step, what: &str, now: Instant) -> Option<String> {
        if let Some(said) = self.said.get(&step) {
            let is_recent = now < said.at + WAITING;
            let is_like = |one: &String| words(one) == words(what);
            let is_told = said.texts.iter().any(|one| one == what);
            if is_told || is_recent && said.texts.last().is_some_and(is_like) {
                return None;
            }
        }
        Some(self.say(step, what, now))
    }

    fn say(&mut self, step: Step, what: &str, now: Instant) -> String {
        let said = self.said.entry(step).or_insert_with(|| Said {
            at: now,
            texts: Vec::new(),
        });
        said.note(what, now);
        format!("{step}: {what}")
    }

    /// Returns how far things are of which nothing was told for a while.
    fn due(&mut self, now: Instant) -> Vec<String> {
        let is_due = |step: &Step, since: Instant| {
            let said = self.said.get(step).map_or(since, |said| said.at.max(since));
            now >= said + WAITING
        };
        let at_work = self
            .course
            .rows()
            .filter_map(|(step, row)| match row.standing {
                Standing::AtWork(since) if is_due(&step, since) => Some(step),
                _ => None,
            });
        let due: Vec<_> = at_work.collect();
        let mut lines: Vec<_> = self.progress(now).into_iter().collect();
        for step in due {
            let waits_for = self.course.waits_for(step, now);
            let Some((name, what)) = waits_for.map(|(name, what)| (name.to_owned(), what)) else {
                continue;
            };
            if self.waited.insert(step, name.clone()) != Some(name) {
                lines.push(self.say(step, &format!("waiting for the {what}"), now));
            }
        }
        lines
    }

    /// Returns how far something is that belongs to no step, if that was told long ago.
    fn progress(&mut self, now: Instant) -> Option<String> {
        let Some((text, passed)) = self.course.progress(now) else {
            self.told = None;
            return None;
        };
        let is_due = match self.told {
            Some(told) => now >= told + PROGRESS,
            None => passed >= SHORT,
        };
        if !is_due {
            return None;
        }
        self.told = Some(now);
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Call, Resource, Subject};

    use super::*;

    /// Returns a run's events, each with the second in which it comes.
    fn recorded() -> Vec<(u64, Event)> {
        let resource = |status: &str, reason: &str| {
            let resource = Resource {
                subject: Subject::Resource,
                name: "Nat".to_owned(),
                kind: "AWS::EC2::NatGateway".to_owned(),
                status: status.to_owned(),
                reason: reason.to_owned(),
            };
            Event::Resource(Step::NatGateway, resource)
        };
        let took = Duration::from_secs(70);
        vec![
            (0, Event::Note("account 1".to_owned())),
            (1, Event::Started(Step::NatGateway)),
            (
                1,
                Event::Called(Call {
                    operation: "cloudformation ExecuteChangeSet".to_owned(),
                    status: Some(200),
                    took: Duration::from_millis(120),
                }),
            ),
            (2, resource("CREATE_IN_PROGRESS", "")),
            (
                3,
                resource("CREATE_IN_PROGRESS", "Resource creation Initiated"),
            ),
            (70, resource("CREATE_COMPLETE", "")),
            (71, Event::Finished(Step::NatGateway, Outcome::Made, took)),
            (72, Event::Warning("it is late".to_owned())),
        ]
    }

    fn told_at(volume: Volume) -> Vec<String> {
        let start = Instant::now();
        let mut lines = Lines::new(start);
        let mut told = Vec::new();
        let mut passed = 0;
        for (second, event) in recorded() {
            while passed < second {
                passed += 1;
                if volume >= Volume::Steps {
                    told.extend(lines.due(start + Duration::from_secs(passed)));
                }
            }
            told.extend(lines.of(&event, volume, start + Duration::from_secs(second)));
        }
        told
    }

    #[test]
    fn each_v_tells_more() {
        let steps = [
            "account 1",
            "nat-gateway: started",
            "nat-gateway: waiting for the NAT gateway (29 s)",
            "nat-gateway: ready after 1 min 10 s",
            "warning: it is late",
        ];
        assert_eq!(told_at(Volume::of_answer(0)), steps[4..]);
        assert_eq!(told_at(Volume::of_story(0)), steps);
        let begins = "nat-gateway: Nat (NAT gateway) CREATE_IN_PROGRESS";
        let ends = "nat-gateway: Nat (NAT gateway) CREATE_COMPLETE after 1 min 8 s";
        assert_eq!(
            told_at(Volume::of_story(1)),
            [
                steps[0], steps[1], begins, steps[2], ends, steps[3], steps[4]
            ]
        );
        let called = "aws: cloudformation ExecuteChangeSet 200 after 0.12 s";
        let again = format!("{begins}: Resource creation Initiated");
        assert_eq!(
            told_at(Volume::of_story(2)),
            [
                steps[0], steps[1], called, begins, &again, steps[2], ends, steps[3], steps[4]
            ]
        );
    }

    #[test]
    fn what_belongs_to_no_step_is_told_after_a_second_and_then_seldom() {
        let start = Instant::now();
        let mut lines = Lines::new(start);
        let mut told = |milliseconds, text: Option<&str>| {
            let now = start + Duration::from_millis(milliseconds);
            match text {
                Some(text) => lines.of(&Event::Progress(text.to_owned()), Volume::Steps, now),
                None => lines.due(now),
            }
        };
        let nothing: [&str; 0] = [];
        assert_eq!(told(0, Some("begins")), nothing);
        assert_eq!(told(500, Some("")), nothing);
        assert_eq!(told(600, Some("1 of 3")), nothing);
        assert_eq!(told(1600, None), ["1 of 3"]);
        assert_eq!(told(2600, Some("2 of 3")), nothing);
        assert_eq!(told(11_600, None), ["2 of 3"]);
        assert_eq!(told(30_000, Some("")), nothing);
    }

    #[test]
    fn what_goes_on_is_told_once() {
        let start = Instant::now();
        let mut lines = Lines::new(start);
        let mut told = |step, what: &str, seconds| {
            let event = Event::Doing(step, what.to_owned());
            let now = start + Duration::from_secs(seconds);
            !lines.of(&event, Volume::Steps, now).is_empty()
        };
        assert!(told(Step::Endpoint, "not online", 0));
        assert!(told(Step::Endpoint, "no answer", 1));
        assert!(told(Step::Api, "no answer", 1));
        assert!(!told(Step::Endpoint, "no answer", 80));
        assert!(!told(Step::Endpoint, "not online", 90));
        for (number, other) in ["a", "b", "c"].into_iter().enumerate() {
            assert!(told(Step::Endpoint, other, 100 + 30 * number as u64));
        }
        assert!(told(Step::Endpoint, "not online", 300));
    }

    #[test]
    fn what_is_new_is_told_at_once_and_counts_seldom() {
        let start = Instant::now();
        let mut lines = Lines::new(start);
        let mut told = |second, text: &str| {
            let event = Event::Doing(Step::Requirements, text.to_owned());
            let now = start + Duration::from_secs(second);
            lines.of(&event, Volume::Steps, now).len()
        };
        assert_eq!(told(0, "10 objects deleted"), 1);
        assert_eq!(told(1, "20 objects deleted"), 0);
        assert_eq!(told(2, "eni-1 is held by nobody"), 1);
        assert_eq!(told(3, "eni-1 is held by nobody"), 0);
        assert_eq!(told(40, "eni-2 is held by nobody"), 1);
    }
}
