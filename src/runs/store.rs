//! What a run is in the bucket: what was asked for, and what has become of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::aws::{Buckets, Object};
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::slurm::time;

use super::digests::sha256;
use super::manifest::{self, Entry};

const PREFIX: &str = "runs/";

/// The name of a run: when it began, in UTC, and some digits of chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RunId(String);

impl RunId {
    /// Returns a name that no other run has.
    fn new() -> Result<RunId> {
        let mut chance = [0; 4];
        aws_lc_rs::rand::fill(&mut chance)
            .map_err(|_| Error::failed("this machine gives no random numbers"))?;
        let chance = u32::from_be_bytes(chance);
        let digits = time::rfc3339(time::now()).replace(['-', ':', 'Z'], "");
        let began = digits.replace('T', "-");
        Ok(RunId(format!("{began}-{chance:08x}")))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self, name: &str) -> String {
        format!("{PREFIX}{}/{name}", self.0)
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<RunId> {
        let parts: Vec<_> = text.split('-').collect();
        let is_good = |part: &str, length: usize, digits: u32| {
            part.len() == length
                && part
                    .chars()
                    .all(|c| c.is_digit(digits) && !c.is_uppercase())
        };
        match parts[..] {
            [day, second, chance]
                if is_good(day, 8, 10) && is_good(second, 6, 10) && is_good(chance, 8, 16) =>
            {
                Ok(RunId(text.to_owned()))
            }
            _ => Err(Error::usage(format!("`{text}` is no run"))
                .hint("a run is called as in 20261128-104500-0a1b2c3d")),
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was asked for, as it lies in `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The batch script.
    pub script: Script,
    /// The arguments of the script.
    pub arguments: Vec<String>,
    /// The options of `sbatch`, by their long names.
    pub options: Vec<(String, String)>,
    /// The SHA-256 of the list of inputs.
    pub inputs_sha256: String,
    /// Patterns of what comes back.
    pub out: Vec<String>,
    /// The folder in which the job's own is made, from the user's home.
    pub work: String,
    /// Whether that stays after the job.
    pub keep_work: bool,
    /// The Slurm user.
    pub user: String,
    /// When it was asked for, in seconds since 1970.
    pub created: u64,
    /// The trigger whose event it is; that alone submits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The SHA-256 of `run.json` as it lies in the bucket, by which the job knows it.
    #[serde(skip)]
    pub(super) sha256: String,
}

impl Asked {
    /// Returns it as it is to lie in the bucket, and notes the digest of that.
    fn write(&mut self) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("plain data");
        self.sha256 = sha256(&text);
        text
    }

    /// Reads what lies in the bucket; another version of hpcapi may have written more.
    fn read(text: &[u8]) -> serde_json::Result<Asked> {
        let mut asked: Asked = serde_json::from_slice(text)?;
        asked.sha256 = sha256(text);
        Ok(asked)
    }
}

/// The batch script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What it is called.
    pub name: String,
    /// The SHA-256 of its text.
    pub sha256: String,
}

/// The job of a run, as it lies in `submitted.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The job's number.
    pub job_id: u64,
    /// When it was submitted, in seconds since 1970, by the clock of whoever did.
    pub time: u64,
}

/// How a part of a run ended, as it lies in `ended.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How far it came.
    pub stage: Stage,
    /// What the script ended with.
    pub exit_code: Option<u8>,
    /// The signal that ended the script.
    pub signal: Option<u8>,
    /// What went wrong besides.
    pub problem: Option<String>,
    /// The SHA-256 of the list of outputs.
    pub outputs_sha256: Option<String>,
}

/// How far a part of a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The inputs could not be fetched; the script did not run.
    Inputs,
    /// It was ended while the script ran.
    Script,
    /// The script ran, and its outputs could not be sent.
    Outputs,
    /// The script ran, and its outputs are in the bucket.
    Done,
}

/// A part of a run, once: a task of an array, or all of it, started anew or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Attempt {
    /// The index in the array; `None` without one.
    pub task: Option<u64>,
    /// How often it was started before.
    #[serde(rename = "restarts")]
    pub number: u64,
}

/// How the parts of a run are, each in its last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RunState {
    /// How many have started.
    pub started: usize,
    /// How many of them have ended.
    pub ended: usize,
    /// How many of these have ended with exit code 0, and with their outputs in the bucket.
    pub well: usize,
}

impl Attempt {
    /// Returns which attempt an object `parts/<task>/<attempt>/…` is of, and its name there.
    fn of(below_run: &str) -> Option<(Attempt, &str)> {
        let mut parts = below_run.strip_prefix("parts/")?.splitn(3, '/');
        let (task, number, name) = (parts.next()?, parts.next()?, parts.next()?);
        let task = match task {
            "main" => None,
            task => Some(task.parse().ok()?),
        };
        let number = number.parse().ok()?;
        Some((Attempt { task, number }, name))
    }

