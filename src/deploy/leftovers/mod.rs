//! What a deployment has in the account: what a teardown will delete, and what is still there
//! after it. Found by tag, name and stack, never by what this machine remembers. Only looks.

mod aws_commands;
mod claim;
mod costs;
#[cfg(test)]
mod every_type_is_known;
mod holders;
mod origin;
mod removal;
mod to_be_deleted;

use std::time::Duration;

use futures_util::future::join_all;

use crate::aws::{Item, Kind, Names, SERVICES, TAGGED};
use crate::context::Context;
use crate::error::Result;
use crate::prices::Prices;
use crate::wait::Pace;

use super::elsewhere::{self, Elsewhere};

use claim::Claim;
use origin::Origin;
use removal::Commands;

pub(super) use aws_commands::Aws as AwsCommands;
pub use costs::Cost;
pub(super) use holders::{holders, in_the_way};
pub(super) use origin::cluster_stacks;
pub(super) use to_be_deleted::to_be_deleted;

/// So long what was just deleted may be listed still.
const LINGERING: Duration = Duration::from_secs(30);

/// So long the list of tags may tell of what was just deleted.
const LINGERING_TAGS: Duration = Duration::from_secs(120);

/// Something in the account that has to do with the deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// What it is, e.g. `log group`.
    pub kind: &'static str,
    /// What commands call it: an id, a name or an ARN.
    pub id: String,
    /// Its name; its id when it has none.
    pub name: String,
    /// Its state or status; empty for things that have none.
    pub state: String,
    /// Why it is taken for the deployment's, or left alone.
    pub why: String,
    /// What it costs.
    pub cost: Cost,
    /// The command that removes it; `None` when it goes with something else, is shared, or is
    /// somebody else's.
    pub remove: Option<String>,
}

/// A kind of thing that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// What it is, e.g. `hosted zone`.
    pub kind: &'static str,
    /// What was being done, and AWS's own words.
    pub why: String,
}

/// What a look over the account found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// What is the deployment's.
    pub left: Vec<Leftover>,
    /// What stays on purpose.
    pub kept: Vec<Leftover>,
    /// What is only named like the deployment's, and never touched.
    pub look_alikes: Vec<Leftover>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
    /// Where else a deployment of this name seems to be, when nothing of it was found here.
    pub elsewhere: Vec<Elsewhere>,
}

impl Scan {
    /// Returns whether everything was looked at, and nothing of the deployment found.
    pub fn is_clean(&self) -> bool {
        self.left.is_empty() && self.unseen.is_empty()
    }

    /// Returns whether nothing is left but what the list of tags tells of.
    fn is_only_tagged(&self) -> bool {
        let is_tagged = |left: &Leftover| TAGGED.iter().any(|kind| kind.name() == left.kind);
        self.left.iter().all(is_tagged)
    }
}

/// Returns what there is of the deployment now.
pub async fn check(context: &Context) -> Result<Scan> {
    let origin = Origin::gather(context, &[]).await?;
    let mut found = scan(context, &origin).await;
    if found.left.is_empty() {
        found.elsewhere = elsewhere::look(context).await;
    }
    Ok(found)
}

/// Returns what is left after a teardown; `stacks` are those that the cluster had before it.
/// What is just being deleted gets half a minute to go, and two minutes when nothing is left but
/// what the list of tags tells of.
pub(super) async fn after_teardown(context: &Context, stacks: &[String]) -> Result<Scan> {
    let origin = Origin::gather(context, stacks).await?;
    let mut pace = Pace::minutes(LINGERING);
    let mut pace_of_tags = Pace::retries(LINGERING_TAGS);
    loop {
        let mut scan = scan(context, &origin).await;
        if scan.left.is_empty() {
            scan.elsewhere = elsewhere::look(context).await;
            return Ok(scan);
        }
        let pace = match scan.is_only_tagged() {
            true => &mut pace_of_tags,
            false => &mut pace,
        };
        if !pace.next().await {
            return Ok(scan);
        }
    }
}

/// Looks over every kind of thing once.
async fn scan(context: &Context, origin: &Origin) -> Scan {
    let names = origin.names();
    let services = SERVICES
        .iter()
        .map(|kinds| async { look(context, kinds, &names).await });
    let found = join_all(services).await.into_iter().flatten().collect();
    let prices = Prices::of(&context.aws.region);
    judged(origin, &Commands::new(context), prices, found)
}

