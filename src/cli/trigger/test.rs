//! `hpcapi trigger test`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::Result;
use crate::output::{self, Answer, Format, plain};
use crate::triggers::{Record, TriggerName};

use super::super::deployment::DeploymentArgs;
use super::answer::line;
use super::with_triggers;

/// Say what would become of an object, and what has become of it if it is there
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The object's key, as in inbox/a.csv
    key: String,

    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let key = &args.key;
    let answer = with_triggers(&args.deployment, async |triggers, _| {
        let mut taken_by = Vec::new();
        let mut size = None;
        for trigger in triggers.all().await? {
            if !trigger.takes(key) {
                continue;
            }
            let known = triggers.known(&trigger.name, key).await?;
            size = known.as_ref().map(|(size, _)| *size);
            taken_by.push(Taker {
                outbox: trigger.outbox(key),
                trigger: trigger.name,
                is_paused: trigger.is_paused,
                script: trigger.script.name,
                record: known.and_then(|(_, record)| record),
            });
        }
        Ok(TestAnswer {
            key: key.clone(),
            size,
            taken_by,
            list: args.deployment.command("trigger list"),
        })
    });
    output::answer(&answer.await?, args.output)
}

#[derive(Debug, Serialize)]
struct TestAnswer {
    key: String,
    size: Option<u64>,
    taken_by: Vec<Taker>,
    /// What lists the triggers.
    #[serde(skip)]
    list: String,
}

/// A trigger that takes the object.
#[derive(Debug, Serialize)]
struct Taker {
    trigger: TriggerName,
    is_paused: bool,
    script: String,
    outbox: String,
    record: Option<Record>,
}

impl Answer for TestAnswer {
    fn text(&self) -> String {
        let key = plain(&self.key);
        if self.taken_by.is_empty() {
            return format!("no trigger takes {key}: {}\n", self.list);
        }
        let mut text = String::new();
        for taker in &self.taken_by {
            let Taker {
                trigger,
                script,
                outbox,
                ..
            } = taker;
            text.push_str(&match (taker.is_paused, &taker.record) {
                (_, Some(record)) => format!("{trigger} has taken {key}: {}", line(record)),
                (true, None) => format!("{trigger} would take {key}, and is paused\n"),
                (false, None) => format!(
                    "{trigger} would take {key}: a job that runs {}, with outputs in {}\n",
                    plain(script),
                    plain(outbox)
                ),
            });
        }
        text
    }
}
