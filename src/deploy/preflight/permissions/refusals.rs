//! What IAM's simulation refuses, as findings: one for each thing that refuses, for each is mended in
//! another way.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{Refused, RefusedBy};
use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::iam_policy::Use;

use super::advice::Advice;
use super::caller::Caller;
use super::circumstances;
use super::{SUBJECT, USES};

/// As many denied actions are named.
const NAMED: usize = 8;

/// Actions that know the boundary of the role that they are about.
const OF_ROLES: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
];

/// Actions on what is made in IAM, each at its own place.
const AT_A_PLACE: &[&str] = &["iam:CreateInstanceProfile", "iam:CreateRole"];

/// What the simulations came to.
pub(super) struct Answers {
    /// What is refused.
    pub(super) refusals: Vec<Refusal>,
    /// The policies that allow anything.
    pub(super) allowing: BTreeSet<String>,
}

/// An action that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    wanted: Use,
    action: String,
    by: RefusedBy,
    /// Keys that decide it, perhaps, and that nobody here knows.
    unanswered: BTreeSet<String>,
    /// Keys that decide it, perhaps, and that `up`'s calls do not have.
    absent: BTreeSet<String>,
}

impl Refusal {
    /// `own` are the keys of hpcapi's own policies: a question in which one is missing is about a
    /// call that has none.
    pub(super) fn new(
        wanted: Use,
        action: String,
        refused: Refused,
        own: &BTreeSet<String>,
    ) -> Refusal {
        let is_absent =
            |key: &String| own.contains(&key.to_lowercase()) || circumstances::answers(key);
        let (absent, unanswered) = refused.unanswered.into_iter().partition(is_absent);
        Refusal {
            wanted,
            action,
            by: refused.by,
            unanswered,
            absent,
        }
    }

    /// Returns the row of the use in `USES`.
    fn row(&self) -> usize {
        let is_it = |(wanted, ..): &(Use, &str, bool)| *wanted == self.wanted;
        USES.iter().position(is_it).unwrap_or_default()
    }

    /// Returns whether policies may ask for another boundary of roles than the configuration's.
    fn may_want_boundary(&self) -> bool {
        let mut absent = self.absent.iter();
        OF_ROLES.contains(&self.action.as_str())
            && absent.any(|key| circumstances::is_boundary(key))
    }

    fn reason(&self) -> Reason {
        if !self.unanswered.is_empty() {
            return Reason::Unknown;
        }
        match &self.by {
            RefusedBy::NoAllow => Reason::NoAllow(self.row()),
            RefusedBy::Boundary => Reason::Boundary,
            RefusedBy::Deny(policies) => Reason::Deny(policies.clone()),
            RefusedBy::Organization => Reason::Organization,
        }
    }
}

/// What one finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// No policy allows what this row of `USES` needs.
    NoAllow(usize),
    Boundary,
    Deny(BTreeSet<String>),
    Organization,
    Unknown,
}

/// Returns a finding for each thing that refuses something.
/// `who` is the caller's ARN, as it is told.
pub(super) async fn findings(
    context: &Context,
    caller: &Caller,
    who: &str,
    answers: Answers,
) -> Vec<Finding> {
    let boundary = match answers.refusals.iter().any(may_be_of_boundary) {
        true => caller.boundary(context).await,
        false => None,
    };
    let advice = Advice {
        context,
        caller,
        who,
        boundary: boundary.as_deref(),
        allowing: &answers.allowing,
    };
    findings_of(&answers.refusals, &advice)
}

/// The Deny of a boundary is told as a Deny of a policy of its name.
fn may_be_of_boundary(refusal: &Refusal) -> bool {
    matches!(refusal.by, RefusedBy::Boundary | RefusedBy::Deny(_))
}

fn findings_of(refusals: &[Refusal], advice: &Advice<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(Reason, bool), Vec<&Refusal>> = BTreeMap::new();
    for refusal in refusals {
        let (.., is_needed) = USES[refusal.row()];
        let mut reason = refusal.reason();
        if matches!(&reason, Reason::Deny(policies) if advice.is_boundary(policies)) {
            reason = Reason::Boundary;
        }
        // Those that `up` itself needs come first.
        groups
            .entry((reason, !is_needed))
            .or_default()
            .push(refusal);
    }
    groups
        .into_iter()
        .map(|((reason, is_later), refusals)| {
            let finding = finding(&reason, &refusals, advice);
            match is_later && finding.verdict == Verdict::Problem {
                true => Finding {
                    verdict: Verdict::Warning,
                    ..finding
                },
                false => finding,
            }
        })
        .collect()
}

fn finding(reason: &Reason, refusals: &[&Refusal], advice: &Advice<'_>) -> Finding {
    let actions: BTreeSet<&str> = refusals.iter().map(|one| one.action.as_str()).collect();
    let words: Vec<_> = words(refusals);
    let what = format!(
        "{} of the actions of `iam-policy {}`: {}",
        actions.len(),
        words.join("`, `iam-policy "),
        named(&actions)
    );
    let who = advice.who;
    let finding = match reason {
        Reason::NoAllow(row) => {
            let (_, word, _) = USES[*row];
            let text = format!("{who} may not do {what}");
            let finding = advice.on_missing_allow(Finding::problem(SUBJECT, text), word);
            advice.on_own_resources(finding, word)
        }
        Reason::Boundary => {
            let text = format!("{} does not let {who} do {what}", advice.boundary_named());
            advice.on_boundary(Finding::problem(SUBJECT, text), &words)
        }
        Reason::Deny(policies) => {
            let text = format!("{who} is denied {what}");
            advice.on_deny(Finding::problem(SUBJECT, text), policies)
        }
        // The simulation reads conditions of such policies without what they look at, and does not say
        // so (aws-cli issue 10525): an administrator may be refused by it alone.
        Reason::Organization => {
            let text = format!("a policy of the organization seems to deny {who} {what}");
            advice.on_organization(Finding::warning(SUBJECT, text))
        }
        Reason::Unknown => {
            let keys: BTreeSet<_> = refusals.iter().flat_map(|one| &one.unanswered).collect();
            let keys: Vec<_> = keys.into_iter().map(String::as_str).collect();
            let text = format!("cannot tell whether {who} may do {what}");
            let cause = format!(
                "policies look at {}, which IAM is not told",
                keys.join(", ")
            );
            return super::unknown(text).because(cause);
        }
    };
    about_what_is_absent(finding, refusals, advice)
}