/// Sorts what was found by whose it is.
fn judged(
    origin: &Origin,
    commands: &Commands,
    prices: Prices<'_>,
    found: Vec<(Kind, Result<Vec<Item>>)>,
) -> Scan {
    let mut items = Vec::new();
    let mut scan = Scan::default();
    scan.unseen
        .extend(origin.unknown_cluster.iter().map(|why| Unseen {
            kind: "cluster",
            why: why.clone(),
        }));
    for (kind, found) in found {
        match found {
            Ok(found) => items.extend(found.into_iter().map(|item| (kind, item))),
            Err(error) => scan.unseen.push(Unseen {
                kind: kind.name(),
                why: format!("{error:#}"),
            }),
        }
    }
    let vpcs = claim::vpcs(origin, &items);
    items.sort_by(|(kind, item), (other, another)| (kind, &item.id).cmp(&(other, &another.id)));
    for (kind, item) in &items {
        let claim = claim::claim(origin, &vpcs, *kind, item);
        let remove = removal::command(commands, origin, &claim, *kind, item);
        let (list, why) = match claim {
            Claim::Ours(why) => (&mut scan.left, why),
            Claim::Kept(why) => (&mut scan.kept, why.to_owned()),
            Claim::LookAlike(why) => (&mut scan.look_alikes, why),
            Claim::Nobodys => continue,
        };
        let name = if item.name.is_empty() {
            &item.id
        } else {
            &item.name
        };
        list.push(Leftover {
            kind: kind.name(),
            id: item.id.clone(),
            name: name.clone(),
            state: item.state.clone(),
            why,
            cost: costs::of(prices, *kind, item),
            remove,
        });
    }
    scan
}

async fn look(context: &Context, kinds: &[Kind], names: &Names) -> Vec<(Kind, Result<Vec<Item>>)> {
    let mut found = Vec::new();
    for kind in kinds {
        found.push((*kind, context.aws.inventory.list(*kind, names).await));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::error::Error;

    use super::*;

    fn judge(found: Vec<(Kind, Result<Vec<Item>>)>) -> Scan {
        let mut origin = Origin::default();
        origin.name = "mine".to_owned();
        let commands = Commands {
            aws: AwsCommands::default(),
            teardown: "hpcapi teardown".to_owned(),
        };
        judged(&origin, &commands, Prices::of("us-east-1"), found)
    }

    fn item(id: &str, tag: (&str, &str)) -> Item {
        Item {
            id: id.to_owned(),
            name: "mine".to_owned(),
            tags: [tag]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Item::default()
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_nothing_left() {
        assert!(judge(vec![(Kind::Volume, Ok(vec![]))]).is_clean());
        let denied = Error::failed("cannot list the roles").because("AccessDenied: no");
        let scan = judge(vec![(Kind::Volume, Ok(vec![])), (Kind::Role, Err(denied))]);
        assert!(!scan.is_clean());
        assert_eq!(scan.left, []);
        assert_eq!(scan.unseen[0].kind, "role");
        assert_eq!(
            scan.unseen[0].why,
            "cannot list the roles: AccessDenied: no"
        );
    }

    #[test]
    fn longer_is_waited_only_when_nothing_else_is_left() {
        let ours = ("hpcapi:deployment", "mine");
        let queue = || (Kind::Queue, Ok(vec![item("q", ours)]));
        assert!(judge(vec![queue()]).is_only_tagged());
        let volume = (Kind::Volume, Ok(vec![item("vol-1", ours)]));
        assert!(!judge(vec![queue(), volume]).is_only_tagged());
    }

    #[test]
    fn only_for_what_is_ours_a_command_is_said() {
        let ours = item("vol-1", ("hpcapi:deployment", "mine"));
        let alike = item("vol-2", ("owner", "somebody"));
        let other = item("vol-3", ("hpcapi:deployment", "other"));
        let scan = judge(vec![(Kind::Volume, Ok(vec![alike, other, ours]))]);
        assert_eq!(scan.left.len(), 1);
        assert_eq!(
            scan.left[0].remove.as_deref(),
            Some("aws ec2 delete-volume --volume-id vol-1")
        );
        assert_eq!(scan.look_alikes.len(), 1);
        assert_eq!(
            (scan.look_alikes[0].id.as_str(), &scan.look_alikes[0].remove),
            ("vol-2", &None)
        );
    }
}
