//! Which points there are, and which of them are drawn.

use std::collections::BTreeSet;

use crate::answers;
use crate::journey::Journey;
use crate::point::{Act, Call, Point, Verb};
use crate::seeded::Draw;

/// Returns every point of the calls that a run makes, in the order of the calls.
pub(crate) fn points(calls: &[(Verb, Call)]) -> Vec<Point> {
    let mut points = Vec::new();
    for (verb, call) in calls {
        for (act, _) in Act::ALL {
            if happens(act, call) {
                points.push(Point {
                    verb: *verb,
                    call: call.clone(),
                    act,
                });
            }
        }
    }
    points
}

/// Returns whether an act makes sense for a call.
fn happens(act: Act, call: &Call) -> bool {
    match act {
        Act::KillAlone => call.caller == "pcluster",
        Act::NotFoundYet => answers::makes_something(&call.action),
        _ => true,
    }
}

/// Lays points into journeys: in each some that end a run and some that a run survives.
pub(crate) fn journeys(points: &[Point], draw: &mut Draw) -> Vec<Journey> {
    let order: Vec<Point> = points.to_vec();
    let place = |point: &Point| order.iter().position(|other| other == point);
    let mut lots = Lots::new(points, draw);
    let mut journeys = Vec::new();
    while !lots.is_empty() {
        let finishes = journeys.len() % 2 == 0;
        lots.may_hang = journeys.len() % HANGS_EVERY == 0;
        let mut chosen = Vec::new();
        chosen.extend(lots.take(Verb::Up, true, 2));
        chosen.extend(lots.take(Verb::Teardown, true, 1));
        if finishes {
            chosen.extend(lots.take(Verb::Up, false, 6));
        }
        chosen.extend(lots.take(Verb::Teardown, false, 3));
        chosen.sort_by_key(&place);
        journeys.push(Journey {
            points: chosen,
            finishes,
        });
    }
    journeys
}

/// One journey of so many has hangs: a client waits long before it asks again.
const HANGS_EVERY: usize = 4;

/// The points that are not yet laid.
struct Lots {
    points: Vec<Point>,
    may_hang: bool,
}

impl Lots {
    fn new(points: &[Point], draw: &mut Draw) -> Lots {
        let mut points = points.to_vec();
        draw.shuffle(&mut points);
        Lots {
            points,
            may_hang: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Takes up to `number` points of one sort, no two of them at the same call.
    fn take(&mut self, verb: Verb, ends_the_run: bool, number: usize) -> Vec<Point> {
        let mut calls = BTreeSet::new();
        let mut hangs = usize::from(!self.may_hang);
        let mut taken = Vec::new();
        self.points.retain(|point| {
            let fits = point.verb == verb && point.act.ends_the_run() == ends_the_run;
            let hang = usize::from(point.act == Act::Hang);
            if !fits || taken.len() == number || hangs + hang > 1 {
                return true;
            }
            if !calls.insert(point.call.clone()) {
                return true;
            }
            hangs += hang;
            taken.push(point.clone());
            false
        });
        taken
    }
}
