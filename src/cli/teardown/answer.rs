//! The answer of `hpcapi teardown`: what was removed, and what there is still.

use serde::Serialize;

use crate::deploy::{Leftover, Scan};
use crate::output::{Answer, plain};
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
        for (word, things) in [("left", &self.left), ("kept", &self.kept)] {
            for thing in things {
                text.push_str(&format!("{word}: {}; {}\n", thing.line(), thing.cost));
                if let Some(command) = &thing.remove {
                    text.push_str(&format!("    {}\n", plain(command)));
                }
            }
        }
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
