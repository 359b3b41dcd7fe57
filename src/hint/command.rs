//! Commands that a hint names, as far as they are known to who gives it.

use std::fmt::Display;

use super::Verb;

/// A command to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One of this program.
    Own(Call),
    /// One of the AWS CLI.
    Aws(AwsCall),
    /// One of another program, complete.
    Other(String),
}

/// A call of this program, without the options that say where and how the call that gives the hint
/// was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    verb: Verb,
    /// The words behind the verb, with a blank before each.
    words: String,
}

impl Verb {
    /// Returns its call with words behind it, as they are typed.
    pub fn with(self, words: impl Display) -> Call {
        Call {
            verb: self,
            words: format!(" {words}"),
        }
    }
}

impl Call {
    /// Returns the verb.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Returns the verb and the words behind it.
    pub(super) fn line(&self) -> String {
        format!("{}{}", self.verb.words(), self.words)
    }
}

/// A call of the AWS CLI, without the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCall {
    /// The service and the operation: `ec2 describe-vpcs`.
    operation: String,
    place: Place,
    /// The words behind them, with a blank before each.
    words: String,
}

/// Where a call of the AWS CLI goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To a service that has no regions, or whose answer is the same in all.
    Anywhere,
    /// Where the call that gives the hint went.
    Here,
    /// To this region.
    Region(String),
}

impl AwsCall {
    /// Returns a call of an operation where the call that gives the hint went.
    pub fn here(operation: impl Into<String>) -> AwsCall {
        AwsCall::new(operation, Place::Here)
    }

    /// Returns a call of an operation in a region.
    pub fn in_region(region: impl Into<String>, operation: impl Into<String>) -> AwsCall {
        AwsCall::new(operation, Place::Region(region.into()))
    }

    /// Returns a call of an operation for which the region does not matter.
    pub fn anywhere(operation: impl Into<String>) -> AwsCall {
        AwsCall::new(operation, Place::Anywhere)
    }

    fn new(operation: impl Into<String>, place: Place) -> AwsCall {
        AwsCall {
            operation: operation.into(),
            place,
            words: String::new(),
        }
    }

    /// Adds words, as they are typed.
    #[must_use]
    pub fn with(mut self, words: impl Display) -> AwsCall {
        self.words.push_str(&format!(" {words}"));
        self
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns it with these options.
    pub(super) fn line(&self, options: &str) -> String {
        format!("aws {}{options}{}", self.operation, self.words)
    }
}

impl From<Verb> for Call {
    fn from(verb: Verb) -> Call {
        Call {
            verb,
            words: String::new(),
        }
    }
}

impl From<Verb> for Command {
    fn from(verb: Verb) -> Command {
        Command::Own(verb.into())
    }
}

impl From<Call> for Command {
    fn from(call: Call) -> Command {
        Command::Own(call)
    }
}

impl From<AwsCall> for Command {
    fn from(call: AwsCall) -> Command {
        Command::Aws(call)
    }
}

impl From<String> for Command {
    fn from(line: String) -> Command {
        Command::Other(line)
    }
}

impl From<&str> for Command {
    fn from(line: &str) -> Command {
        Command::Other(line.to_owned())
    }
}
