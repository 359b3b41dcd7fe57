//! What a look at a step's thing can find.

/// The state of a step's thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is nothing.
    Missing,
    /// It is as we would make it now.
    Ready,
    /// There is nothing, and nobody asked for it.
    Unwanted,
    /// `pause` took it away or stopped it, and `resume` brings it back.
    Resting,
    /// It is there, but not as we would make it now.
    Incomplete {
        /// What is wrong with it.
        reason: String,
    },
    /// Something is being done to it, or something else has to be there first.
    Waiting {
        /// What is waited for.
        on: String,
    },
}

impl State {
    /// Returns [`State::Incomplete`] with its reason.
    pub fn incomplete(reason: impl Into<String>) -> State {
        State::Incomplete {
            reason: reason.into(),
        }
    }

    /// Returns [`State::Waiting`] with what is waited for.
    pub fn waiting(on: impl Into<String>) -> State {
        State::Waiting { on: on.into() }
    }

    /// Returns whether there is nothing to do about it.
    pub fn is_fine(&self) -> bool {
        matches!(self, State::Ready | State::Unwanted)
    }

    /// Returns the state as one word, for people and for JSON.
    pub fn word(&self) -> &'static str {
        match self {
            State::Missing => "missing",
            State::Ready => "ready",
            State::Unwanted => "off",
            State::Resting => "resting",
            State::Incomplete { .. } => "incomplete",
            State::Waiting { .. } => "waiting",
        }
    }

    /// Returns what is wrong or waited for.
    pub fn detail(&self) -> Option<&str> {
        match self {
            State::Missing | State::Ready | State::Unwanted | State::Resting => None,
            State::Incomplete { reason } => Some(reason),
            State::Waiting { on } => Some(on),
        }
    }
}
