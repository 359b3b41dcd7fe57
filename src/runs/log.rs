//! What a run's job writes, as its pieces come into the bucket.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::error::{Error, Result};

use super::store::{Attempt, RunId, Runs};

/// Pieces under way at once.
const AT_ONCE: usize = 8;

/// Where a job writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error, where that is another file.
    Stderr,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of which attempt.
    pub attempt: Attempt,
    /// Of which stream.
    pub stream: Stream,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// A log that is followed.
#[derive(Debug, Clone)]
pub struct Log {
    run: RunId,
    /// The index in the array whose log it is.
    task: Option<u64>,
    told: BTreeSet<(Attempt, Stream, String)>,
}

impl Log {
    /// Returns the log of a run, or of a task of it, of which nothing has been told.
    pub fn new(run: RunId, task: Option<u64>) -> Log {
        Log {
            run,
            task,
            told: BTreeSet::new(),
        }
    }

    /// Returns what has come since the last look, attempt by attempt.
    pub async fn news(&mut self, runs: &Runs) -> Result<Vec<Piece>> {
        let attempts = runs.attempts(&self.run).await?;
        let mut new = Vec::new();
        for (attempt, objects) in attempts {
            if attempt.task != self.task {
                continue;
            }
            for name in objects.keys() {
                let stream = match name.strip_prefix("log/").and_then(|it| it.split_once('/')) {
                    Some(("stdout", _)) => Stream::Stdout,
                    Some(("stderr", _)) => Stream::Stderr,
                    _ => continue,
                };
                let piece = (attempt.clone(), stream, name.clone());
                if !self.told.contains(&piece) {
                    new.push(piece);
                }
            }
        }
        let read = stream::iter(&new).map(async |(attempt, stream, name)| {
            let bytes = runs.read(&self.run, attempt, name).await?;
            Ok::<_, Error>(Piece {
                attempt: attempt.clone(),
                stream: *stream,
                bytes: bytes.unwrap_or_default(),
            })
        });
        let pieces = read.buffered(AT_ONCE).try_collect().await?;
        self.told.extend(new);
        Ok(pieces)
    }
}
