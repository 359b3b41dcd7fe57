//! The screen of a run: a line for each step, and a foot line, in the room that there is.

use std::time::{Duration, Instant};

use console::{Style, truncate_str};

use crate::event::Outcome;
use crate::step::{Aim, Step};

use super::course::{Course, Row, Standing};
use super::human;
use super::unfinished::of_about;
use super::units::span;

/// How long each picture of the spinner stands.
const TURN: u128 = 100;

/// The pictures of the spinner.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    On,
    Off,
}

impl Colours {
    /// Returns whether stderr takes colours, and the user wants them.
    pub(super) fn of_stderr() -> Colours {
        match console::colors_enabled_stderr() {
            true => Colours::On,
            false => Colours::Off,
        }
    }

    fn style(self) -> Style {
        Style::new().force_styling(self == Colours::On)
    }
}

/// A screen: how much room there is, and whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) colours: Colours,
}

/// Whether a line may give way to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Done,
    Waiting,
    Now,
}

/// Returns the lines of a run that goes on, none of them wider than the screen, and no more than it has.
pub(super) fn lines(course: &Course, now: Instant, room: Room) -> Vec<String> {
    let shown = course.rows().map(|(step, row)| {
        let weight = match row.standing {
            Standing::Waiting => Weight::Waiting,
            Standing::Done(..) => Weight::Done,
            Standing::AtWork(_) | Standing::Failed(_) => Weight::Now,
        };
        (weight, line(course, step, row, now, room))
    });
    let shown: Vec<_> = shown.collect();
    let mut below = Vec::new();
    if let Some((text, passed)) = course.progress(now).filter(|(_, it)| *it >= SHORT) {
        let turning = room.colours.style().cyan().apply_to(spinner(course, now));
        let passed = span(passed.as_secs());
        below.push(format!("{turning} {text} · {passed}"));
    }
    if !shown.is_empty() {
        below.push(foot(course, now, room));
    }
    let mut lines = folded(shown, room.rows.saturating_sub(below.len()), course, room);
    lines.extend(below);
    // With so few rows the newest is what counts.
    let first = lines.len().saturating_sub(room.rows);
    let lines = lines.into_iter().skip(first);
    lines
        .map(|line| truncate_str(&line, room.columns, "…").into_owned())
        .collect()
}

/// What is over sooner is not worth a line.
const SHORT: Duration = Duration::from_millis(500);

/// Returns the lines that stay when nothing more is told: those of the steps that were at work, or are
/// done.
pub(super) fn last_lines(course: &Course, now: Instant, room: Room) -> Vec<String> {
    let begun = course
        .rows()
        .filter(|(_, row)| row.standing != Standing::Waiting);
    let lines = begun.map(|(step, row)| match row.standing {
        Standing::AtWork(since) => {
            let text = at_work(course, step, since, now);
            row_of("…", step, &text)
        }
        _ => line(course, step, row, now, room),
    });
    lines
        .map(|line| truncate_str(&line, room.columns, "…").into_owned())
        .collect()
}

fn line(course: &Course, step: Step, row: &Row, now: Instant, room: Room) -> String {
    let style = room.colours.style();
    match &row.standing {
        Standing::Waiting => {
            let text = row_of("·", step, "waiting");
            style.dim().apply_to(text).to_string()
        }
        Standing::AtWork(since) => {
            let mark = style.cyan().apply_to(spinner(course, now)).to_string();
            row_of(&mark, step, &at_work(course, step, *since, now))
        }
        Standing::Done(outcome, took) => {
            let mark = style.green().apply_to("✓").to_string();
            let mut text = ending(outcome, *took);
            if let Some(doing) = course.doing(step, now) {
                text.push_str(&format!(" · {doing}"));
            }
            row_of(&mark, step, &text)
        }
        Standing::Failed(took) => {
            let mark = style.red().apply_to("✗").to_string();
            row_of(&mark, step, &format!("failed after {}", human(*took)))
        }
    }
}

fn row_of(mark: &str, step: Step, text: &str) -> String {
    format!("{mark} {:<15} {text}", step.title())
}

fn at_work(course: &Course, step: Step, since: Instant, now: Instant) -> String {
    let seconds = now.saturating_duration_since(since).as_secs();
    let time = format!("{}:{:02}", seconds / 60, seconds % 60);
    let doing = course.doing(step, now).unwrap_or_default();
    format!("{time:>5}  {doing}").trim_end().to_owned()
}

fn spinner(course: &Course, now: Instant) -> &'static str {
    let turns = course.passed(now).as_millis() / TURN;
    let pictures = SPINNER.len() as u128;
    // Less than the number of pictures.
    SPINNER[usize::try_from(turns % pictures).unwrap_or_default()]
}

