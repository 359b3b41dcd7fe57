//! Crashes and faults: between hpcapi and AWS stands a proxy that numbers every call, kills
//! hpcapi before or after it, or answers it with a fault. Whatever it was, `up` then ends in
//! one deployment, and `teardown` in nothing.
//!
//! Without more a spread of points is tried that is drawn anew each time; `HPCAPI_FAULTS_SEED`
//! draws the same again, `HPCAPI_FAULTS=all` tries every point, and `HPCAPI_FAULTS=POINT,…`
//! does one journey again.

mod account;
mod answers;
mod call;
mod draw;
mod ground;
mod journey;
mod point;
mod proxy;
mod report;
#[path = "../seeded/mod.rs"]
mod seeded;
#[path = "../warm_pcluster/mod.rs"]
mod warm_pcluster;

use std::sync::Mutex;
use std::thread;

use ground::Ground;
use journey::Journey;
use report::{Report, tell};

/// How many points the spread has, at least.
const SPREAD: usize = 40;

/// Journeys of every spread: lost answers of the calls that make or delete something, things that
/// are not found at first, a pcluster that outlives its hpcapi, and a kill after each stage of the
/// stacks.
const ALWAYS: [&str; 5] = [
    "up/hpcapi/ec2.ImportKeyPair/1/truncated,up/hpcapi/cloudformation.CreateChangeSet/1/truncated,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/truncated,up/hpcapi/ssm.SendCommand/1/truncated,\
     teardown/hpcapi/cloudformation.DeleteStack/1/truncated,\
     teardown/hpcapi/ec2.DeleteKeyPair/1/truncated,\
     teardown/pcluster/cloudformation.DeleteStack/1/truncated,\
     teardown/hpcapi/s3.POST-bucket?delete/1/truncated",
    "up/hpcapi/ec2.ImportKeyPair/1/not-found-yet,\
     up/hpcapi/cloudformation.CreateChangeSet/1/not-found-yet,\
     up/hpcapi/cloudformation.CreateChangeSet/2/not-found-yet,\
     up/hpcapi/cloudformation.CreateChangeSet/3/not-found-yet,\
     up/hpcapi/cloudformation.CreateChangeSet/4/not-found-yet,\
     up/pcluster/cloudformation.CreateStack/1/not-found-yet,\
     up/hpcapi/ssm.SendCommand/1/not-found-yet",
    "up/pcluster/cloudformation.CreateStack/1/truncated",
    "up/pcluster/s3.HEAD-object/2/kill-alone,no-up",
    "up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after,\
     up/hpcapi/cloudformation.ExecuteChangeSet/1/kill-after",
];

/// Journeys under way at once.
const AT_ONCE: usize = 4;

#[test]
fn whatever_happens_to_a_call_up_and_teardown_converge() {
    let ground = Ground::start();
    let wanted = std::env::var("HPCAPI_FAULTS").unwrap_or_default();
    let report = match wanted.as_str() {
        "" => spread(&ground, SPREAD),
        "all" => spread(&ground, usize::MAX),
        name => {
            let journey = Journey::parse(name).unwrap();
            let mut report = Report::default();
            go(&ground, vec![journey], usize::MAX, &mut report);
            report
        }
    };
    tell(&report.to_string());
    assert!(report.is_good());
}

/// Tries points drawn by the seed until `enough` of them have been come to.
fn spread(ground: &Ground, enough: usize) -> Report {
    let seed = seeded::seed("HPCAPI_FAULTS_SEED");
    tell(&format!(
        "the seed is {seed}: HPCAPI_FAULTS_SEED={seed} draws the same points"
    ));
    let undisturbed = Journey {
        points: Vec::new(),
        finishes: true,
    };
    let calm = undisturbed.go(ground);
    assert_eq!(calm.wrong, Vec::<String>::new(), "without any fault");
    let points = draw::points(&calm.calls);
    tell(&format!(
        "{} calls, {} points",
        calm.calls.len(),
        points.len()
    ));
    let mut journeys: Vec<_> = ALWAYS
        .iter()
        .map(|name| Journey::parse(name).unwrap())
        .collect();
    journeys.extend(draw::journeys(&points, &mut seeded::Draw::new(seed)));
    let mut report = Report::default();
    go(ground, journeys, enough, &mut report);
    if enough == usize::MAX {
        // What another point of its journey kept from happening gets a journey of its own.
        let alone = report.missed().iter().map(Journey::of).collect();
        go(ground, alone, enough, &mut report);
    }
    let tried = report.tried();
    assert!(tried >= SPREAD, "only {tried} points were come to");
    report
}

/// Goes on journeys, some at once, until `enough` points have been come to.
fn go(ground: &Ground, journeys: Vec<Journey>, enough: usize, report: &mut Report) {
    struct Shared<'a> {
        left: std::vec::IntoIter<Journey>,
        report: &'a mut Report,
        under_way: usize,
    }
    let shared = Mutex::new(Shared {
        left: journeys.into_iter(),
        report,
        under_way: 0,
    });
    let next = || {
        let mut shared = shared.lock().unwrap();
        // About half of the points that are under way will be come to.
        if shared.report.tried() + shared.under_way / 2 >= enough {
            return None;
        }
        let journey = shared.left.next()?;
        shared.under_way += journey.points.len();
        Some(journey)
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(journey) = next() {
                    let outcome = journey.go(ground);
                    let mut shared = shared.lock().unwrap();
                    shared.under_way -= journey.points.len();
                    shared.report.add(&journey, &outcome);
                }
            });
        }
    });
}
