//! Sending the inputs of a run, against `aws s3 sync` into the same bucket.

use std::fs;
use std::path::Path;

use super::Effort;
use super::ground::Ground;
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::run;

/// How many files there are.
const FILES: usize = 2000;

/// How many bytes each has: a gigabyte in all.
const LENGTH: usize = 500_000;

/// An account of its own for all rounds.
const ACCOUNT: usize = 200;

pub(crate) fn compare(ground: &Ground, effort: Effort) -> Result<Vec<Comparison>> {
    let account = ground.account(ACCOUNT)?;
    run(&mut account.hpcapi(&["up", "--yes"]))?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("job.sh"), "#!/bin/bash\ntrue\n")?;
    let bucket = account.bucket()?;
    let (mut first, mut again, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = Vec::new();
    for round in 0..effort.rounds {
        eprintln!("{FILES} files to send, round {}", round + 1);
        fill(&folder.path().join("data"), round)?;
        let sent = run(staging(&mut account.hpcapi(&[]), folder.path()))?;
        first.push(sent.seconds());
        memory.push(sent.peak);
        let synced = &format!("s3://{bucket}/inbox/{round}/");
        let sync = ["s3", "sync", "--only-show-errors", "data", synced];
        theirs.push(run(account.aws(&sync).current_dir(folder.path()))?.seconds());
        let sent = run(staging(&mut account.hpcapi(&[]), folder.path()))?;
        again.push(sent.seconds());
    }
    run(&mut account.hpcapi(&["teardown", "--yes"]))?;
    let against = |name: &str, ours, times| Comparison {
        name: format!("{name} vs aws s3 sync"),
        unit: Unit("s"),
        ours: Figures::new(ours),
        theirs: Some(Figures::new(theirs.clone())),
        limit: Limit::AtMostTheirs { times, more: 0.0 },
    };
    Ok(vec![
        against("run: 1 GB in 2,000 files sent", first, 0.8),
        against("run: the same, unchanged", again, 0.1),
        Comparison {
            name: "memory of that run".to_owned(),
            unit: Unit("MB"),
            ours: Figures::new(memory),
            theirs: None,
            limit: Limit::AtMost(40.0),
        },
    ])
}

/// Makes a command begin a run with the files, and not follow it.
fn staging<'c>(
    command: &'c mut std::process::Command,
    here: &Path,
) -> &'c mut std::process::Command {
    let arguments = ["run", "job.sh", "--in", "data", "--detach"];
    command.args(arguments).current_dir(here)
}

/// Writes the files, with other bytes in each round.
fn fill(folder: &Path, round: usize) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (round as u64 + 1);
    let mut bytes = Vec::with_capacity(LENGTH);
    for number in 0..FILES {
        let below = folder.join(format!("{:02}", number % 20));
        fs::create_dir_all(&below)?;
        bytes.clear();
        while bytes.len() < LENGTH {
            // xorshift64: no two files are alike, and none is compressed on the way.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        fs::write(below.join(number.to_string()), &bytes)?;
    }
    Ok(())
}
