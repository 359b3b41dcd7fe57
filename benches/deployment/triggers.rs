//! Objects that come into the bucket: how long until each is a job that Slurm has taken.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::Effort;
use super::ground::{Account, Ground};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::run;
use super::requests::Connection;

/// An account of its own for all rounds.
const ACCOUNT: usize = 300;

/// How many objects come one after the other, each once the one before is a job.
const ALONE: usize = 20;

/// How many come at once, and over how many connections.
const TOGETHER: usize = 100;
const SENDERS: usize = 4;

/// How often it is looked whether they are jobs.
const LOOK: Duration = Duration::from_millis(50);

/// How many looks go over one connection: the server closes it after a thousand requests.
const A_CONNECTION: usize = 500;

/// After so long they are waited for no more.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn compare(ground: &Ground, effort: Effort) -> Result<Vec<Comparison>> {
    eprintln!("objects that become jobs");
    let account = ground.account(ACCOUNT)?;
    run(&mut account.hpcapi(&["up", "--yes"]))?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("job.sh"), "#!/bin/bash\ntrue\n")?;
    // In AWS jobs run on other machines than what is measured: here they do not run at all.
    let add = [
        "trigger", "add", "bench", "job.sh", "--prefix", "inbox/", "--hold",
    ];
    run(account.hpcapi(&add).current_dir(folder.path()))?;
    let mut inbox = Inbox {
        account: &account,
        bucket: account.bucket()?,
        sent: 0,
    };
    // As slow as AWS, whatever the effort: SSM is most of it.
    ground.set_scale(1.0)?;
    let measured = inbox.measure(effort.rounds);
    ground.set_scale(0.0)?;
    let measured = measured?;
    run(&mut account.hpcapi(&["teardown", "--yes"]))?;
    let row = |name: &str, ours, limit| Comparison {
        name: name.to_owned(),
        unit: Unit("s"),
        ours: Figures::new(ours),
        theirs: None,
        limit,
    };
    let together = format!("{TOGETHER} uploads at once to their jobs");
    Ok(vec![
        row("the first upload to its job", measured.first, Limit::None),
        row("an upload to its job", measured.alone, Limit::AtMost(3.0)),
        row(&together, measured.together, Limit::None),
    ])
}

/// Seconds from the end of uploads until they were jobs.
struct Measured {
    /// With a function that has not run yet.
    first: Vec<f64>,
    alone: Vec<f64>,
    together: Vec<f64>,
}

/// Where a trigger waits for objects.
struct Inbox<'a> {
    account: &'a Account<'a>,
    bucket: String,
    sent: usize,
}

impl Inbox<'_> {
    fn measure(&mut self, rounds: usize) -> Result<Measured> {
        Ok(Measured {
            first: vec![self.take(1)?],
            alone: (0..ALONE).map(|_| self.take(1)).collect::<Result<_>>()?,
            together: (0..rounds)
                .map(|_| self.take(TOGETHER))
                .collect::<Result<_>>()?,
        })
    }

    /// Uploads so many objects at once, and returns how many seconds after that they were jobs.
    fn take(&mut self, objects: usize) -> Result<f64> {
        let numbers: Vec<usize> = (self.sent..self.sent + objects).collect();
        self.sent += objects;
        let inbox = &*self;
        thread::scope(|scope| -> Result<()> {
            let senders: Vec<_> = numbers
                .chunks(objects.div_ceil(SENDERS))
                .map(|some| scope.spawn(|| inbox.send(some)))
                .collect();
            for sender in senders {
                sender.join().map_err(|_| "a sender broke off")??;
            }
            Ok(())
        })?;
        let begun = Instant::now();
        self.wait(begun)?;
        Ok(begun.elapsed().as_secs_f64())
    }

    fn send(&self, numbers: &[usize]) -> Result<()> {
        let mut connection = Connection::open(self.account)?;
        for number in numbers {
            let path = format!("/{}/inbox/{number}", self.bucket);
            connection.exchange("PUT", &path, "x")?;
        }
        Ok(())
    }

    /// Waits until all that was sent is known as submitted.
    fn wait(&self, begun: Instant) -> Result<()> {
        let list = "list-type=2&prefix=triggers/bench/submitted/";
        let path = format!("/{}?{list}", self.bucket);
        loop {
            let mut connection = Connection::open(self.account)?;
            for _ in 0..A_CONNECTION {
                let (page, _) = connection.exchange("GET", &path, "")?;
                let submitted = String::from_utf8(page)?.matches("<Key>").count();
                if submitted == self.sent {
                    return Ok(());
                }
                if begun.elapsed() > PATIENCE {
                    let sent = self.sent;
                    return Err(format!("{submitted} of {sent} objects became jobs").into());
                }
                thread::sleep(LOOK);
            }
        }
    }
}