/// Makes lines fit: those that are done become one at the top, then those that wait one at the end.
fn folded(
    shown: Vec<(Weight, String)>,
    room_for: usize,
    course: &Course,
    room: Room,
) -> Vec<String> {
    let style = room.colours.style();
    let too_many = |number: usize| (number + 1).saturating_sub(room_for);
    let mut shown = shown;
    let mut above = None;
    if shown.len() > room_for {
        let done = shown
            .iter()
            .take_while(|(weight, _)| *weight == Weight::Done);
        let count = done.count().min(too_many(shown.len()));
        if count > 1 {
            shown.drain(..count);
            let word = match course.aim() {
                Aim::Make => "ready",
                Aim::Remove => "removed",
                Aim::Rest => "at rest",
            };
            let mark = style.clone().green().apply_to("✓");
            above = Some(format!("{mark} {count} steps {word}"));
        }
    }
    let mut below = None;
    let room_for_rest = room_for.saturating_sub(above.iter().len());
    if shown.len() > room_for_rest {
        let waiting = shown.iter().rev();
        let waiting = waiting.take_while(|(weight, _)| *weight == Weight::Waiting);
        let most = (shown.len() + 1).saturating_sub(room_for_rest);
        let count = waiting.count().min(most);
        if count > 1 {
            shown.truncate(shown.len() - count);
            let text = format!("· {count} steps waiting");
            below = Some(style.dim().apply_to(text).to_string());
        }
    }
    let lines = shown.into_iter().map(|(_, line)| line);
    above.into_iter().chain(lines).chain(below).collect()
}

/// Returns how far all of it is: `4 of 12 · 3 min 20 s of about 15 min`.
fn foot(course: &Course, now: Instant, room: Room) -> String {
    let all = course.rows().count();
    let is_done = |(_, row): &(Step, &Row)| matches!(row.standing, Standing::Done(..));
    let done = course.rows().filter(is_done).count();
    let mut parts = vec![
        format!("{done} of {all}"),
        of_about(course.passed(now), course.usually(now)),
    ];
    if !course.price().is_empty() {
        parts.push(course.price().to_owned());
    }
    let text = format!("  {}", parts.join(" · "));
    room.colours.style().dim().apply_to(text).to_string()
}

