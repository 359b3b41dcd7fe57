//! The triggers of a deployment, in its bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::aws::Buckets;
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::event::{self, Event, Outcome, Record, Refused, Submitted};

const PREFIX: &str = "triggers/";

/// Where hpcapi itself writes: what comes there is no event.
const RESERVED: [&str; 6] = [
    "hpcapi/",
    "blobs/",
    "runs/",
    "jobs/",
    "triggers/",
    "operations/",
];

/// How keys begin that the AWS CLI takes for addresses of other things.
const SCHEMES: [&str; 4] = ["file://", "fileb://", "http://", "https://"];

/// The longest outbox that is named after its object, in bytes; the function says the same.
const LONGEST_OUTBOX: usize = 700;

/// How many objects are read at once.
const AT_ONCE: usize = 32;

/// The name of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TriggerName(String);

impl TriggerName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TriggerName {
    type Err = Error;

    fn from_str(text: &str) -> Result<TriggerName> {
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        match begins_well && text.len() <= 32 && text.chars().all(is_good) {
            true => Ok(TriggerName(text.to_owned())),
            false => Err(Error::usage(format!("`{text}` cannot name a trigger")).hint(
                "up to 32 small letters, digits and hyphens, the first of them a letter: new-reads",
            )),
        }
    }
}

impl TryFrom<String> for TriggerName {
    type Error = Error;

    fn try_from(text: String) -> Result<TriggerName> {
        text.parse()
    }
}

