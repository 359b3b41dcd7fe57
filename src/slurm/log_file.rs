//! Output files of jobs, read on the head node over SSM piece by piece, bytes as they are. SSM
//! keeps what passes through it for 30 days, for those who may read its history.

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::aws::{Commands, Invocation};
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::token::UserName;

/// What runs on the head node; reads `user`, `file`, `offset` and `patience`.
const READ: &str = include_str!("read-log.sh");

/// How long the head node may take for a piece, besides waiting for it.
const LIMIT: Duration = Duration::from_secs(60);

/// The most that a piece may hold.
const LONGEST: u64 = 2 << 20;

/// A file on the head node, which is read as a user of the cluster.
#[derive(Debug, Clone)]
pub struct LogFile<'a> {
    /// The SSM calls.
    pub commands: &'a Commands,
    /// The head node's instance id.
    pub head_node: &'a str,
    /// Who reads.
    pub user: UserName,
    /// The path.
    pub path: String,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next bytes; none when there are no more for now.
    Bytes(Vec<u8>),
    /// There is no such file (yet).
    Missing,
    /// The file is shorter than it was.
    Truncated,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Piece { length: u64, data: String },
    Missing { missing: bool },
    Truncated { truncated: bool },
    Refused { error: String },
}

impl LogFile<'_> {
    /// Reads what comes after the first `offset` bytes, waiting up to `patience` for it.
    pub async fn read(&self, offset: u64, patience: Duration) -> Result<Piece> {
        let script = format!(
            "user='{}'\nfile='{}'\noffset={offset}\npatience={}\n{READ}",
            self.user,
            self.path.replace('\'', r"'\''"),
            patience.as_secs()
        );
        let cannot = || Error::failed(format!("cannot read `{}` on the head node", self.path));
        let limit = LIMIT + patience;
        let stdout = match self.commands.run(self.head_node, &script, limit).await? {
            Invocation::Ended { stdout, .. } if !stdout.trim().is_empty() => stdout,
            Invocation::Ended { stderr, .. } => return Err(cannot().because(stderr)),
            Invocation::NotOnline => {
                return Err(cannot()
                    .because("the head node is not online in SSM")
                    .hint(Hint::run(Verb::Status).because("look with")));
            }
            Invocation::NotEnded(why) => {
                return Err(cannot().because(format!("SSM says: {why}")));
            }
        };
        match serde_json::from_str(stdout.trim()) {
            Ok(Answer::Piece { length: 0, .. }) => Ok(Piece::Bytes(Vec::new())),
            Ok(Answer::Piece { length, data }) => unpack(length, &data).ok_or_else(cannot),
            Ok(Answer::Missing { missing: true }) => Ok(Piece::Missing),
            Ok(Answer::Truncated { truncated: true }) => Ok(Piece::Truncated),
            Ok(Answer::Refused { error }) => Err(cannot().because(error)),
            Ok(_) => Err(cannot()),
            Err(error) => Err(cannot().because(error)),
        }
    }
}

fn unpack(length: u64, data: &str) -> Option<Piece> {
    let packed = STANDARD.decode(data).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .ok()?;
    // A file that shrank while it was read gives less; it may never give more.
    (bytes.len() as u64 <= length.max(LONGEST)).then_some(Piece::Bytes(bytes))
}
