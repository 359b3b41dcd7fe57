//! Who is at work on the deployment: signs of life in its bucket, by which an `up`, a `pause` and a
//! `teardown` see one another. Several of a kind may work at once: they join what others began.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::AbortHandle;

use crate::aws::Object;
use crate::context::{Board, Context};
use crate::error::{Error, Kind, Result};
use crate::step::{Need, Step};
use crate::wait::Pace;

use super::steps::ownership;

/// Where the signs lie.
pub(super) const FOLDER: &str = "hpcapi/at-work/";

/// How often a sign is renewed.
const BEAT: Duration = Duration::from_secs(10);

/// Whose sign is not renewed for so long is dead.
const SILENCE: Duration = Duration::from_secs(25);

/// A sign this old needs no second look, whatever the clocks say.
const LONG_AGO: Duration = Duration::from_secs(3600);

/// What somebody is at work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// `up` and `resume`.
    Up,
    Pause,
    Teardown,
}

impl Work {
    fn verb(self) -> &'static str {
        match self {
            Work::Up => "up",
            Work::Pause => "pause",
            Work::Teardown => "teardown",
        }
    }

    /// Returns those that would undo what this does.
    fn opposites(self) -> [Work; 2] {
        match self {
            Work::Up => [Work::Teardown, Work::Pause],
            Work::Pause => [Work::Teardown, Work::Up],
            Work::Teardown => [Work::Up, Work::Pause],
        }
    }
}

/// A process somewhere, as the key of its sign names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    host: String,
    /// The boot of the host: together they name a running machine.
    boot: String,
    pid: u32,
}

impl Worker {
    fn this() -> Worker {
        let kernel = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
            text.trim().replace('/', "-")
        };
        Worker {
            host: kernel("hostname"),
            boot: kernel("random/boot_id"),
            pid: std::process::id(),
        }
    }

    fn key(&self, work: Work) -> String {
        let Worker { host, boot, pid } = self;
        format!("{FOLDER}{}/{host}/{boot}/{pid}", work.verb())
    }

    fn of(key: &str, work: Work) -> Option<Worker> {
        let rest = key.strip_prefix(FOLDER)?.strip_prefix(work.verb())?;
        let mut parts = rest.strip_prefix('/')?.split('/');
        let mut next = || parts.next().map(ToOwned::to_owned);
        Some(Worker {
            host: next()?,
            boot: next()?,
            pid: next()?.parse().ok()?,
        })
    }

    fn is_here(&self) -> bool {
        let this = Worker::this();
        (&self.host, &self.boot) == (&this.host, &this.boot)
    }

    /// Returns whether the process runs, on this machine.
    fn runs(&self) -> bool {
        let read = |pid: &str, file| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let pid = self.pid.to_string();
        let name = read(&pid, "comm");
        // One that was killed, and that nobody has asked how it ended, has no arguments.
        let has_arguments = read(&pid, "cmdline").is_some_and(|line| !line.is_empty());
        has_arguments && name.is_some() && name == read("self", "comm")
    }
}

/// A sign of life of this process.
pub(super) struct Sign {
    context: Arc<Context>,
    key: String,
    beat: AbortHandle,
}

impl Sign {
    /// Gives signs of life from now on, or from when `board` says that there is a bucket; fails
    /// when somebody is at work with the opposite.
    pub(super) async fn give(
        context: &Arc<Context>,
        work: Work,
        board: &Arc<Board>,
    ) -> Result<Sign> {
        let key = Worker::this().key(work);
        // First the sign, then the look: of two that begin at once at least one sees the other.
        let mut bucket = ownership::bucket(context).await?;
        // A stack whose deletion failed names its bucket still when that is gone.
        if let Some(name) = &bucket
            && !context.aws.buckets.put_if_there(name, &key, "").await?
        {
            bucket = None;
        }
        let (there, board) = (Arc::clone(context), Arc::clone(board));
        let beat = tokio::spawn(keep_beating(there, key.clone(), bucket, board));
        let sign = Sign {
            context: Arc::clone(context),
            key,
            beat: beat.abort_handle(),
        };
        if let Err(error) = require_peace(context, work).await {
            sign.end().await;
            return Err(error);
        }
        Ok(sign)
    }