impl fmt::Display for TriggerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes jobs of objects, as it lies in `trigger.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: TriggerName,
    /// How the keys begin that it takes.
    pub prefix: String,
    /// How they end.
    pub suffix: String,
    /// The batch script.
    pub script: Script,
    /// The script's arguments.
    pub arguments: Vec<String>,
    /// The options of `sbatch`, by their long names: the script's own, and those beside it.
    pub options: Vec<(String, String)>,
    /// Patterns of what comes into the outbox.
    pub out: Vec<String>,
    /// The folder in which the job's own is made, from the user's home.
    pub work: String,
    /// Whether that stays after the job.
    pub keep_work: bool,
    /// The Slurm user; empty for the cluster's default user.
    pub user: String,
    /// How many of its jobs run at once.
    pub at_most: Option<u32>,
    /// Whether it takes what another trigger's job has written, too.
    pub circle: bool,
    /// Whether it takes nothing for now.
    pub is_paused: bool,
    /// Since when it takes, in seconds since 1970.
    pub created: u64,
}

/// The batch script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What it is called.
    pub name: String,
    /// The SHA-256 of its text.
    pub sha256: String,
}

impl Trigger {
    /// Fails when it could never take anything, or would take what hpcapi writes itself.
    pub fn require_good(&self) -> Result<()> {
        let reserved = RESERVED
            .iter()
            .find(|reserved| self.prefix.starts_with(*reserved));
        if let Some(reserved) = reserved {
            return Err(Error::usage(format!(
                "below {reserved} hpcapi writes itself: no trigger takes what comes there"
            ))
            .hint("for example: --prefix inbox/"));
        }
        if SCHEMES.iter().any(|scheme| self.prefix.starts_with(scheme)) {
            return Err(Error::usage(format!(
                "the AWS CLI on the nodes takes `{}` for an address, and fetches no such object",
                self.prefix
            ))
            .hint("for example: --prefix inbox/"));
        }
        if self.options.iter().any(|(option, _)| option == "array") {
            return Err(
                Error::usage("an object becomes one job: --array has no place here")
                    .hint("let the script submit the array: sbatch --array=0-9 other.sh"),
            );
        }
        if self.prefix.is_empty() {
            return Err(Error::usage("a trigger takes what begins with a prefix")
                .hint("for example: --prefix inbox/"));
        }
        if self.prefix.starts_with(&format!("outbox/{}/", self.name)) {
            return Err(Error::usage(format!(
                "the jobs of `{}` write below outbox/{}/: it would take what they write, without end",
                self.name, self.name
            ))
            .hint("for example: --prefix inbox/"));
        }
        if self.prefix.starts_with("outbox/") && !self.circle {
            return Err(
                Error::usage("what jobs of triggers write below outbox/ triggers nothing")
                    .hint("to make jobs of what another trigger's jobs write: --circle"),
            );
        }
        Ok(())
    }

    /// Returns where the outputs of an object's job come to lie.
    pub fn outbox(&self, key: &str) -> String {
        let outbox = format!("outbox/{}/{key}/", self.name);
        match outbox.len() <= LONGEST_OUTBOX {
            true => outbox,
            // No key in S3 would have room for what is below it.
            false => format!("outbox/{}/EVENT/", self.name),
        }
    }

    /// Returns whether it takes an object, if it is not paused.
    pub fn takes(&self, key: &str) -> bool {
        let is_reserved = RESERVED.iter().any(|reserved| key.starts_with(reserved));
        let is_own = key.starts_with(&format!("outbox/{}/", self.name));
        let is_outbox = key.starts_with("outbox/");
        key.starts_with(&self.prefix)
            && key.ends_with(&self.suffix)
            && key.len() >= self.prefix.len() + self.suffix.len()
            && !is_reserved
            && !is_own
            && (self.circle || !is_outbox)
    }
}

/// What was seen of a trigger's events at an earlier look.
#[derive(Debug, Default)]
pub struct Seen {
    submitted: BTreeMap<String, Submitted>,
    refused: BTreeMap<String, Refused>,
    events: BTreeMap<String, Event>,
}

/// The triggers of a deployment.
#[derive(Debug, Clone)]
pub struct Triggers {
    buckets: Buckets,
    bucket: String,
}

impl Triggers {
    /// Returns the triggers in a bucket.
    pub fn new(buckets: Buckets, bucket: String) -> Triggers {
        Triggers { buckets, bucket }
    }

    /// Fails when there is a trigger of this name.
    pub async fn require_free(&self, name: &TriggerName) -> Result<()> {
        match self.find(name).await? {
            Some(_) => Err(there_is_one(name)),
            None => Ok(()),
        }
    }

    /// Adds a trigger, which takes from now on; fails when there is one of this name.
    pub async fn add(&self, trigger: &mut Trigger, script: &str) -> Result<()> {
        let name = &trigger.name;
        self.require_free(name).await?;
        let key = key(name, "script");
        self.buckets.put(&self.bucket, &key, script).await?;
        // By the clock that events go by: this machine's may be ahead of it.
        if let Some(there) = self.buckets.look(&self.bucket, &key).await? {
            trigger.created = there.modified;
        }
        let text = serde_json::to_vec(trigger).expect("plain data");
        let key = self::key(name, "trigger.json");
        match self.buckets.put_new(&self.bucket, &key, text).await? {
            true => Ok(()),
            false => Err(there_is_one(name)),
        }
    }

    /// Returns every trigger, by name.
    pub async fn all(&self) -> Result<Vec<Trigger>> {
        let folders = self.buckets.folders(&self.bucket, PREFIX).await?;
        let names: Vec<TriggerName> = folders
            .iter()
            .filter_map(|folder| folder.trim_end_matches('/').parse().ok())
            .collect();
        let found = stream::iter(&names).map(|name| self.find(name));
        let found: Vec<_> = found.buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns a trigger, if it is there.
    pub async fn find(&self, name: &TriggerName) -> Result<Option<Trigger>> {
        let key = key(name, "trigger.json");
        let Some(found) = self.buckets.read(&self.bucket, &key).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&found);
        read.map(Some).map_err(|error| {
            Error::failed(format!("s3://{}/{key} is damaged", self.bucket)).because(error)
        })
    }

    /// Returns a trigger; fails when it is not there.
    pub async fn named(&self, name: &TriggerName) -> Result<Trigger> {
        let found = self.find(name).await?;
        found.ok_or_else(|| {
            Error::failed(format!("there is no trigger `{name}`"))
                .hint(Hint::run(Verb::TriggerList).because("those there are"))
        })
    }

    /// Has a trigger take nothing for now, or take again; returns whether that is new.
    pub async fn pause(&self, name: &TriggerName, is_paused: bool) -> Result<bool> {
        let mut trigger = self.named(name).await?;
        if trigger.is_paused == is_paused {
            return Ok(false);
        }
        trigger.is_paused = is_paused;
        let text = serde_json::to_vec(&trigger).expect("plain data");
        let key = key(name, "trigger.json");
        self.buckets.put(&self.bucket, &key, text).await?;
        Ok(true)
    }

    /// Removes a trigger and what is known of its events; its jobs and what they wrote stay.
    pub async fn remove(&self, name: &TriggerName) -> Result<()> {
        self.named(name).await?;
        // Nothing is taken from now on, whatever becomes of the rest.
        let own = key(name, "trigger.json");
        self.buckets.remove(&self.bucket, &own).await?;
        let prefix = key(name, "");
        self.buckets
            .sweep(&self.bucket, &prefix, |_| true, |_| {})
            .await?;
        Ok(())
    }

    /// Returns what has become of each event of a trigger, the newest last. What was seen at an earlier
    /// look is not read again.
    pub async fn records(&self, name: &TriggerName, seen: &mut Seen) -> Result<Vec<Record>> {
        self.look_for_news(name, "submitted/", &mut seen.submitted)
            .await?;
        self.look_for_news(name, "refused/", &mut seen.refused)
            .await?;
        self.look_for_news(name, "events/", &mut seen.events)
            .await?;
        let records = seen.events.iter().map(|(id, event)| Record {
            event: event.clone(),
            outcome: Outcome::of(seen.submitted.get(id), seen.refused.get(id)),
        });
        let mut records: Vec<_> = records.collect();
        records.sort_by(|one, other| {
            let order = |record: &Record| (record.event.time, record.event.event.clone());
            order(one).cmp(&order(other))
        });
        Ok(records)
    }

    /// Returns how many events of a trigger were refused.
    pub async fn refused(&self, name: &TriggerName) -> Result<usize> {
        let prefix = key(name, "refused/");
        Ok(self.buckets.keys(&self.bucket, &prefix, "").await?.len())
    }

    /// Has an event tried again that was refused.
    pub async fn retry(&self, name: &TriggerName, event: &Event) -> Result<()> {
        event::require_name(&event.event)?;
        let key = key(name, &format!("retry/{}/retry.json", event.event));
        self.buckets.put(&self.bucket, &key, "{}").await
    }

    /// Returns what is known of the newest version of an object as an event of a trigger: its length, and
    /// what has become of it. `None` when there is no such object.
    pub async fn known(
        &self,
        name: &TriggerName,
        object: &str,
    ) -> Result<Option<(u64, Option<Record>)>> {
        let versions = self.buckets.versions(&self.bucket, object).await?;
        let newest = versions
            .iter()
            .filter(|version| version.key == object)
            .max_by_key(|version| version.modified);
        let Some(newest) = newest else {
            return Ok(None);
        };
        let id = event::name_of(&self.bucket, object, &newest.id);
        let event: Option<Event> = self.read(&key(name, &format!("events/{id}.json"))).await?;
        let Some(event) = event else {
            return Ok(Some((newest.size, None)));
        };
        let submitted = self
            .read(&key(name, &format!("submitted/{id}.json")))
            .await?;
        let refused = self.read(&key(name, &format!("refused/{id}.json"))).await?;
        let outcome = Outcome::of(submitted.as_ref(), refused.as_ref());
        Ok(Some((newest.size, Some(Record { event, outcome }))))
    }

    /// Reads the objects of a kind that are new, by the event that each is about, and forgets those that
    /// are gone.
    async fn look_for_news<T: for<'de> Deserialize<'de>>(
        &self,
        name: &TriggerName,
        kind: &str,
        seen: &mut BTreeMap<String, T>,
    ) -> Result<()> {
        let prefix = key(name, kind);
        let keys = self.buckets.keys(&self.bucket, &prefix, "").await?;
        let id = |key: &str| {
            let below = key.strip_prefix(&prefix).unwrap_or(key);
            below.trim_end_matches(".json").to_owned()
        };
        let there: BTreeSet<String> = keys.iter().map(|key| id(key)).collect();
        seen.retain(|id, _| there.contains(id));
        let new = keys.iter().filter(|key| !seen.contains_key(&id(key)));
        let read = stream::iter(new).map(async |key| {
            let found = self.read(key).await?;
            Ok::<_, Error>(found.map(|found| (id(key), found)))
        });
        let read: Vec<_> = read.buffered(AT_ONCE).try_collect().await?;
        seen.extend(read.into_iter().flatten());
        Ok(())
    }

    /// Reads an object; one that is not as it should be is nobody's but its own trouble.
    async fn read<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Result<Option<T>> {
        let found = self.buckets.read(&self.bucket, key).await?;
        Ok(found.and_then(|found| serde_json::from_slice(&found).ok()))
    }
}

fn key(name: &TriggerName, below: &str) -> String {
    format!("{PREFIX}{name}/{below}")
}

fn there_is_one(name: &TriggerName) -> Error {
    Error::usage(format!("there is a trigger `{name}` already"))
        .hint(Hint::run(Verb::TriggerRemove.with(name)).because("remove it first"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(prefix: &str, suffix: &str) -> Trigger {
        Trigger {
            name: "reads".parse().unwrap(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            script: Script {
                name: "job.sh".to_owned(),
                sha256: String::new(),
            },
            arguments: Vec::new(),
            options: Vec::new(),
            out: Vec::new(),
            work: "hpcapi".to_owned(),
            keep_work: false,
            user: String::new(),
            at_most: None,
            circle: false,
            is_paused: false,
            created: 0,
        }
    }

    #[test]
    fn a_trigger_takes_what_begins_and_ends_as_it_says() {
        let csv = trigger("inbox/", ".csv");
        assert!(csv.takes("inbox/a.csv") && csv.takes("inbox/b/.csv"));
        for other in ["inbox/a.txt", "a.csv", "outbox/inbox/a.csv", "inbox.csv"] {
            assert!(!csv.takes(other), "{other}");
        }
        // One character cannot be both.
        assert!(!trigger("inbox/a", "ab").takes("inbox/ab"));
    }

    #[test]
    fn no_trigger_takes_what_it_wrote_itself() {
        let mut all = trigger("o", "");
        assert!(all.takes("other") && !all.takes("outbox/other/x"));
        all.circle = true;
        assert!(all.takes("outbox/other/x") && !all.takes("outbox/reads/x"));
        assert!(trigger("outbox/x/", "").require_good().is_err());
        all.prefix = "outbox/reads/x".to_owned();
        assert!(all.require_good().is_err());
        all.prefix = "outbox/x/".to_owned();
        assert!(all.require_good().is_ok());
    }

    #[test]
    fn what_hpcapi_writes_itself_is_no_event() {
        for prefix in ["runs/", "jobs/2026", "triggers/x", ""] {
            assert!(trigger(prefix, "").require_good().is_err(), "{prefix}");
        }
        assert!(!trigger("r", "").takes("runs/x/run.json"));
    }

    #[test]
    fn a_trigger_has_a_plain_name() {
        for bad in ["", "A", "1a", "a/b", "a_b", &"a".repeat(33)] {
            assert!(bad.parse::<TriggerName>().is_err(), "{bad}");
        }
    }
}
