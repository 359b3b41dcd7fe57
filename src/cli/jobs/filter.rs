//! The arguments that say which jobs are meant.

use std::ffi::OsStr;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command};

use crate::error::{Error, Result};
use crate::slurm::client::{Client, Server};
use crate::slurm::jobs::{Filter, Job, State};
use crate::slurm::partitions;

/// Which jobs are meant.
#[derive(Debug, Clone, Args)]
pub(super) struct FilterArgs {
    /// Only those of this user, by name or number, or of several with commas between them
    #[arg(short, long, value_delimiter = ',')]
    user: Vec<String>,

    /// Only one's own
    #[arg(long, conflicts_with = "user")]
    me: bool,

    /// Only those in this state, in full or in short, as in PENDING,R; all is every state
    #[arg(short = 't', long, value_delimiter = ',', value_parser = StateParser, hide_possible_values = true)]
    state: Vec<Wanted>,

    /// Only those in this partition
    #[arg(short, long, value_delimiter = ',')]
    partition: Vec<String>,
}

/// A state that is wanted, or every one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    All,
    One(State),
}

impl FilterArgs {
    /// Returns what is wanted of the jobs that a client sees.
    pub(super) async fn filter(&self, client: &Client) -> Result<Filter> {
        let users = match self.me {
            true => vec![own_name(client).await?],
            false => self.user.clone(),
        };
        Ok(Filter {
            users,
            states: self.states(),
            partitions: self.partition.clone(),
            ..Filter::default()
        })
    }

    /// Returns whether it says whose jobs are meant.
    pub(super) fn names_users(&self) -> bool {
        self.me || !self.user.is_empty()
    }

    /// Fails when a partition is meant that does not exist. One that a job is in does.
    pub(super) async fn require_partitions(&self, client: &Client, listed: &[Job]) -> Result<()> {
        let is_seen = |name: &&String| {
            let mut own = listed.iter().filter_map(|job| job.partition.as_deref());
            own.any(|own| own.split(',').any(|own| own == name.as_str()))
        };
        let unseen: Vec<String> = self
            .partition
            .iter()
            .filter(|name| !is_seen(name))
            .cloned()
            .collect();
        partitions::require(client, &unseen).await
    }

    fn states(&self) -> Vec<State> {
        let state = |wanted: &Wanted| match wanted {
            Wanted::All => None,
            Wanted::One(state) => Some(state.clone()),
        };
        let states: Option<Vec<State>> = self.state.iter().map(state).collect();
        states.unwrap_or_default()
    }
}

/// Returns the name that one's own jobs have.
pub(in crate::cli) async fn own_name(client: &Client) -> Result<String> {
    if let Some(user) = client.identity().user().await? {
        return Ok(user.to_string());
    }
    match client.server() {
        // Slurm knows who calls by the socket.
        Server::Socket(_) => Ok(std::env::var("USER").unwrap_or_else(|_| "root".to_owned())),
        Server::Url(_) => Err(Error::usage(
            "whose jobs? without a token nobody is known to own any",
        )
        .hint("name the user: --user NAME")),
    }
}

impl FromStr for Wanted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.eq_ignore_ascii_case("all") {
            true => Ok(Wanted::All),
            false => text.parse().map(Wanted::One),
        }
    }
}

/// Takes a state in full or in short, and tells shells the names in full.
#[derive(Debug, Clone)]
struct StateParser;

impl TypedValueParser for StateParser {
    type Value = Wanted;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> std::result::Result<Wanted, clap::Error> {
        let parse = |text: &str| text.parse::<Wanted>();
        parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = State::names().chain(["all"]);
        Some(Box::new(names.map(PossibleValue::new)))
    }
}
