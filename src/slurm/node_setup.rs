//! Setting the head node up again with the node script, over SSM.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use crate::aws::Commands;
use crate::error::{Context as _, Error, Result};

use super::head_node::run_script;

const SET_UP: &str = include_str!("set-up-node.sh");

/// How long it may take: slurmctld is started anew, and the whole way is proven.
const LIMIT: Duration = Duration::from_secs(300);

/// Why a head node is set up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    /// Its daemons do not work: they are brought back first.
    Repair,
    /// Something has changed there since it was set up.
    Restore,
    /// Another version of the node script set it up. One that none did is left alone.
    Update,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Done {
        #[serde(rename = "done")]
        _done: bool,
    },
    Refused {
        error: String,
    },
}

/// What a head node is set up with.
#[derive(Debug, Clone, Copy)]
pub struct NodeScript<'a> {
    /// The script.
    pub text: &'a str,
    /// The deployment's bucket.
    pub bucket: &'a str,
}

/// Sets the head node up again.
pub async fn set_up_node(
    commands: &Commands,
    head_node: &str,
    script: NodeScript<'_>,
    why: SetUp,
) -> Result<()> {
    let (task, cannot) = match why {
        SetUp::Repair => (
            "repair",
            "the daemons of the head node could not be brought back",
        ),
        SetUp::Restore => ("restore", "the head node could not be set up again"),
        SetUp::Update => ("update", "the head node could not be set up again"),
    };
    let cannot = || cannot.to_owned();
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(script.text.as_bytes()).doing(cannot)?;
    let packed = STANDARD.encode(packed.finish().doing(cannot)?);
    let bucket = script.bucket;
    let sent = format!("node_script={packed}\nbucket='{bucket}'\ntask={task}\n{SET_UP}");
    let words = run_script(commands, head_node, &sent, LIMIT, &cannot).await?;
    match serde_json::from_str(words.trim()) {
        Ok(Answer::Done { .. }) => Ok(()),
        Ok(Answer::Refused { error }) => Err(Error::failed(cannot()).because(error)),
        Err(_) => Err(Error::failed(cannot()).because(words)),
    }
}
