//! What is said of a trigger and of its events.

use serde::Serialize;

use crate::hint::{Again, AwsCall};
use crate::output::{Answer, Cell, Emptiness, Table, moment, moment_from, plain};
use crate::slurm::time;
use crate::triggers::{Outcome, Record, Trigger};

/// Triggers, in a list.
#[derive(Debug, Serialize)]
pub(super) struct ListAnswer {
    pub(super) triggers: Vec<Trigger>,
    #[serde(skip)]
    pub(super) empty: Option<Emptiness>,
}

impl Answer for ListAnswer {
    fn text(&self) -> String {
        let mut table = Table::new(&["TRIGGER", "STATE", "TAKES", "SCRIPT", "AT MOST"]);
        for trigger in &self.triggers {
            table.row([
                Cell::from(trigger.name.as_str()),
                Cell::from(state(trigger)),
                Cell::from(takes(trigger)),
                Cell::from(&trigger.script.name),
                Cell::from(
                    trigger
                        .at_most
                        .map_or("-".to_owned(), |most| most.to_string()),
                ),
            ]);
        }
        table.text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}

/// One trigger.
#[derive(Debug, Serialize)]
pub(super) struct TriggerAnswer {
    #[serde(flatten)]
    trigger: Trigger,
    #[serde(skip)]
    words: String,
}

impl TriggerAnswer {
    /// Returns what is said of one that was added.
    pub(super) fn added(trigger: Trigger, again: &Again) -> TriggerAnswer {
        let copy = AwsCall::here("s3 cp").with(format!("FILE s3://BUCKET/{}", trigger.prefix));
        let words = format!(
            "each new object {} becomes a job\nput one there:  {}\nsee what \
             becomes of it:  {}\n",
            takes(&trigger),
            again.typed(&copy.into()),
            again.command(&format!("trigger logs -f {}", trigger.name))
        );
        TriggerAnswer { trigger, words }
    }

    /// Returns what is said of one that is looked at.
    pub(super) fn shown(trigger: Trigger, refused: usize, again: &Again) -> TriggerAnswer {
        let options: Vec<String> = trigger
            .options
            .iter()
            .map(|(option, value)| match value.as_str() {
                "" => format!("--{option}"),
                value => format!("--{option}={value}"),
            })
            .collect();
        let user = match trigger.user.as_str() {
            "" => "the cluster's own",
            user => user,
        };
        let mut words = format!(
            "trigger  {}, {}\ntakes    {}\nscript   {} {}\nuser     {user}\noptions  {}\noutputs  {}\nsince    {}\n",
            trigger.name,
            state(&trigger),
            takes(&trigger),
            trigger.script.name,
            trigger.arguments.join(" "),
            options.join(" "),
            trigger.out.join(" "),
            moment_from(trigger.created, time::now()),
        );
        if let Some(most) = trigger.at_most {
            words.push_str(&format!("at once  {most} of its jobs\n"));
        }
        if refused > 0 {
            words.push_str(&format!(
                "refused  {refused}: {}; again: {}\n",
                again.command(&format!("trigger logs {}", trigger.name)),
                again.command(&format!("trigger retry {} --all", trigger.name))
            ));
        }
        TriggerAnswer { trigger, words }
    }
}

impl Answer for TriggerAnswer {
    fn text(&self) -> String {
        self.words
            .lines()
            .map(|line| format!("{}\n", plain(line.trim_end())))
            .collect()
    }

    fn done(&self) -> Option<String> {
        Some(format!("the trigger {} is there", self.trigger.name))
    }
}

/// What has become of events.
#[derive(Debug, Serialize)]
pub(super) struct EventsAnswer {
    pub(super) events: Vec<Record>,
}

impl Answer for EventsAnswer {
    fn text(&self) -> String {
        self.events.iter().map(line).collect()
    }
}

/// Returns an event and what has become of it, in a line.
pub(super) fn line(record: &Record) -> String {
    let when = record.event.time.map_or("-".to_owned(), moment);
    let what = match &record.outcome {
        Outcome::Waiting => "waits to be submitted".to_owned(),
        Outcome::Submitted { job_id } => format!("job {job_id}, run {}", record.event.run),
        Outcome::Refused { reason } => format!("REFUSED: {reason}"),
    };
    format!("{when}  {}  {}\n", plain(&record.event.key), plain(&what))
}

fn state(trigger: &Trigger) -> &'static str {
    match trigger.is_paused {
        true => "paused",
        false => "on",
    }
}

/// Returns in words what a trigger takes.
pub(super) fn takes(trigger: &Trigger) -> String {
    plain(&format!("{}*{}", trigger.prefix, trigger.suffix)).to_string()
}
