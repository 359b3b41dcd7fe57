//! How the answers of Slurm's commands are shown: to people, in the one documented shape, as
//! the server said it, or as the curl command that asks for it.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::error::Result;
use crate::event::Events;
use crate::output::{self, Answer, Format, Reader, Screen, Volume};
use crate::slurm::client::{Broken, Client, Incoming, Request, VERSION};
use crate::slurm::{ApiVersion, UserName};
use crate::wait::Pace;

use super::reach::{Reach, ReachArgs};

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum View {
    /// A table.
    Text,
    /// One JSON document, of the same shape whatever the server's version.
    Json,
    /// What the server said.
    Raw,
}

/// How an answer is shown.
#[derive(Debug, Clone, Args)]
pub(super) struct ShowArgs {
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = View::Text)]
    pub(super) output: View,

    /// Print the request as a curl command, with the token as $SLURM_JWT, and send nothing
    #[arg(long)]
    pub(super) curl: bool,
}

/// Who asks.
#[derive(Debug, Clone, Args)]
pub(super) struct UserArgs {
    /// The Slurm user to ask as [default: the token's own, or the cluster's own]
    #[arg(long, env = "SLURM_USER", hide_env_values = true)]
    pub(super) user: Option<UserName>,
}

/// Who asks, where --user means something else.
#[derive(Debug, Clone, Args)]
pub(super) struct AsUserArgs {
    /// The Slurm user to ask as [default: the token's own, or the cluster's own]
    #[arg(long, value_name = "USER", env = "SLURM_USER", hide_env_values = true)]
    pub(super) as_user: Option<UserName>,
}

/// Redrawing.
#[derive(Debug, Clone, Args)]
pub(super) struct WatchArgs {
    /// Look again and again, and redraw in place; Ctrl-C ends it
    #[arg(long)]
    pub(super) watch: bool,
}

/// How often a watched list is looked at.
const WATCH: Duration = Duration::from_secs(2);

/// What is told besides the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// What the user should know, and with -v the rest.
    Warnings,
    /// How far it is, too.
    Progress,
}

impl Told {
    /// Returns what is told of a wait: nobody else at a terminal would know that it goes on.
    pub(super) fn of_a_wait() -> Told {
        match std::io::stderr().is_terminal() {
            true => Told::Progress,
            false => Told::Warnings,
        }
    }
}

/// Opens a client, works with it, and warns of what the user should know.
pub(super) async fn with_client<T>(
    reach: &ReachArgs,
    user: Option<&UserName>,
    work: impl AsyncFnOnce(&Reach, &Events) -> Result<T>,
) -> Result<T> {
    with_client_telling(Told::Warnings, reach, user, work).await
}

/// Opens a client, works with it, and tells what there is to tell besides the answer.
pub(super) async fn with_client_telling<T>(
    told: Told,
    reach: &ReachArgs,
    user: Option<&UserName>,
    work: impl AsyncFnOnce(&Reach, &Events) -> Result<T>,
) -> Result<T> {
    let verbose = reach.deployment.verbose;
    let volume = match told {
        Told::Warnings => Volume::of_answer(verbose),
        Told::Progress => Volume::of_story(verbose),
    };
    output::telling(volume, async |events| {
        let there = reach.open(user, events).await?;
        let was_known = there.client.known_version().is_some();
        let outcome = work(&there, events).await;
        if let Some(version) = there.client.known_version().filter(|_| !was_known)
            && version > ApiVersion::NEWEST
        {
            events.warn(format!(
                "the server is newer than this hpcapi: {version} is read as {}",
                ApiVersion::NEWEST
            ));
        }
        match there.client.left_out() {
            0 => {}
            count => events.warn(format!(
                "left out of the server's lists, for they are not understood: {count} \
                 (--output raw shows them)"
            )),
        }
        there.conclude();
        outcome
    })
    .await
}

/// Prints an answer.
pub(super) fn print(answer: &impl Answer, view: View) -> Result<()> {
    let format = match view {
        View::Json => Format::Json,
        View::Text | View::Raw => Format::Text,
    };
    output::answer(answer, format)
}

/// Prints what the server says to a GET, as it comes.
pub(super) async fn print_raw(client: &Client, request: &Request) -> Result<()> {
    print_stream(client.stream(request).await?).await
}

/// Prints a body as it comes.
pub(super) async fn print_stream(incoming: Incoming) -> Result<()> {
    let mut last = None;
    incoming
        .each(|piece| {
            last = piece.last().copied();
            output::bytes(piece).map(|_| ())
        })
        .await
        .map_err(Broken::into_error)?;
    output::end_of_document(last)
}

/// Prints requests as curl commands.
pub(super) fn print_curl(
    reach: &ReachArgs,
    user: Option<&UserName>,
    requests: &[Request],
) -> Result<()> {
    output::raw(&reach.curl(user, requests)?)
}

/// Shows a list: once, or again and again. `look` returns nothing when nothing has changed.
pub(super) async fn show_list<A: Answer>(
    view: View,
    watch: &WatchArgs,
    mut look: impl AsyncFnMut() -> Result<Option<A>>,
) -> Result<()> {
    let mut screen = Screen::default();
    loop {
        let began = Instant::now();
        if let Some(answer) = look().await? {
            if !watch.watch {
                return print(&answer, view);
            }
            let shown = screen.show(&match view {
                View::Json => output::json(&answer),
                View::Text | View::Raw => answer.text(),
            })?;
            if shown == Reader::Gone {
                return Ok(());
            }
        }
        // A list that takes the server long is asked for less often.
        Pace::pause(WATCH.max(began.elapsed())).await;
    }
}

/// Returns a path below the API, as the user typed it: whole, or below the version.
pub(super) fn api_path(path: &str) -> String {
    match path.strip_prefix('/') {
        Some(_) => path.to_owned(),
        None => format!("/slurm/{VERSION}/{path}"),
    }
}
