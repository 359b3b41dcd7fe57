//! `hpcapi jobs explain`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::Result;
use crate::hint::Again;
use crate::output::{Answer, moment_from, plain};
use crate::slurm::jobs::{self, Awaited, Explanation, Job, JobId};
use crate::slurm::time;

use super::super::reach::ReachArgs;
use super::super::show::{ShowArgs, UserArgs, View, print, print_raw, with_client};
use super::forgotten::forgotten;
use super::print_lookups;

/// Say in words why a job waits, what it does now or how it ended, and what to do about it
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The jobs: 12, or 12_3 for a task of an array
    #[arg(required = true)]
    id: Vec<JobId>,

    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    show: ShowArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_lookups(&args.reach, user, &args.id);
    }
    with_client(&args.reach, user, async |reach, events| {
        let again = args.reach.again();
        let mut answer = ExplainAnswer::default();
        for id in &args.id {
            if args.show.output == View::Raw {
                let version = reach.client.version().await?;
                print_raw(&reach.client, &jobs::lookup_request(*id, version)).await?;
                continue;
            }
            let remembered = async |id| forgotten(reach, events, id).await;
            let mut found = jobs::lookup_whole(&reach.client, *id).await?;
            if found.is_empty() {
                found = remembered(*id).await;
            }
            if found.is_empty() {
                return Err(jobs::gone(*id, &[]));
            }
            let explained = jobs::explain(&reach.client, &found, remembered).await?;
            let explained = explained.into_iter();
            answer
                .explanations
                .extend(explained.map(|it| Explained::new(it, &again)));
            answer.jobs.extend(found);
        }
        match args.show.output {
            View::Raw => Ok(()),
            view => print(&answer, view),
        }
    })
    .await
}

#[derive(Default, Serialize)]
struct ExplainAnswer {
    explanations: Vec<Explained>,
    jobs: Vec<Job>,
}

/// An explanation whose commands can be typed.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    advice: Vec<TypedAdvice>,
}

/// Something to do.
#[derive(Serialize)]
struct TypedAdvice {
    text: String,
    command: Option<String>,
}

impl Explained {
    fn new(mut explanation: Explanation, again: &Again) -> Explained {
        let advice = std::mem::take(&mut explanation.advice).into_iter();
        let advice = advice.map(|advice| TypedAdvice {
            text: advice.text,
            command: advice.command.map(|command| again.typed(&command)),
        });
        Explained {
            advice: advice.collect(),
            explanation,
        }
    }
}

impl Answer for ExplainAnswer {
    fn text(&self) -> String {
        let told: Vec<String> = self.explanations.iter().map(text).collect();
        told.join("\n")
    }
}

/// Returns an explanation for people: the answer, and below it what it rests on.
fn text(explained: &Explained) -> String {
    let Explained {
        explanation,
        advice,
    } = explained;
    let mut lines = vec![format!("{}\n", plain(&explanation.text))];
    let mut tell = |label: &str, text: &str| {
        lines.push(format!("{label:<16}{}\n", plain(text)));
    };
    if let Some(details) = &explanation.reason_details {
        tell("Slurm says", details);
    }
    for awaited in &explanation.waits_for {
        tell(label(awaited), &awaited.text);
    }
    match explanation.expected_start {
        Some(start) => tell(
            "starts",
            &format!(
                "Slurm expects it to start at {}",
                moment_from(start, time::now())
            ),
        ),
        None if explanation.may_start() => {
            tell("starts", "Slurm has not worked out when it will start");
        }
        None => {}
    }
    for advice in advice {
        let text = &advice.text;
        match &advice.command {
            Some(command) => tell("next", &format!("{text}: {command}")),
            None => tell("next", text),
        }
    }
    for unknown in &explanation.unknown {
        tell("unknown", unknown);
    }
    lines.concat()
}

fn label(awaited: &Awaited) -> &'static str {
    match awaited.kind {
        kind @ ("nodes" | "partition") => kind,
        _ => "waits for",
    }
}