    pub(super) fn key(&self, run: &RunId, name: &str) -> String {
        let task = self.task.map_or("main".to_owned(), |task| task.to_string());
        run.key(&format!("parts/{task}/{}/{name}", self.number))
    }
}

/// The objects of each attempt, by their names.
pub(super) type Attempts = BTreeMap<Attempt, BTreeMap<String, Object>>;

/// The runs of a deployment.
#[derive(Debug, Clone)]
pub struct Runs {
    pub(super) buckets: Buckets,
    pub(super) bucket: String,
}

impl Runs {
    /// Returns the runs in a bucket.
    pub fn new(buckets: Buckets, bucket: String) -> Runs {
        Runs { buckets, bucket }
    }

    /// Returns the name of a run whose inputs these are: from now on they are not removed.
    pub(super) async fn announce(&self, inputs: Vec<u8>) -> Result<RunId> {
        let run = RunId::new()?;
        self.put(&run, "in.ndjson", inputs).await?;
        Ok(run)
    }

    /// Begins a run whose inputs are in the bucket: from now on it is known.
    pub(super) async fn begin(&self, run: &RunId, asked: &mut Asked, script: &str) -> Result<()> {
        self.put(run, "script", script).await?;
        match self.put_new(run, "run.json", asked.write()).await? {
            true => Ok(()),
            false => Err(Error::failed(format!("there is a run `{run}` already"))),
        }
    }

    /// Returns what was asked for, if there is such a run.
    pub async fn find(&self, run: &RunId) -> Result<Option<Asked>> {
        let key = run.key("run.json");
        match self.buckets.read(&self.bucket, &key).await? {
            Some(found) => Asked::read(&found)
                .map(Some)
                .map_err(|error| self.damaged(&key).because(error)),
            None => Ok(None),
        }
    }

    /// Returns what was asked for; fails when there is no such run.
    pub async fn asked(&self, run: &RunId) -> Result<Asked> {
        let asked = self.find(run).await?;
        asked.ok_or_else(|| {
            Error::failed(format!("there is no run `{run}`"))
                .hint(Hint::run(Verb::RunsList).because("those there are"))
        })
    }

    /// Returns the run's script.
    pub(super) async fn script(&self, run: &RunId) -> Result<Vec<u8>> {
        let found = self.buckets.read(&self.bucket, &run.key("script")).await?;
        found.ok_or_else(|| Error::failed(format!("the script of the run `{run}` is gone")))
    }

    /// Returns the run's job, if it is known to be submitted.
    pub async fn submission(&self, run: &RunId) -> Result<Option<Submission>> {
        self.json(&run.key("submitted.json")).await
    }

    /// Notes that somebody is about to submit the run's job, for the so manieth time; returns false
    /// when somebody else is.
    pub(super) async fn begin_submission(&self, run: &RunId, turn: usize) -> Result<bool> {
        self.put_new(run, &submitting(turn), b"{}".to_vec()).await
    }

    /// Returns when somebody began to submit the run's job for the so manieth time.
    pub(super) async fn submission_began(&self, run: &RunId, turn: usize) -> Result<Option<u64>> {
        let key = run.key(&submitting(turn));
        let there = self.buckets.look(&self.bucket, &key).await?;
        Ok(there.map(|there| there.modified))
    }

    /// Notes the run's job.
    pub(super) async fn note_submission(&self, run: &RunId, job_id: u64) -> Result<()> {
        let time = time::now();
        let text = serde_json::to_vec(&Submission { job_id, time }).expect("plain data");
        self.put_new(run, "submitted.json", text).await?;
        Ok(())
    }

    /// Returns every run, the newest last.
    pub async fn all(&self) -> Result<Vec<RunId>> {
        let folders = self.buckets.folders(&self.bucket, PREFIX).await?;
        let runs = folders.iter().map(|folder| folder.trim_end_matches('/'));
        Ok(runs.filter_map(|run| run.parse().ok()).collect())
    }

    /// Returns what there is of each attempt.
    pub(super) async fn attempts(&self, run: &RunId) -> Result<Attempts> {
        let prefix = run.key("");
        let mut attempts = Attempts::new();
        for object in self
            .buckets
            .objects(&self.bucket, &run.key("parts/"))
            .await?
        {
            let Some(below) = object.key.strip_prefix(&prefix) else {
                continue;
            };
            if let Some((attempt, name)) = Attempt::of(below) {
                let name = name.to_owned();
                attempts.entry(attempt).or_default().insert(name, object);
            }
        }
        Ok(attempts)
    }

