//! The resources of a stack that are at work: what a step really waits for.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use crate::event::{Resource, Subject, Times};
use crate::step::Aim;
use crate::usual;

use super::kinds::named;
use super::units::span;

/// The least that is usual of what a time is told for.
const LONG: Duration = Duration::from_secs(60);

/// The resources of the operation under way on a stack.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    at_work: Vec<AtWork>,
    made: usize,
    deleted: usize,
}

#[derive(Debug)]
struct AtWork {
    name: String,
    kind: String,
    aim: Aim,
    since: Instant,
}

impl AtWork {
    fn worked(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn usually(&self) -> Option<Duration> {
        usual::of_resource(&self.kind, self.aim)
    }
}

/// What an event says that was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The resource is at work from now on.
    Begins,
    /// It is at work no more, after so long.
    Ends(Option<Duration>),
    /// Nothing.
    Nothing,
}

impl Unfinished {
    /// Takes note of an event.
    pub(super) fn take(&mut self, resource: &Resource, now: Instant) -> Change {
        let works = resource.status.ends_with("_IN_PROGRESS");
        if resource.subject == Subject::Stack {
            if !works {
                *self = Unfinished::default();
            }
            return Change::Nothing;
        }
        let aim = match resource.status.starts_with("DELETE_") {
            true => Aim::Remove,
            false => Aim::Make,
        };
        let found = self.at_work.iter().position(|it| it.name == resource.name);
        match (works, found) {
            // CloudFormation says twice that it begins with a resource, and once more in the middle.
            (true, Some(at)) if self.at_work[at].aim == aim => Change::Nothing,
            (true, found) => {
                if let Some(at) = found {
                    self.at_work.remove(at);
                }
                self.at_work.push(AtWork {
                    name: resource.name.clone(),
                    kind: resource.kind.clone(),
                    aim,
                    since: now,
                });
                Change::Begins
            }
            (false, found) => {
                let ended = found.map(|at| self.at_work.remove(at));
                match (resource.status.ends_with("_COMPLETE"), aim) {
                    (true, Aim::Make) => self.made += 1,
                    (true, Aim::Remove | Aim::Rest) => self.deleted += 1,
                    (false, _) => {}
                }
                Change::Ends(ended.map(|it| now.saturating_duration_since(it.since)))
            }
        }
    }

    /// Returns the name of the resource that is likely to end last.
    pub(super) fn last(&self, now: Instant) -> Option<&str> {
        self.slowest(now).map(|it| it.name.as_str())
    }

    fn slowest(&self, now: Instant) -> Option<&AtWork> {
        self.at_work.iter().max_by_key(|it| {
            let usually = it.usually().unwrap_or_default();
            (usually.saturating_sub(it.worked(now)), Reverse(it.since))
        })
    }

    /// Returns what is waited for, and how far the rest is; `None` when nothing is known of it. Of
    /// several it names the one that is likely to end last.
    pub(super) fn told(&self, times: Times, now: Instant) -> Option<String> {
        let (made, deleted) = (self.made, self.deleted);
        let Some(last) = self.slowest(now) else {
            return match (made, deleted) {
                (0, 0) => None,
                (0, deleted) => Some(format!("{deleted} deleted")),
                (made, _) => Some(format!("{made} made")),
            };
        };
        let usually = match times {
            Times::Usual => last.usually().filter(|it| *it >= LONG),
            Times::Unknown => None,
        };
        let worked = of_about(last.worked(now), usually);
        let mut told = format!("{} ({worked})", named(&last.kind));
        match self.at_work.len() - 1 {
            0 => {}
            more => told.push_str(&format!(" and {more} more")),
        }
        match (last.aim, made, deleted) {
            (Aim::Make, 0, _) | (Aim::Remove | Aim::Rest, _, 0) => {}
            (Aim::Make, made, _) => told.push_str(&format!(", {made} made")),
            (Aim::Remove | Aim::Rest, _, deleted) => told.push_str(&format!(", {deleted} deleted")),
        }
        Some(told)
    }
}

/// Returns a time that has passed, beside how long it usually takes: `1 min 10 s of about 3 min`.
pub(super) fn of_about(passed: Duration, usually: Option<Duration>) -> String {
    let shown = span(passed.as_secs());
    match usually {
        None => shown,
        Some(usually) => {
            let minutes = usually.as_secs().div_ceil(60);
            match passed > usually {
                true => format!("{shown}, usually about {minutes} min"),
                false => format!("{shown} of about {minutes} min"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(name: &str, kind: &str, status: &str) -> Resource {
        Resource {
            subject: match name {
                "stack" => Subject::Stack,
                _ => Subject::Resource,
            },
            name: name.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: String::new(),
        }
    }

    const NAT: &str = "AWS::EC2::NatGateway";
    const BUCKET: &str = "AWS::S3::Bucket";

    #[test]
    fn what_still_works_is_told_and_not_what_ended_last() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut stack = Unfinished::default();
        assert_eq!(stack.told(Times::Usual, begin), None);
        let mut take =
            |name, kind, status, seconds| stack.take(&resource(name, kind, status), after(seconds));
        assert_eq!(take("Nat", NAT, "CREATE_IN_PROGRESS", 0), Change::Begins);
        assert_eq!(take("Nat", NAT, "CREATE_IN_PROGRESS", 1), Change::Nothing);
        take("Bucket", BUCKET, "CREATE_IN_PROGRESS", 2);
        assert_eq!(
            take("Bucket", BUCKET, "CREATE_COMPLETE", 12),
            Change::Ends(Some(Duration::from_secs(10)))
        );
        let told = |times, seconds| stack.told(times, after(seconds)).unwrap();
        let usual = told(Times::Usual, 70);
        assert_eq!(usual, "NAT gateway (1 min 10 s of about 2 min), 1 made");
        let late = told(Times::Usual, 130);
        let late_one = "NAT gateway (2 min 10 s, usually about 2 min), 1 made";
        assert_eq!(late, late_one);
        let unknown = told(Times::Unknown, 70);
        assert_eq!(unknown, "NAT gateway (1 min 10 s), 1 made");
    }

    #[test]
    fn of_several_the_one_that_ends_last_is_told() {
        let now = Instant::now();
        let mut stack = Unfinished::default();
        for (name, kind) in [("A", BUCKET), ("B", NAT), ("C", "AWS::IAM::Role")] {
            stack.take(&resource(name, kind, "DELETE_IN_PROGRESS"), now);
        }
        let told = stack.told(Times::Usual, now).unwrap();
        assert_eq!(told, "NAT gateway (0 s) and 2 more");
        stack.take(&resource("B", NAT, "DELETE_COMPLETE"), now);
        let told = stack.told(Times::Usual, now).unwrap();
        assert_eq!(told, "IAM role (0 s) and 1 more, 1 deleted");
        stack.take(&resource("stack", "", "DELETE_COMPLETE"), now);
        assert_eq!(stack.told(Times::Usual, now), None);
    }
}
