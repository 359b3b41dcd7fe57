//! What jobs have used: core hours, and what these cost, by user, partition, day and the like.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::slurm::time;

use super::{Job, Period};

const HOUR: f64 = 3600.0;
const DAY: u64 = 86_400;

/// What a usage report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The job's user.
    User,
    /// The job's account.
    Account,
    /// The partition that it ran in.
    Partition,
    /// The job's quality of service.
    Qos,
    /// The day in UTC on which it ran; a job that ran on several is divided among them.
    Day,
}

/// A line of the report. What it is not told by is `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Line {
    /// The user.
    pub user: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The partition.
    pub partition: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// The day in UTC, e.g. `2026-11-28`.
    pub day: Option<String>,
    /// How many jobs ran.
    pub jobs: u64,
    /// Cores times hours that they ran for.
    pub core_hours: f64,
    /// What these cost in US dollars; `null` where the price of a partition is not known.
    pub cost_usd: Option<f64>,
}

impl Line {
    /// Returns what the line says of this; `None` when it is not told by it.
    pub fn told_by(&self, by: By) -> Option<&str> {
        let value = match by {
            By::User => &self.user,
            By::Account => &self.account,
            By::Partition => &self.partition,
            By::Qos => &self.qos,
            By::Day => &self.day,
        };
        value.as_deref()
    }
}

/// Counts what jobs used.
#[derive(Debug)]
pub struct Usage {
    by: BTreeSet<By>,
    period: Period,
    /// US dollars for an hour of a core, by partition.
    prices: BTreeMap<String, f64>,
    groups: BTreeMap<Vec<Option<String>>, Group>,
    /// The partitions without a price.
    unpriced: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Group {
    jobs: u64,
    core_seconds: u128,
    usd: f64,
    is_unpriced: bool,
}

impl Usage {
    /// Returns a report without jobs.
    pub fn new(by: &[By], period: Period, prices: BTreeMap<String, f64>) -> Usage {
        Usage {
            by: by.iter().copied().collect(),
            period,
            prices,
            groups: BTreeMap::new(),
            unpriced: BTreeSet::new(),
        }
    }

    /// Counts a job as far as it ran in the period.
    pub fn add(&mut self, job: &Job) {
        let Some((start, elapsed)) = job.start_time.zip(job.elapsed(self.period.until)) else {
            return;
        };
        let end = start.saturating_add(elapsed).min(self.period.until);
        let mut from = start.max(self.period.since);
        if from > end || start >= self.period.until {
            return;
        }
        let partition = job.partition.as_deref().unwrap_or_default();
        let price = self.prices.get(partition).copied();
        if price.is_none() {
            self.unpriced.insert(partition.to_owned());
        }
        loop {
            let to = match self.by.contains(&By::Day) {
                true => end.min((from / DAY + 1) * DAY),
                false => end,
            };
            let cores = u128::from(job.cpus.unwrap_or(0));
            let core_seconds = cores * u128::from(to - from);
            let group = self.groups.entry(key(&self.by, job, from)).or_default();
            group.jobs += 1;
            group.core_seconds += core_seconds;
            match price {
                Some(price) => group.usd += hours(core_seconds) * price,
                None => group.is_unpriced = true,
            }
            if to >= end {
                return;
            }
            from = to;
        }
    }

    /// Returns the lines, in the order of what they are told by.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.groups.iter().map(|(key, group)| {
            let of = |by| {
                let at = self.by.iter().position(|it| *it == by)?;
                key[at].clone()
            };
            Line {
                user: of(By::User),
                account: of(By::Account),
                partition: of(By::Partition),
                qos: of(By::Qos),
                day: of(By::Day),
                jobs: group.jobs,
                core_hours: hours(group.core_seconds),
                cost_usd: (!group.is_unpriced).then_some(group.usd),
            }
        })
    }

    /// Returns the partitions that jobs ran in and whose price is not known.
    pub fn unpriced(&self) -> impl Iterator<Item = &str> {
        self.unpriced.iter().map(String::as_str)
    }
}

fn key(by: &BTreeSet<By>, job: &Job, moment: u64) -> Vec<Option<String>> {
    by.iter()
        .map(|by| match by {
            By::User => job.user.clone(),
            By::Account => job.account.clone(),
            By::Partition => job.partition.clone(),
            By::Qos => job.qos.clone(),
            By::Day => Some(time::day(moment)),
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a report is for people")]
fn hours(seconds: u128) -> f64 {
    seconds as f64 / HOUR
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::raw::RawJob;
    use super::*;

    const MIDNIGHT: u64 = 1_795_392_000;

    fn job(user: &str, partition: &str, start: u64, end: u64) -> Job {
        let raw = json!({"job_id": 7, "job_state": "COMPLETED", "user_name": user, "cpus": 4,
            "partition": partition, "start_time": start, "end_time": end});
        serde_json::from_value::<RawJob>(raw)
            .unwrap()
            .job()
            .unwrap()
    }

    fn report(by: &[By], period: Period, jobs: &[Job]) -> Vec<(String, u64, f64, Option<f64>)> {
        let prices = BTreeMap::from([("a".to_owned(), 0.5)]);
        let mut usage = Usage::new(by, period, prices);
        jobs.iter().for_each(|job| usage.add(job));
        let told = |line: Line| {
            let words = [line.user, line.partition, line.day];
            let words: Vec<_> = words.into_iter().flatten().collect();
            (words.join(" "), line.jobs, line.core_hours, line.cost_usd)
        };
        usage.lines().map(told).collect()
    }

    const EVER: Period = Period {
        since: 0,
        until: 2 * MIDNIGHT,
    };

    #[test]
    fn core_hours_are_counted_and_priced() {
        let jobs = [
            job("u", "a", 100, 3700),
            job("u", "a", 100, 1900),
            job("v", "b", 100, 3700),
            job("v", "a", 0, 3700),
        ];
        let told = report(&[By::User], EVER, &jobs);
        assert_eq!(
            told,
            [
                ("u".to_owned(), 2, 6.0, Some(3.0)),
                ("v".to_owned(), 1, 4.0, None)
            ]
        );
    }

    #[test]
    fn a_job_over_midnight_is_divided() {
        let jobs = [job("u", "a", MIDNIGHT - 1800, MIDNIGHT + 3600)];
        let told = report(&[By::Day, By::User], EVER, &jobs);
        assert_eq!(
            told,
            [
                ("u 2026-11-22".to_owned(), 1, 2.0, Some(1.0)),
                ("u 2026-11-23".to_owned(), 1, 4.0, Some(2.0)),
            ]
        );
    }

    #[test]
    fn only_what_ran_in_the_period_counts() {
        let period = Period {
            since: MIDNIGHT,
            until: MIDNIGHT + 3600,
        };
        let jobs = [
            job("u", "a", MIDNIGHT - 3600, MIDNIGHT + 1800),
            job("u", "a", MIDNIGHT + 1800, MIDNIGHT + 9000),
            job("u", "a", MIDNIGHT - 7200, MIDNIGHT - 3600),
            job("u", "a", MIDNIGHT + 3600, MIDNIGHT + 7200),
        ];
        let told = report(&[], period, &jobs);
        assert_eq!(told, [(String::new(), 2, 4.0, Some(2.0))]);
    }

    #[test]
    fn absurd_times_are_counted_at_once() {
        let jobs = [
            job("u", "a", 1, u64::from(u32::MAX) * 50),
            job("u", "a", 9, 3),
        ];
        let told = report(&[By::Day], EVER, &jobs);
        assert!(told.len() < 50_000, "{}", told.len());
    }
}