/// Returns how a step ended, in words.
pub(super) fn ending(outcome: &Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Unchanged => "ready, nothing to change".to_owned(),
        Outcome::Came => "ready".to_owned(),
        Outcome::Made => format!("ready after {}", human(took)),
        Outcome::Removed => format!("removed after {}", human(took)),
        Outcome::Absent => "nothing to remove".to_owned(),
        Outcome::Rested => format!("at rest after {}", human(took)),
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, Outline, Resource, Subject, Times};

    use super::*;

    const SMALL: Room = Room {
        rows: 23,
        columns: 80,
        colours: Colours::Off,
    };

    fn resource(name: &str, kind: &str, status: &str) -> Resource {
        Resource {
            subject: Subject::Resource,
            name: name.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: String::new(),
        }
    }

    /// Returns a run that is in the middle, and the time that it is then.
    fn middle(times: Times) -> (Course, Instant) {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let optional = [
            Step::Operations,
            Step::Triggers,
            Step::Notifications,
            Step::Limits,
        ];
        let steps = Step::ALL.into_iter().filter(|it| !optional.contains(it));
        let mut course = Course::new(begun);
        let mut take = |event, seconds| {
            course.take(&event, at(seconds));
        };
        take(
            Event::Outlined(Outline {
                aim: Aim::Make,
                steps: steps.collect(),
                ready: Vec::new(),
                times,
            }),
            0,
        );
        let second = Duration::from_secs(1);
        for step in [Step::Pcluster, Step::KeyPair, Step::NodeScript] {
            take(Event::Finished(step, Outcome::Unchanged, second), 2);
        }
        take(Event::Started(Step::Requirements), 1);
        take(
            Event::Finished(Step::Requirements, Outcome::Made, 50 * second),
            51,
        );
        take(
            Event::Finished(Step::ClusterConfig, Outcome::Made, second),
            52,
        );
        for (step, name, kind) in [
            (Step::NatGateway, "NatGateway", "AWS::EC2::NatGateway"),
            (
                Step::Api,
                "LoadBalancer",
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
            ),
        ] {
            take(Event::Started(step), 53);
            let group = resource("Group", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE");
            take(Event::Resource(step, group), 54);
            let begins = resource(name, kind, "CREATE_IN_PROGRESS");
            take(Event::Resource(step, begins), 55);
        }
        take(Event::Started(Step::Cluster), 55);
        let creates = "pcluster create-cluster".to_owned();
        take(Event::Doing(Step::Cluster, creates), 56);
        take(Event::Price("$0.10 an hour".to_owned()), 56);
        (course, at(125))
    }

    fn screen(room: Room, times: Times) -> String {
        let (course, now) = middle(times);
        lines(&course, now, room).join("\n")
    }

    #[test]
    fn every_step_stands_on_a_small_screen() {
        assert_eq!(
            screen(SMALL, Times::Usual),
            "\
✓ network         ready after 50.0 s
⠋ NAT gateway      1:12  NAT gateway (1 min 10 s of about 2 min), 1 made
✓ pcluster        ready, nothing to change
✓ key pair        ready, nothing to change
✓ node script     ready, nothing to change
✓ configuration   ready after 1.0 s
⠋ cluster          1:10  pcluster create-cluster
· head node       waiting
⠋ API              1:12  load balancer (1 min 10 s of about 3 min), 1 made
· target          waiting
· node set-up     waiting
· endpoint        waiting
  5 of 12 · 2 min 5 s of about 12 min · $0.10 an hour"
        );
    }

    #[test]
    fn a_large_screen_has_the_same_lines_and_a_sandbox_no_usual_times() {
        let large = Room {
            rows: 39,
            columns: 120,
            ..SMALL
        };
        let shown = screen(large, Times::Usual);
        assert_eq!(shown, screen(SMALL, Times::Usual));
        let shown = screen(large, Times::Unknown);
        assert!(!shown.contains("about"), "{shown}");
        let last = shown.lines().last();
        assert_eq!(last, Some("  5 of 12 · 2 min 5 s · $0.10 an hour"));
    }

    #[test]
    fn what_is_done_makes_room_and_then_what_waits() {
        let (mut course, now) = middle(Times::Unknown);
        let made = Event::Finished(Step::NatGateway, Outcome::Made, Duration::from_secs(80));
        course.take(&made, now);
        let shown = |rows| {
            let room = Room { rows, ..SMALL };
            lines(&course, now, room)
        };
        assert_eq!(shown(13).len(), 13);
        let nine = shown(9);
        assert_eq!(nine[0], "✓ 5 steps ready");
        assert_eq!(nine[1], "✓ configuration   ready after 1.0 s");
        assert_eq!(nine.len(), 9);
        let six = shown(6);
        assert_eq!(
            six[..2],
            [
                "✓ 6 steps ready",
                "⠋ cluster          1:10  pcluster create-cluster"
            ]
        );
        assert_eq!(six[4], "· 3 steps waiting");
        assert_eq!(six.len(), 6);
        assert_eq!(shown(1).len(), 1);
        let narrow = Room {
            columns: 30,
            ..SMALL
        };
        for line in lines(&course, now, narrow) {
            assert!(console::measure_text_width(&line) <= 30, "{line}");
        }
    }

    #[test]
    fn what_waits_goes_in_the_end() {
        let (mut course, now) = middle(Times::Usual);
        course.take(&Event::Failed(Step::Api, Duration::from_secs(9)), now);
        let shown = last_lines(&course, now, SMALL);
        let words = shown.join("\n");
        assert!(!words.contains("waiting"), "{words}");
        assert!(
            words.contains("\n✗ API             failed after 9.0 s"),
            "{words}"
        );
        assert!(
            words.contains("\n… cluster          1:10  pcluster"),
            "{words}"
        );
    }

    #[test]
    fn a_proof_leaves_what_is_ready_ready() {
        let (mut course, now) = middle(Times::Usual);
        let ready = Event::Finished(Step::Endpoint, Outcome::Came, Duration::ZERO);
        course.take(&ready, now);
        let proof = Event::Doing(Step::Endpoint, "job 1 is RUNNING".to_owned());
        course.take(&proof, now);
        let shown = last_lines(&course, now, SMALL);
        let last = shown.last().map(String::as_str);
        assert_eq!(last, Some("✓ endpoint        ready · job 1 is RUNNING"));
    }

    #[test]
    fn words_of_others_neither_break_a_line_nor_move_the_cursor() {
        let (mut course, now) = middle(Times::Usual);
        let words = "not \u{1b}[2J online:\nno answer".to_owned();
        course.take(&Event::Doing(Step::Cluster, words), now);
        let shown = lines(&course, now, SMALL);
        assert_eq!(shown.len(), 13);
        assert!(shown.iter().all(|line| !line.contains(['\n', '\u{1b}'])));
    }

    #[test]
    fn the_time_of_a_step_begins_when_it_starts() {
        let begun = Instant::now();
        let mut course = Course::new(begun);
        let looks = Event::Doing(Step::ClusterConfig, "pcluster validates".to_owned());
        course.take(&looks, begun);
        let start = begun + Duration::from_secs(28);
        course.take(&Event::Started(Step::ClusterConfig), start);
        let shown = lines(&course, start, SMALL);
        assert!(shown[0].contains(" 0:00"), "{shown:?}");
    }

    #[test]
    fn there_are_colours_only_where_they_are_wanted() {
        let coloured = Room {
            colours: Colours::On,
            ..SMALL
        };
        assert!(screen(coloured, Times::Usual).contains("\u{1b}[32m✓\u{1b}[0m network"));
        assert!(!screen(SMALL, Times::Usual).contains('\u{1b}'));
    }
}