    /// Gives no more signs, and takes the last one back.
    pub(super) async fn end(&self) {
        self.beat.abort();
        if let Ok(Some(bucket)) = ownership::bucket(&self.context).await {
            // Who finds it nevertheless sees that nobody renews it.
            let _ = self.context.aws.buckets.remove(&bucket, &self.key).await;
        }
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

/// Renews the sign for ever. Before there is a bucket, CloudFormation tells those apart who
/// make and delete the stack that it is in.
async fn keep_beating(
    context: Arc<Context>,
    key: String,
    bucket: Option<String>,
    board: Arc<Board>,
) {
    if bucket.is_none() {
        board.meet(&[Need::Done(Step::Requirements)]).await;
    } else {
        Pace::pause(BEAT).await;
    }
    let made = context.requirements().map(|made| made.bucket);
    let Some(bucket) = made.or(bucket) else {
        return;
    };
    loop {
        // One that is missed does not matter: the next will come.
        let _ = context.aws.buckets.put(&bucket, &key, "").await;
        Pace::pause(BEAT).await;
    }
}

/// Fails when somebody is at work with the opposite.
pub(super) async fn require_peace(context: &Context, work: Work) -> Result<()> {
    let Some(bucket) = ownership::bucket(context).await? else {
        return Ok(());
    };
    let mut first = BTreeMap::new();
    let mut pace = Pace::seconds(SILENCE);
    let mut told = false;
    loop {
        let signs = context.aws.buckets.list(&bucket, FOLDER).await?;
        let of_opposites = |sign: &Object| {
            let mut opposites = work.opposites().into_iter();
            opposites.find_map(|other| Some((other, Worker::of(&sign.key, other)?)))
        };
        let found = signs.iter();
        let found: Vec<_> = found
            .filter_map(|sign| Some((sign, of_opposites(sign)?)))
            .collect();
        let mut doubted = None;
        for (sign, (other, worker)) in &found {
            let is_renewed =
                *first.entry(sign.key.clone()).or_insert(sign.modified) != sign.modified;
            if is_renewed || (worker.is_here() && worker.runs()) {
                return Err(refusal(context, work, *other, worker));
            }
            if !worker.is_here() && !is_of_long_ago(sign) {
                doubted = Some(*other);
            }
        }
        let goes_on = match doubted {
            Some(_) => pace.next().await,
            None => false,
        };
        let Some(other) = doubted.filter(|_| goes_on) else {
            for (sign, _) in &found {
                context.aws.buckets.remove(&bucket, &sign.key).await?;
            }
            return Ok(());
        };
        if !std::mem::replace(&mut told, true) {
            context.events.note(format!(
                "somebody else began `{}`: looking whether it is still at work",
                other.verb()
            ));
        }
    }
}

fn is_of_long_ago(sign: &Object) -> bool {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(sign.modified);
    SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age > LONG_AGO)
}

fn refusal(context: &Context, work: Work, other: Work, worker: &Worker) -> Error {
    let again = &context.settings.again;
    let Worker { host, pid, .. } = worker;
    let text = format!(
        "`{}` of `{}` is at work: process {pid} on {host}",
        other.verb(),
        context.settings.name
    );
    let error = Error::new(Kind::NotReady, text);
    match other {
        Work::Teardown => error.hint(format!(
            "wait for its end, then make everything anew: {}",
            again.command("up")
        )),
        Work::Up | Work::Pause => error
            .hint(format!(
                "wait for its end, or stop it on {host}: kill {pid}"
            ))
            .hint(format!("then: {}", again.command(work.verb()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_worker() {
        let this = Worker::this();
        let key = this.key(Work::Up);
        assert_eq!(Worker::of(&key, Work::Up), Some(this.clone()));
        assert_eq!(Worker::of(&key, Work::Teardown), None);
        assert!(this.is_here() && this.runs());
        let gone = Worker {
            pid: u32::MAX,
            ..this
        };
        assert!(!gone.runs());
        assert_eq!(Worker::of("hpcapi/at-work/up/x", Work::Up), None);
    }

    #[test]
    fn whoever_undoes_the_work_of_another_is_its_opposite() {
        for work in [Work::Up, Work::Pause, Work::Teardown] {
            assert!(!work.opposites().contains(&work));
            for other in work.opposites() {
                assert!(other.opposites().contains(&work), "{work:?} and {other:?}");
            }
        }
    }

    #[test]
    fn an_old_sign_is_of_long_ago() {
        let sign = |modified| Object {
            key: String::new(),
            modified,
            size: 0,
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap().as_secs();
        assert!(is_of_long_ago(&sign(now - 4000)));
        assert!(!is_of_long_ago(&sign(now)));
        assert!(!is_of_long_ago(&sign(now + 4000)));
    }
}