    /// Returns the last attempt of each part.
    pub async fn last_attempts(&self, run: &RunId) -> Result<Vec<Attempt>> {
        let all = self.attempts(run).await?;
        let last: BTreeMap<_, _> = all
            .into_keys()
            .map(|attempt| (attempt.task, attempt))
            .collect();
        Ok(last.into_values().collect())
    }

    /// Returns whether a part has said how it ended.
    pub async fn has_ended(&self, run: &RunId, task: Option<u64>) -> Result<bool> {
        let attempts = self.attempts(run).await?;
        let mut own = attempts.iter().filter(|(attempt, _)| attempt.task == task);
        Ok(own
            .next_back()
            .is_some_and(|(_, objects)| objects.contains_key("ended.json")))
    }

    /// Returns how the parts of a run are.
    pub async fn state(&self, run: &RunId) -> Result<RunState> {
        let mut state = RunState::default();
        for attempt in self.last_attempts(run).await? {
            state.started += 1;
            if let Some(ended) = self.ended(run, &attempt).await? {
                state.ended += 1;
                let is_well = ended.stage == Stage::Done && ended.exit_code == Some(0);
                state.well += usize::from(is_well);
            }
        }
        Ok(state)
    }

    /// Returns how an attempt ended, if it is known.
    pub async fn ended(&self, run: &RunId, attempt: &Attempt) -> Result<Option<Ended>> {
        self.json(&attempt.key(run, "ended.json")).await
    }

    /// Returns the outputs of an attempt; fails when they are not those that it said to have sent.
    pub(super) async fn outputs(
        &self,
        run: &RunId,
        attempt: &Attempt,
        ended: &Ended,
    ) -> Result<Vec<Entry>> {
        let Some(expected) = &ended.outputs_sha256 else {
            return Ok(Vec::new());
        };
        let key = attempt.key(run, "out.ndjson");
        let found = self.buckets.read(&self.bucket, &key).await?;
        match found.filter(|found| sha256(found) == *expected) {
            Some(found) => manifest::read(found.as_slice()),
            None => Err(Error::failed(format!(
                "the outputs of the run `{run}` are not those that its job has sent"
            ))),
        }
    }

    /// Returns an object of an attempt.
    pub(super) async fn read(
        &self,
        run: &RunId,
        attempt: &Attempt,
        name: &str,
    ) -> Result<Option<Vec<u8>>> {
        self.buckets
            .read(&self.bucket, &attempt.key(run, name))
            .await
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Result<Option<T>> {
        let Some(found) = self.buckets.read(&self.bucket, key).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&found);
        read.map(Some)
            .map_err(|error| self.damaged(key).because(error))
    }

    fn damaged(&self, key: &str) -> Error {
        Error::failed(format!("s3://{}/{key} is damaged", self.bucket))
    }

    async fn put(&self, run: &RunId, name: &str, body: impl Into<Vec<u8>>) -> Result<()> {
        self.buckets.put(&self.bucket, &run.key(name), body).await
    }

    async fn put_new(&self, run: &RunId, name: &str, body: Vec<u8>) -> Result<bool> {
        self.buckets
            .put_new(&self.bucket, &run.key(name), body)
            .await
    }
}

fn submitting(turn: usize) -> String {
    format!("submitting-{turn}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_plain_name() {
        let run = RunId::new().unwrap();
        assert_eq!(run.as_str().parse::<RunId>().unwrap(), run);
        for bad in [
            "",
            "x",
            "20261128-104500",
            "20261128-104500-0A1B2C3D",
            "../../../etc/passwd",
        ] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_asked_for_is_known_by_its_bytes() {
        let text = br#"{"script": {"name": "a", "sha256": "b"}, "arguments": [], "options": [],
            "inputs_sha256": "c", "out": [], "work": "w", "keep_work": false, "user": "u",
            "created": 1, "of_another_version": true}"#;
        let mut asked = Asked::read(text).unwrap();
        assert_eq!(asked.sha256, sha256(text));
        let written = asked.write();
        assert_ne!(asked.sha256, sha256(text));
        assert_eq!(Asked::read(&written).unwrap(), asked);
    }

    #[test]
    fn an_object_is_of_an_attempt() {
        let (attempt, name) = Attempt::of("parts/main/0/log/stdout/000000").unwrap();
        assert_eq!((attempt.task, attempt.number), (None, 0));
        assert_eq!(name, "log/stdout/000000");
        let (attempt, _) = Attempt::of("parts/17/2/ended.json").unwrap();
        assert_eq!((attempt.task, attempt.number), (Some(17), 2));
        for other in [
            "run.json",
            "parts/main",
            "parts/x/0/ended.json",
            "parts/main/x/y",
        ] {
            assert!(Attempt::of(other).is_none(), "{other}");
        }
    }
}
