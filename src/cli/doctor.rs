//! `hpcapi doctor`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::deploy::{self, Depth, Diagnosis, Verdict};
use crate::error::{Context as _, Error, Result};
use crate::event::Events;
use crate::files;
use crate::hint::Again;
use crate::output::{self, Answer, Format, Volume};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, Reached, SandboxUse};

/// Find what is broken, and what to type next
///
/// Before `up`, everything that would keep it from working; after it, the first broken layer on the way
/// of a request, what of the head node would fail at its next restart, and why no job starts.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Have a job run, too: it may start a node
    #[arg(long)]
    deep: bool,

    /// Write what a maintainer needs into this file, without secrets: what was found, the events of the
    /// stacks, the head node's logs
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    if let Some(file) = args.bundle.as_deref().filter(|file| file.exists()) {
        return Err(
            Error::usage(format!("there is a `{}` already", file.display()))
                .hint("name another file with --bundle"),
        );
    }
    let looked = output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
        events.progress("looking at the deployment");
        look(&args, events).await
    })
    .await;
    let (diagnosis, bundle) = looked?;
    let again = args.deployment.again(&args.cluster);
    output::answer(&DoctorAnswer::new(&diagnosis, &again), args.output)?;
    if let (Some(file), Some(text)) = (&args.bundle, bundle) {
        files::write_private(&absolute(file)?, text.as_bytes())?;
        output::tell(&format!(
            "{} holds what a maintainer needs: read it before you send it\n",
            file.display()
        ));
    }
    verdict(&diagnosis)
}

/// Looks, and reads what a maintainer needs if that is asked for.
async fn look(args: &Args, events: &Events) -> Result<(Diagnosis, Option<String>)> {
    let (deployment, cluster) = (&args.deployment, &args.cluster);
    let again = deployment.again(cluster);
    let context = match deployment.reach(cluster, SandboxUse::Start, events).await? {
        Reached::Account(context) => context,
        Reached::Nobody(error) => {
            let diagnosis = Diagnosis::of_no_account(&error);
            let answer = output::json(&DoctorAnswer::new(&diagnosis, &again));
            return Ok((diagnosis, Some(answer)));
        }
    };
    let depth = if args.deep { Depth::Job } else { Depth::Looks };
    let diagnosis = deploy::doctor(&context, depth).await?;
    let bundle = match args.bundle {
        Some(_) => {
            let answer = output::json(&DoctorAnswer::new(&diagnosis, &again));
            Some(deploy::bundle(&context, &answer).await)
        }
        None => None,
    };
    Ok((diagnosis, bundle))
}

fn absolute(file: &Path) -> Result<PathBuf> {
    std::path::absolute(file).doing(|| format!("cannot write `{}`", file.display()))
}

/// Fails unless all is well.
fn verdict(diagnosis: &Diagnosis) -> Result<()> {
    if diagnosis.is_well() {
        return Ok(());
    }
    let bad: Vec<_> = diagnosis
        .findings
        .iter()
        .filter(|finding| !finding.is_fine())
        .collect();
    let text = match bad.as_slice() {
        [one] => format!("{}: {}", one.subject, one.text),
        several => format!("{} things are not well", several.len()),
    };
    let next = bad.iter().flat_map(|finding| &finding.next);
    Err(next.fold(Error::failed(text), |error, next| error.hint(next.clone())))
}

#[derive(Serialize)]
struct DoctorAnswer {
    /// Whether nothing is wrong.
    well: bool,
    /// `preflight`, or `path` once there is a deployment.
    looked_at: &'static str,
    findings: Vec<FindingAnswer>,
}

#[derive(Serialize)]
struct FindingAnswer {
    subject: &'static str,
    verdict: &'static str,
    text: String,
    cause: Option<String>,
    next: Vec<String>,
}

impl DoctorAnswer {
    fn new(diagnosis: &Diagnosis, again: &Again) -> DoctorAnswer {
        let findings = diagnosis.findings.iter().map(|finding| FindingAnswer {
            subject: finding.subject,
            verdict: finding.verdict.word(),
            text: finding.text.clone(),
            cause: finding.cause.clone(),
            next: finding.next.iter().map(|next| again.hint(next)).collect(),
        });
        DoctorAnswer {
            well: diagnosis.is_well(),
            looked_at: if diagnosis.is_of_path {
                "path"
            } else {
                "preflight"
            },
            findings: findings.collect(),
        }
    }
}

impl Answer for DoctorAnswer {
    fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let verdict = output::verdict(finding.verdict, 8);
            let first = format!("{verdict} {:<17} ", finding.subject);
            text.push_str(&output::hanging(&first, &finding.text));
            let indent = " ".repeat(27);
            for line in finding.cause.iter().flat_map(|cause| cause.lines()) {
                text.push_str(&output::hanging(&indent, line));
            }
        }
        let good = [Verdict::Good.word(), Verdict::Warning.word()];
        if self.findings.iter().all(|one| good.contains(&one.verdict)) {
            text.push_str(match self.looked_at {
                "path" => "\nall is well: a request comes through\n",
                _ => "\nall is well: `up` can begin\n",
            });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::Finding;

    #[test]
    fn a_finding_is_a_line_and_its_cause_stands_below() {
        let diagnosis = Diagnosis {
            is_of_path: true,
            findings: vec![
                Finding::good("stacks", "both are complete"),
                Finding::problem("slurmctld", "it does not run").because("exit 1\nbad config"),
            ],
        };
        assert_eq!(
            DoctorAnswer::new(&diagnosis, &Again::of("hpcapi")).text(),
            "ok       stacks            both are complete\n\
             problem  slurmctld         it does not run\n\
             \x20                          exit 1\n\
             \x20                          bad config\n"
        );
    }
}
