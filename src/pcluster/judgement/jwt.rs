//! Tokens: slurmctld refuses to start when it shall accept them and finds no key, and hpcapi's
//! script makes the key, in the phase that it is told.

use serde_yaml::Value;

use crate::pcluster::config::{ClusterConfig, DocumentPath};

use super::nodes::{self, Script, items};
use super::{Circumstances, Remark, Severity};

const SUBJECT: &str = "tokens";

/// The phases of hpcapi's script that an event may be, the best first; the script runs all of them
/// when it is told none (templates/node/head-node.sh).
const PHASES: &[(&str, &[&str])] = &[
    ("OnNodeStart", &["start"]),
    ("OnNodeConfigured", &["configured", "updated", "all", ""]),
    (
        "OnNodeUpdated",
        &["updated", "configured", "all", "start", ""],
    ),
];

pub(super) fn judge(config: &ClusterConfig, _: &Circumstances<'_>) -> Vec<Remark> {
    let document = config.document();
    let scripts: Vec<_> = nodes::all(document)
        .first()
        .map(nodes::Nodes::scripts)
        .unwrap_or_default();
    let mut remarks: Vec<_> = scripts.iter().filter_map(wrong_phase).collect();
    remarks.extend(no_key(document, &scripts));
    remarks
}

/// The script does in each phase what can be done then.
fn wrong_phase(script: &Script<'_>) -> Option<Remark> {
    if !script.is_ours() {
        return None;
    }
    let (_, phases) = PHASES.iter().find(|(event, _)| *event == script.event)?;
    let told = script.arguments[0].as_str().unwrap_or_default();
    if phases.contains(&told) {
        return None;
    }
    let event = script.event;
    let words = match told {
        "" => "runs all of its phases".to_owned(),
        other => format!("runs the phase `{other}`"),
    };
    Some(Remark {
        subject: SUBJECT,
        severity: Severity::Error,
        path: script.path.clone(),
        text: format!("hpcapi's script {words} at {event}"),
        cause: match event {
            "OnNodeStart" => "Slurm is not there yet: only the key can be made then",
            _ => "then nothing serves the API from the head node",
        }
        .to_owned(),
        next: format!("write into {}: Args: [{}]", script.path, phases[0]),
    })
}

/// Without hpcapi's words in the configuration its script lets Slurm accept tokens, after it has
/// made the key. Where the configuration says it, Slurm looks for the key at its first start.
fn no_key(document: &Value, scripts: &[Script<'_>]) -> Option<Remark> {
    let path = accepts_tokens(document)?;
    let at_start = |script: &&Script<'_>| script.event == "OnNodeStart";
    let mut scripts = scripts.iter().filter(at_start).peekable();
    let has_own = scripts.peek().is_some();
    if scripts.any(Script::is_ours) {
        return None;
    }
    // An image of the user's own may hold a key as well as a script may make one.
    let is_perhaps = has_own || document["Image"]["CustomAmi"].as_str().is_some();
    let (severity, text) = if is_perhaps {
        let text = "only what is your own may make the key of tokens before slurmctld starts";
        (Severity::Warning, text)
    } else {
        let text = "nothing makes the key of tokens before slurmctld starts";
        (Severity::Error, text)
    };
    Some(Remark {
        subject: SUBJECT,
        severity,
        path,
        text: text.to_owned(),
        cause: "slurmctld does not start when AuthAltTypes names auth/jwt and there is no key"
            .to_owned(),
        next: match has_own {
            true => {
                "add to HeadNode.CustomActions.OnNodeStart, as a Sequence: - Script: \
                     CHANGE_ME, Args: [start]"
            }
            false => {
                "write HeadNode.CustomActions.OnNodeStart: {Script: CHANGE_ME, Args: \
                      [start]}, or leave out AuthAltTypes: hpcapi's script sets it"
            }
        }
        .to_owned(),
    })
}

/// Returns where the configuration lets Slurm accept tokens. Slurm reads its keys in any case.
fn accepts_tokens(document: &Value) -> Option<DocumentPath> {
    let keys = ["Scheduling", "SlurmSettings", "CustomSlurmSettings"];
    let settings = &document[keys[0]][keys[1]][keys[2]];
    let path = DocumentPath::default().below(&keys);
    items(settings, &path).find_map(|(path, setting)| {
        let setting = setting.as_mapping()?;
        setting.iter().find_map(|(key, value)| {
            let (key, value) = (key.as_str()?, value.as_str()?);
            let mut types = value.split(',').map(str::trim);
            let is_it =
                key.eq_ignore_ascii_case("AuthAltTypes") && types.any(|one| one == "auth/jwt");
            is_it.then(|| path.below(&[key]))
        })
    })
}
