//! What Slurm knows of jobs, and what it has stored of them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::moments::{Moments, is_same};
use crate::slurm::cluster::Cluster;

/// Prints a line for each job, and one for each file that slurmctld has of one.
const READ: &str = r#"scontrol show job -d -o
cd "$(scontrol show config | awk '$1 == "StateSaveLocation" { print $3 }')"
for file in hash.*/job.*/environment hash.*/job.*/script; do
    echo "$file $(base64 -w 0 "$file" 2> /dev/null)"
done"#;

/// Fields that hold the number of the job itself.
const WITH_NUMBERS: [&str; 7] = [
    "JobId",
    "ArrayJobId",
    "HetJobId",
    "HetJobIdSet",
    "StdErr",
    "StdIn",
    "StdOut",
];

/// One job, or one component of a heterogeneous one.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// By their names, without its own numbers.
    fields: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    script: Vec<u8>,
}

pub(super) struct Stored {
    lines: Vec<BTreeMap<String, String>>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Stored {
    pub(super) fn read(cluster: &Cluster) -> Stored {
        let said = cluster.on_head_node(READ);
        let (files, lines): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.starts_with("hash."));
        let files = files.into_iter().map(|line| {
            let (name, content) = line.split_once(' ').unwrap();
            let (_, name) = name.split_once("/job.").unwrap();
            (name.to_owned(), STANDARD.decode(content).unwrap())
        });
        Stored {
            files: files.collect(),
            lines: lines.into_iter().map(fields).collect(),
        }
    }

    /// Returns the components of a job: of most jobs, one.
    pub(super) fn jobs(&self, id: u64) -> Vec<Job> {
        let own = id.to_string();
        let is_own = |line: &&BTreeMap<String, String>| {
            let number = line.get("HetJobId").unwrap_or(&line["JobId"]);
            *number == own
        };
        let own: Vec<_> = self.lines.iter().filter(is_own).collect();
        let count = own.len() as u64;
        let file = |number: &str, name: &str| {
            let content = self.files.get(&format!("{number}/{name}"));
            content.cloned().unwrap_or_default()
        };
        let mut jobs: Vec<Job> = own
            .into_iter()
            .map(|line| {
                let number = &line["JobId"];
                let mut fields = line.clone();
                for name in WITH_NUMBERS {
                    if let Some(value) = fields.get_mut(name) {
                        *value = without_numbers(value, id, count);
                    }
                }
                Job {
                    fields,
                    environment: variables(&file(number, "environment")),
                    script: file(number, "script"),
                }
            })
            .collect();
        jobs.sort_by_key(|job| job.fields["JobId"].clone());
        jobs
    }
}

impl Job {
    /// Returns what differs, as this job and as the other has it.
    pub(super) fn differences(&self, other: &Job) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        let moments = Moments {
            theirs: &self.fields["SubmitTime"],
            ours: &other.fields["SubmitTime"],
        };
        for (name, theirs, ours) in pairs(&self.fields, &other.fields) {
            let marked = name == "Comment" && is_marked(theirs, ours);
            if marked {
                all.push((
                    "marker in `Comment`".to_owned(),
                    theirs.to_owned(),
                    ours.to_owned(),
                ));
            } else if theirs != ours && !is_same(theirs, ours, &moments) {
                all.push((
                    format!("field `{name}`"),
                    theirs.to_owned(),
                    ours.to_owned(),
                ));
            }
        }
        for (name, theirs, ours) in pairs(&self.environment, &other.environment) {
            if theirs != ours {
                all.push((
                    format!("variable `{name}`"),
                    theirs.to_owned(),
                    ours.to_owned(),
                ));
            }
        }
        if self.script != other.script {
            let [theirs, ours] = [self, other].map(|job| String::from_utf8_lossy(&job.script));
            all.push(("script".to_owned(), theirs.into_owned(), ours.into_owned()));
        }
        all
    }
}

/// Returns all names with both values; what one side lacks is `(none)`.
fn pairs<'a>(
    theirs: &'a BTreeMap<String, String>,
    ours: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let value = |side: &'a BTreeMap<String, String>, name: &String| {
        side.get(name).map_or("(none)", String::as_str)
    };
    names
        .into_iter()
        .map(move |name| (name.as_str(), value(theirs, name), value(ours, name)))
}

/// Returns whether a comment is the other with a marker behind it.
fn is_marked(theirs: &str, ours: &str) -> bool {
    let Some((rest, marker)) = ours.rsplit_once("hpcapi:") else {
        return false;
    };
    let rest = if rest.is_empty() {
        "(none)"
    } else {
        rest.trim_end()
    };
    marker.len() == 16 && [rest, "(null)"].contains(&theirs) && (theirs == rest || rest == "(none)")
}

/// Reads a line of `scontrol show job -o`.
fn fields(line: &str) -> BTreeMap<String, String> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for word in line.split(' ') {
        let is_name = |name: &&str| {
            let mut letters = name.chars();
            letters.next().is_some_and(|c| c.is_ascii_uppercase())
                && letters.all(|c| c.is_ascii_alphanumeric() || ":/_".contains(c))
        };
        match word.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, value)) => fields.push((name.to_owned(), value.to_owned())),
            None => {
                if let Some((_, value)) = fields.last_mut() {
                    *value += &format!(" {word}");
                }
            }
        }
    }
    let trimmed = fields
        .into_iter()
        .map(|(name, value)| (name, value.trim_end().to_owned()));
    trimmed.collect()
}

/// Puts names into the place of the job's own numbers.
fn without_numbers(value: &str, id: u64, count: u64) -> String {
    let mut written = String::new();
    let mut rest = value;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let before = &rest[..start];
        let digits = rest[start..].find(|c: char| !c.is_ascii_digit());
        let end = digits.map_or(rest.len(), |digits| start + digits);
        let number: Option<u64> = rest[start..end].parse().ok();
        let is_apart = !before.ends_with(|c: char| c.is_ascii_alphabetic());
        let own = number.and_then(|number| number.checked_sub(id));
        written += before;
        match own.filter(|own| *own < count && is_apart) {
            Some(own) => written += &format!("JOB+{own}"),
            None => written += &rest[start..end],
        }
        rest = &rest[end..];
    }
    written + rest
}

/// Reads what slurmctld has stored of an environment: a count, and texts that a zero byte ends.
fn variables(file: &[u8]) -> BTreeMap<String, String> {
    let texts = file.get(4..).unwrap_or_default().split(|byte| *byte == 0);
    let texts = texts.filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let text = String::from_utf8_lossy(text);
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}