/// Adds what policies look at, perhaps in vain.
fn about_what_is_absent(finding: Finding, refusals: &[&Refusal], advice: &Advice<'_>) -> Finding {
    let absent: BTreeSet<_> = refusals.iter().flat_map(|one| &one.absent).collect();
    let tags: Vec<_> = absent
        .iter()
        .filter_map(|key| circumstances::request_tag(key))
        .collect();
    let mut finding = finding;
    let is_of_tags = !tags.is_empty();
    if is_of_tags {
        let cause = format!(
            "policies look at tags that are not set: {}",
            tags.join(", ")
        );
        finding = advice.on_tags(finding.also_because(&cause), &tags);
    }
    if refusals.iter().any(|one| one.may_want_boundary()) {
        return advice.on_boundary_of_roles(finding);
    }
    match !is_of_tags && may_be_of_place(refusals) {
        true => advice.on_place_of_roles(finding),
        false => finding,
    }
}

/// Returns whether it may be the place that is refused: who may do nothing is refused more than roles.
fn may_be_of_place(refusals: &[&Refusal]) -> bool {
    let is_of_iam = |one: &&Refusal| one.action.starts_with("iam:");
    let is_at_a_place = |one: &&Refusal| AT_A_PLACE.contains(&one.action.as_str());
    refusals.iter().all(is_of_iam) && refusals.iter().any(is_at_a_place)
}

/// Returns the uses of refusals, as `hpcapi iam-policy` calls them.
fn words(refusals: &[&Refusal]) -> Vec<&'static str> {
    let rows: BTreeSet<_> = refusals.iter().map(|one| one.row()).collect();
    rows.into_iter().map(|row| USES[row].1).collect()
}

fn named(actions: &BTreeSet<&str>) -> String {
    let first: Vec<_> = actions.iter().take(NAMED).copied().collect();
    match actions.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{}, and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(action: &str, by: RefusedBy, keys: &[&str]) -> Refusal {
        let own = BTreeSet::from(["ec2:createaction".to_owned()]);
        let unanswered = keys.iter().map(ToString::to_string).collect();
        let refused = Refused { by, unanswered };
        Refusal::new(Use::Pcluster, action.to_owned(), refused, &own)
    }

    /// IAM names the keys of every statement: those that hpcapi answers where they are there say
    /// nothing.
    #[test]
    fn a_key_that_nobody_answers_leaves_it_open_and_one_that_is_not_there_does_not() {
        let known = ["ec2:CreateAction", "aws:RequestTag/Owner", "aws:TagKeys"];
        let it = refusal("ec2:CreateVpc", RefusedBy::NoAllow, &known);
        assert_eq!(it.reason(), Reason::NoAllow(2));
        assert_eq!(it.absent.len(), 3);
        let deny = RefusedBy::Deny(BTreeSet::new());
        let it = refusal("ec2:CreateVpc", deny, &["aws:SourceIp", "aws:TagKeys"]);
        assert_eq!(it.reason(), Reason::Unknown);
        assert_eq!(it.unanswered, BTreeSet::from(["aws:SourceIp".to_owned()]));
    }

    #[test]
    fn what_makes_a_role_may_want_a_boundary() {
        let keys = ["iam:PermissionsBoundary"];
        let deny = || RefusedBy::Deny(BTreeSet::new());
        assert!(refusal("iam:CreateRole", deny(), &keys).may_want_boundary());
        assert!(!refusal("iam:CreateRole", deny(), &[]).may_want_boundary());
        assert!(!refusal("iam:GetRole", deny(), &keys).may_want_boundary());
    }

    #[test]
    fn who_is_refused_only_roles_may_make_them_at_another_place() {
        let refused = |actions: &[&str]| {
            let all = actions
                .iter()
                .map(|it| refusal(it, RefusedBy::NoAllow, &[]));
            let all: Vec<_> = all.collect();
            may_be_of_place(&all.iter().collect::<Vec<_>>())
        };
        assert!(refused(&["iam:CreateRole"]));
        assert!(refused(&["iam:CreateInstanceProfile", "iam:PassRole"]));
        assert!(!refused(&["iam:GetRole"]));
        assert!(!refused(&["iam:CreateRole", "ec2:RunInstances"]));
    }

    #[test]
    fn many_denied_actions_are_counted_and_few_are_named() {
        let actions: Vec<_> = (10..20).map(|number| format!("ec2:Act{number}")).collect();
        let text = named(&actions.iter().map(String::as_str).collect());
        assert!(text.starts_with("ec2:Act10, ec2:Act11"), "{text}");
        assert!(text.ends_with("ec2:Act17, and 2 more"), "{text}");
    }
}
