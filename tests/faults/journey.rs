//! A journey: one account, `up` and `teardown` disturbed at some points, and what it came to.

use std::fmt::Write as _;

use crate::account::{self, Count};
use crate::ground::{Ended, Ground, KILLED, User};
use crate::point::{Act, Call, Point, Verb};

/// What is done in one account. Points that end a run come one after the other, each in a run
/// of its own; the faults that a run survives are all laid into the run after them.
#[derive(Debug, Clone)]
pub(crate) struct Journey {
    pub(crate) points: Vec<Point>,
    /// Whether `up` is brought to its end; else `teardown` has to cope with what was killed.
    pub(crate) finishes: bool,
}

/// What a journey came to.
pub(crate) struct Outcome {
    /// The points that were come to.
    pub(crate) hit: Vec<Point>,
    /// What was not as it should be.
    pub(crate) wrong: Vec<String>,
    /// What the account held at the end.
    pub(crate) left: Count,
    /// The calls of the last `up` and of the last `teardown`.
    pub(crate) calls: Vec<(Verb, Call)>,
}

impl Journey {
    /// Returns the journey for one point.
    pub(crate) fn of(point: &Point) -> Journey {
        Journey {
            points: vec![point.clone()],
            finishes: true,
        }
    }

    /// Returns the journey as it is told to be done again.
    pub(crate) fn name(&self) -> String {
        let mut names: Vec<_> = self.points.iter().map(ToString::to_string).collect();
        if !self.finishes {
            names.push("no-up".to_owned());
        }
        names.join(",")
    }

    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Result<Journey, String> {
        let names = name.split(',').filter(|name| *name != "no-up");
        Ok(Journey {
            points: names.map(str::parse).collect::<Result<_, _>>()?,
            finishes: !name.contains("no-up"),
        })
    }

    /// Goes all the way.
    pub(crate) fn go(&self, ground: &Ground) -> Outcome {
        let mut way = Way {
            user: User::new(ground),
            outcome: Outcome {
                hit: Vec::new(),
                wrong: Vec::new(),
                left: Count::new(),
                calls: Vec::new(),
            },
        };
        way.go(self, Verb::Up, self.finishes);
        if self.finishes {
            let found = account::count(ground.aws, &way.user.account);
            if found != account::whole() {
                way.wrong(format!("after `up` there are {found:?}"));
            }
        }
        way.go(self, Verb::Teardown, true);
        let mut outcome = way.outcome;
        outcome.left = account::count(ground.aws, &way.user.account);
        if !outcome.left.is_empty() {
            let left = format!("after `teardown` there are {:?}", outcome.left);
            outcome.wrong.push(left);
        }
        outcome
    }
}

/// A journey under way.
struct Way {
    user: User,
    outcome: Outcome,
}

impl Way {
    fn wrong(&mut self, words: String) {
        self.outcome.wrong.push(words);
    }

    /// Runs a verb, interrupted at each point that ends a run, and then, if it is to finish,
    /// to its end.
    fn go(&mut self, journey: &Journey, verb: Verb, finishes: bool) {
        let points = journey.points.iter().filter(|point| point.verb == verb);
        let (ends, faults): (Vec<_>, Vec<_>) =
            points.cloned().partition(|point| point.act.ends_the_run());
        for point in ends {
            let ended = self.run(verb, std::slice::from_ref(&point));
            if ended.hit.is_empty() {
                self.must_succeed(verb, &ended);
            } else {
                self.must_have_ended(&point, &ended);
            }
        }
        if finishes {
            let ended = self.run(verb, &faults);
            self.must_succeed(verb, &ended);
            let calls = ended.calls.into_iter().map(|call| (verb, call));
            self.outcome.calls.extend(calls);
        }
    }

    fn run(&mut self, verb: Verb, points: &[Point]) -> Ended {
        let ended = self.user.run(verb, points);
        self.outcome.hit.extend(ended.hit.iter().cloned());
        ended
    }

    fn must_succeed(&mut self, verb: Verb, ended: &Ended) {
        if ended.code != Some(0) {
            self.wrong(format!(
                "`{}` does not end well{}",
                verb.name(),
                told(ended)
            ));
        }
    }

    /// A kill kills; expired credentials are told once, as what they are, with what to do.
    fn must_have_ended(&mut self, point: &Point, ended: &Ended) {
        if point.act != Act::Expired {
            if ended.code != Some(KILLED) {
                self.wrong(format!("{point} does not kill{}", told(ended)));
            }
            return;
        }
        let errors = ended.stderr.lines().filter(|l| l.starts_with("error: "));
        let says_so = ended.stderr.contains("expired");
        let helps = ended.stderr.contains("  next: ");
        if ended.code != Some(1) || errors.count() != 1 || !says_so || !helps {
            self.wrong(format!("{point} is not told well{}", told(ended)));
        }
    }
}

/// Returns how a run ended, in its own last words.
fn told(ended: &Ended) -> String {
    let mut text = format!(" (code {:?}, {:.0?}):", ended.code, ended.took);
    let words = format!("{}{}", ended.stdout, ended.stderr);
    let lines: Vec<_> = words.lines().collect();
    for line in &lines[lines.len().saturating_sub(12)..] {
        let _ = write!(text, "\n      {line}");
    }
    text
}
