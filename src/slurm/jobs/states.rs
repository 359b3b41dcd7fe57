//! The states of all jobs, which Slurm tells fast, and the jobs one by one by what they say. A
//! whole list takes slurmrestd about a millisecond for each job that it knows, wanted or not, and
//! so does a look at a single one.

use std::collections::{BTreeMap, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use crate::error::Result;
use crate::slurm::client::{Client, Element, Request};
use crate::slurm::shape::{Text, Words};

use super::{Filter, Job, JobId, State, lookup};

/// Up to so many records are asked for one by one, however few jobs there are.
const FEW: usize = 100;

/// One by one, a record costs about as much as this many of a whole list, what it waits for its
/// turn at API Gateway and nginx included.
const COST: usize = 4;

/// Where the states do not tell which jobs are wanted, they are looked for in this part of all,
/// from the newest on.
const PART: usize = 16;

/// How many requests are under way at once: each travels to a region of AWS, and slurmrestd works
/// on 20.
const AT_ONCE: usize = 32;

/// What Slurm knows, as far as the states tell.
#[derive(Debug, Default)]
pub(super) struct States {
    /// Jobs and arrays that may be wanted, the newest first.
    candidates: Vec<Candidate>,
    /// The numbers of all that Slurm knows.
    numbers: HashSet<u64>,
    /// How many records Slurm holds.
    known: usize,
}

/// A job, or the tasks of an array that are told by its number: those that have not started have
/// none of their own.
#[derive(Debug, Clone, Copy, Default)]
struct Candidate {
    number: u64,
    /// How many records Slurm holds of it: one for each task that has started, and one for all
    /// others.
    records: usize,
    /// How many of them are in a wanted state.
    wanted: usize,
}

/// A job, or a task of an array.
#[derive(Debug, Clone, Copy)]
struct Brief {
    number: u64,
    is_wanted: bool,
    has_started: bool,
}

impl States {
    /// Asks for the states of all jobs.
    pub(super) async fn look(client: &Client, filter: &Filter) -> Result<States> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Told {
            job_id: Text,
            state: Words,
        }
        let keep = |told: Told| {
            let id = told.job_id.as_str();
            let digits = id.bytes().take_while(u8::is_ascii_digit).count();
            let state = State::of(&told.state.0);
            Element::understood(id[..digits].parse().ok().map(|number| Brief {
                number,
                is_wanted: filter.states.is_empty() || filter.states.contains(&state),
                has_started: state.has_started() || digits == id.len(),
            }))
        };
        let request = Request::get("jobs/state");
        let listed = client.list(&request, "jobs", keep).await?;
        let briefs = listed.into_iter().flat_map(|(briefs, _)| briefs);
        Ok(States::of(briefs))
    }

    fn of(briefs: impl IntoIterator<Item = Brief>) -> States {
        let mut all: BTreeMap<u64, (Candidate, Candidate)> = BTreeMap::new();
        for brief in briefs {
            let (started, waiting) = all.entry(brief.number).or_default();
            let part = if brief.has_started { started } else { waiting };
            part.records += 1;
            part.wanted += usize::from(brief.is_wanted);
        }
        let candidates = all.into_iter().rev();
        let candidates = candidates.map(|(number, (started, waiting))| Candidate {
            number,
            records: started.records + waiting.records.min(1),
            wanted: started.wanted + waiting.wanted.min(1),
        });
        let mut states = States::default();
        for candidate in candidates {
            states.known += candidate.records;
            states.numbers.insert(candidate.number);
            if candidate.wanted > 0 {
                states.candidates.push(candidate);
            }
        }
        states
    }

    /// Returns the jobs that `filter` wants, asked for one by one; `None` when the whole list is
    /// sooner there.
    pub(super) async fn worthwhile(
        &self,
        client: &Client,
        filter: &Filter,
    ) -> Result<Option<Vec<Job>>> {
        let (needed, most) = match (filter.is_about_states(), filter.limit) {
            (true, limit) => (self.needed(limit), FEW.max(self.known / COST)),
            (false, None) => (self.needed(None), FEW.max(self.known / COST)),
            (false, Some(_)) => (0, FEW.max(self.known / PART)),
        };
        match needed > most {
            true => Ok(None),
            false => self.sift(client, filter, most).await,
        }
    }

    /// Returns the jobs that `filter` wants, asked for one by one.
    pub(super) async fn all(&self, client: &Client, filter: &Filter) -> Result<Vec<Job>> {
        let jobs = self.sift(client, filter, usize::MAX).await?;
        Ok(jobs.unwrap_or_default())
    }

    /// Returns how many records have to be told until there are `limit` that are wanted.
    fn needed(&self, limit: Option<usize>) -> usize {
        let (mut needed, mut wanted) = (0, 0);
        for candidate in &self.candidates {
            if limit.is_some_and(|limit| wanted >= limit) {
                break;
            }
            needed += candidate.records;
            wanted += candidate.wanted;
        }
        needed
    }

    /// Asks for the candidates, the newest first, until there are as many jobs as the filter's
    /// limit; `None` when these are more than `most` records. What Slurm has forgotten since it
    /// told its state is missing, and does not count.
    async fn sift(
        &self,
        client: &Client,
        filter: &Filter,
        most: usize,
    ) -> Result<Option<Vec<Job>>> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut asked = stream::iter(&self.candidates)
            .map(async |candidate| {
                let jobs = lookup(client, JobId::from(candidate.number)).await?;
                Ok((candidate, jobs))
            })
            .buffered(AT_ONCE);
        let (mut jobs, mut told) = (Vec::new(), 0);
        while jobs.len() < limit {
            let next: Result<Option<(&Candidate, Vec<Job>)>> = asked.try_next().await;
            let Some((candidate, found)) = next? else {
                break;
            };
            // The number of an array stands for all of its tasks. Those that have started have
            // numbers of their own, and are new where nobody told of these.
            let is_its_own =
                |job: &Job| job.id == candidate.number || !self.numbers.contains(&job.id);
            let found = found.into_iter().filter(is_its_own);
            jobs.extend(found.filter(|job| filter.wants(job)));
            told += candidate.records;
            if told > most && jobs.len() < limit {
                return Ok(None);
            }
        }
        Ok(Some(jobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(number: u64, is_wanted: bool, has_started: bool) -> Brief {
        Brief {
            number,
            is_wanted,
            has_started,
        }
    }

    #[test]
    fn the_tasks_of_an_array_that_wait_are_one_record() {
        let waiting = (0..500).map(|_| brief(7, true, false));
        let started = (0..3).map(|_| brief(7, false, true));
        let states = States::of(waiting.chain(started).chain([brief(5, true, true)]));
        assert_eq!(states.known, 5);
        let numbers: Vec<u64> = states.candidates.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [7, 5]);
        assert_eq!(states.needed(None), 5);
        assert_eq!(states.needed(Some(1)), 4);
    }

    #[test]
    fn what_is_in_no_wanted_state_is_known_and_no_candidate() {
        let states = States::of([brief(1, true, true), brief(2, false, true)]);
        assert_eq!((states.known, states.candidates.len()), (2, 1));
        assert_eq!(states.needed(Some(10)), 1);
    }
}
