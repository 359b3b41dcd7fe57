//! The answer of `hpcapi teardown`: what was removed, and what there is still.

use serde::Serialize;

use crate::deploy::{Leftover, Scan};
use crate::output::{self, Answer, plain};
use crate::prices::{self, money};
use crate::step::Step;

/// Where was looked.
pub(super) struct Place {
    pub(super) region: String,
    pub(super) account: String,
}

/// What `teardown` says.
#[derive(Serialize)]
pub(super) struct TeardownAnswer {
    /// The steps whose things were removed; absent when it was only looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Vec<&'static str>>,
    /// Whether everything was looked at, and nothing is left.
    clean: bool,
    /// What is left and kept costs so many US dollars a month, as far as it can be told.
    usd_per_month: f64,
    /// What is the deployment's.
    left: Vec<ThingAnswer>,
    /// What stays on purpose.
    kept: Vec<ThingAnswer>,
    /// What is only named like the deployment's, and not touched.
    look_alikes: Vec<ThingAnswer>,
    /// What could not be looked at.
    unseen: Vec<UnseenAnswer>,
    /// The region that was looked at; null for a sandbox that does not run.
    region: Option<String>,
    /// The account that was looked at.
    account: Option<String>,
    /// Where else a deployment of this name seems to be, when there is nothing here.
    elsewhere: Vec<ElsewhereAnswer>,
    /// The command that removes what stands: people are shown that by kind, once it was only looked.
    #[serde(skip)]
    teardown: Option<String>,
}

#[derive(Serialize)]
struct ElsewhereAnswer {
    region: String,
    account: Option<String>,
    why: String,
}

#[derive(Serialize)]
struct ThingAnswer {
    kind: &'static str,
    id: String,
    name: String,
    state: String,
    why: String,
    usd_per_month: Option<f64>,
    cost: String,
    remove: Option<String>,
}

#[derive(Serialize)]
struct UnseenAnswer {
    kind: &'static str,
    why: String,
}

impl TeardownAnswer {
    /// Returns the answer; `removed` is `None` when it was only looked.
    pub(super) fn new(
        removed: Option<Vec<Step>>,
        scan: Scan,
        place: Option<Place>,
    ) -> TeardownAnswer {
        let paid = scan.left.iter().chain(&scan.kept);
        let sum: f64 = paid.filter_map(|thing| thing.cost.usd_per_month).sum();
        TeardownAnswer {
            removed: removed.map(|steps| steps.into_iter().map(Step::name).collect()),
            clean: scan.is_clean(),
            usd_per_month: money::cents(sum),
            left: things(scan.left),
            kept: things(scan.kept),
            look_alikes: things(scan.look_alikes),
            unseen: scan
                .unseen
                .into_iter()
                .map(|unseen| UnseenAnswer {
                    kind: unseen.kind,
                    why: unseen.why,
                })
                .collect(),
            region: place.as_ref().map(|place| place.region.clone()),
            account: place.map(|place| place.account),
            elsewhere: scan
                .elsewhere
                .into_iter()
                .map(|one| ElsewhereAnswer {
                    region: one.region,
                    account: one.account,
                    why: one.why,
                })
                .collect(),
            teardown: None,
        }
    }

    /// Shows people by kind what this command removes, when it was only looked.
    pub(super) fn grouped(self, teardown: String) -> TeardownAnswer {
        TeardownAnswer {
            teardown: self.removed.is_none().then_some(teardown),
            ..self
        }
    }

    /// Returns whether a thing stands in a line with those of its kind.
    fn is_grouped(&self, thing: &ThingAnswer) -> bool {
        let remove = thing.remove.as_ref();
        let teardown = self.teardown.as_ref();
        teardown.is_some_and(|teardown| remove.is_none_or(|remove| remove == teardown))
    }

    /// Returns what goes with the deployment, by kind, the dearest first.
    fn inventory(&self) -> String {
        let grouped = self.left.iter().filter(|thing| self.is_grouped(thing));
        let of_a_kind = |one: &ThingAnswer, other: &ThingAnswer| one.kind == other.kind;
        let there = Group::all(grouped, of_a_kind);
        let there = there.iter().map(|group| format!("  {}\n", group.line("")));
        there.collect()
    }

    /// Returns what stays on purpose, what is alike in one line, with the commands that remove it where
    /// they are of use.
    fn staying(&self) -> String {
        let alike = |one: &ThingAnswer, other: &ThingAnswer| {
            (one.kind, &one.why) == (other.kind, &other.why)
        };
        let mut text = String::new();
        for group in Group::all(self.kept.iter(), alike) {
            let why = format!(", {}", plain(&group.things[0].why));
            text.push_str(&output::hanging("kept: ", &group.line(&why)));
            let commands = group.things.iter().filter_map(|it| it.remove.as_ref());
            for command in commands.filter(|_| !self.stands()) {
                text.push_str(&format!("    {}\n", plain(command)));
            }
        }
        text
    }

