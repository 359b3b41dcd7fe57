//! A point: one call of one run, and what happens to it. Its name is enough to do it again.

use std::fmt;
use std::str::FromStr;

/// The verb whose run is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verb {
    Up,
    Teardown,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    /// hpcapi and its pcluster are killed before the call is made.
    KillBefore,
    /// The call is made, and both are killed before its answer comes.
    KillAfter,
    /// The call is made, hpcapi is killed before its answer comes, its pcluster lives on.
    KillAlone,
    /// From this call on every one is refused: the credentials have expired.
    Expired,
    /// The call is refused: too many.
    Throttling,
    /// The call is answered with 500.
    ServerError,
    /// The connection ends before the call is made.
    Reset,
    /// The call is made, and its answer never comes.
    Hang,
    /// The call is made, and its answer ends in the middle.
    Truncated,
    /// What the call made is not found for the next seconds.
    NotFoundYet,
}

impl Verb {
    const ALL: [(Verb, &'static str); 2] = [(Verb::Up, "up"), (Verb::Teardown, "teardown")];

    pub(crate) fn name(self) -> &'static str {
        let found = Verb::ALL.iter().find(|(verb, _)| *verb == self);
        found.expect("every verb has a name").1
    }

    /// Returns its options: everything that `up` can make is made.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Verb::Up => &["--operations", "--notify", "me@example.org"],
            Verb::Teardown => &[],
        }
    }
}

impl Act {
    pub(crate) const ALL: [(Act, &'static str); 10] = [
        (Act::KillBefore, "kill-before"),
        (Act::KillAfter, "kill-after"),
        (Act::KillAlone, "kill-alone"),
        (Act::Expired, "expired"),
        (Act::Throttling, "throttling"),
        (Act::ServerError, "server-error"),
        (Act::Reset, "reset"),
        (Act::Hang, "hang"),
        (Act::Truncated, "truncated"),
        (Act::NotFoundYet, "not-found-yet"),
    ];

    pub(crate) fn name(self) -> &'static str {
        let found = Act::ALL.iter().find(|(act, _)| *act == self);
        found.expect("every act has a name").1
    }

    /// Returns whether the run is killed.
    pub(crate) fn kills(self) -> bool {
        matches!(self, Act::KillBefore | Act::KillAfter | Act::KillAlone)
    }

    /// Returns whether the run cannot end well by itself.
    pub(crate) fn ends_the_run(self) -> bool {
        self.kills() || self == Act::Expired
    }
}

/// A call that has been seen: the how-manieth of its kind in a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Call {
    pub(crate) caller: String,
    pub(crate) action: String,
    pub(crate) number: usize,
}

/// One call, and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    pub(crate) verb: Verb,
    pub(crate) call: Call,
    pub(crate) act: Act,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call {
            caller,
            action,
            number,
        } = &self.call;
        let (verb, act) = (self.verb.name(), self.act.name());
        write!(f, "{verb}/{caller}/{action}/{number}/{act}")
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(name: &str) -> Result<Point, String> {
        let pieces: Vec<_> = name.trim().split('/').collect();
        let [verb, caller, action, number, act] = pieces[..] else {
            return Err(format!("{name:?} is not verb/caller/action/number/act"));
        };
        let verb = Verb::ALL.iter().find(|(_, name)| *name == verb);
        let act = Act::ALL.iter().find(|(_, name)| *name == act);
        let (Some((verb, _)), Some((act, _)), Ok(number)) = (verb, act, number.parse()) else {
            return Err(format!("{name:?} names no point"));
        };
        Ok(Point {
            verb: *verb,
            call: Call {
                caller: caller.to_owned(),
                action: action.to_owned(),
                number,
            },
            act: *act,
        })
    }
}