    /// Returns whether all that is left goes with the deployment: then it is shown by kind.
    fn stands(&self) -> bool {
        !self.left.is_empty() && self.left.iter().all(|thing| self.is_grouped(thing))
    }
}

/// Things that share a line.
struct Group<'a> {
    things: Vec<&'a ThingAnswer>,
    usd: f64,
}

/// As wide is a line at most in which a thing is named.
const NAMED: usize = 78;

impl<'a> Group<'a> {
    /// Returns the things in groups, those of which `alike` says so in one, the dearest first.
    fn all(
        things: impl Iterator<Item = &'a ThingAnswer>,
        alike: impl Fn(&ThingAnswer, &ThingAnswer) -> bool,
    ) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for thing in things {
            let usd = thing.usd_per_month.unwrap_or_default();
            match groups
                .iter_mut()
                .find(|group| alike(group.things[0], thing))
            {
                Some(group) => {
                    group.things.push(thing);
                    group.usd += usd;
                }
                None => groups.push(Group {
                    things: vec![thing],
                    usd,
                }),
            }
        }
        let kind = |group: &Group| group.things[0].kind;
        groups.sort_by(|one, other| {
            let dearer = other.usd.total_cmp(&one.usd);
            dearer.then_with(|| kind(one).cmp(kind(other)))
        });
        groups
    }

    /// Returns what it is and what it costs, in a line; a thing alone with its id where there is room.
    fn line(&self, why: &str) -> String {
        let [first, ..] = self.things.as_slice() else {
            return String::new();
        };
        let cost = match self.usd {
            usd if usd > 0.0 => money::about_a_month(usd),
            _ => first.cost.clone(),
        };
        let line = |what: &str| format!("{what}{why}; {cost}");
        let named = format!("{} {}", first.kind, plain(&first.id));
        match self.things.len() {
            1 if line(&named).chars().count() <= NAMED => line(&named),
            1 => line(first.kind),
            number => line(&format!("{number} {}s", first.kind)),
        }
    }
}

fn things(leftovers: Vec<Leftover>) -> Vec<ThingAnswer> {
    leftovers
        .into_iter()
        .map(|leftover| ThingAnswer {
            kind: leftover.kind,
            id: leftover.id,
            name: leftover.name,
            state: leftover.state,
            why: leftover.why,
            usd_per_month: leftover.cost.usd_per_month.map(money::cents),
            cost: leftover.cost.to_string(),
            remove: leftover.remove,
        })
        .collect()
}

impl ThingAnswer {
    /// Returns what it is and what it costs, in a line; names come from others.
    fn line(&self) -> String {
        let mut line = format!("{} {}", self.kind, plain(&self.id));
        if self.name != self.id {
            line.push_str(&format!(" ({})", plain(&self.name)));
        }
        if !self.state.is_empty() {
            line.push_str(&format!(", {}", plain(&self.state)));
        }
        line.push_str(&format!(": {}", plain(&self.why)));
        line
    }
}

impl Answer for TeardownAnswer {
    fn text(&self) -> String {
        let mut text = match self.removed.as_deref() {
            None => String::new(),
            Some([]) => "there was nothing to remove\n".to_owned(),
            Some(removed) => format!("removed: {}\n", removed.join(", ")),
        };
        if self.clean {
            text.push_str("nothing of the deployment is left");
            if let (Some(region), Some(account)) = (&self.region, &self.account) {
                text.push_str(&format!(" in {region} of account {account}"));
            }
            text.push('\n');
        }
        if self.stands() {
            text.push_str(&self.inventory());
        } else {
            for thing in &self.left {
                text.push_str(&format!("left: {}; {}\n", thing.line(), thing.cost));
                if let Some(command) = &thing.remove {
                    text.push_str(&format!("    {}\n", plain(command)));
                }
            }
        }
        text.push_str(&self.staying());
        for thing in &self.look_alikes {
            text.push_str(&format!("not touched: {}\n", thing.line()));
        }
        for unseen in &self.unseen {
            text.push_str(&format!(
                "could not look at every {}: {}\n",
                unseen.kind,
                plain(&unseen.why)
            ));
        }
        for one in &self.elsewhere {
            text.push_str(&format!(
                "elsewhere: a deployment of this name in {}{}: {}\n",
                one.region,
                one.account
                    .as_ref()
                    .map_or_else(String::new, |account| format!(" of account {account}")),
                one.why
            ));
        }
        if self.usd_per_month > 0.0 {
            text.push_str(&format!(
                "what is there costs about {} a month (list prices of {})\n",
                money::amount(self.usd_per_month),
                prices::month()
            ));
        }
        text
    }

    fn done(&self) -> Option<String> {
        let removed = self.removed.as_deref()?;
        (!removed.is_empty()).then(|| format!("{} removed", removed.join(", ")))
    }
}
