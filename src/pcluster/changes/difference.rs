//! Where two configurations differ: section by section, and in lists of named things by their names, as
//! `pcluster/config/config_patch.py` compares them.

use serde_yaml::{Mapping, Value};

use super::defaults;
use super::policies::{self, Policy};
use super::values;

/// A difference, and what there is to say of its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference<'v> {
    /// The place, with the names of things: `Scheduling.SlurmQueues[queue1].CapacityType`.
    pub(super) path: String,
    /// The kind of place: `Scheduling.SlurmQueues[].CapacityType`.
    pub(super) place: String,
    /// What stands there, and what is to.
    pub(super) from: Option<&'v Value>,
    pub(super) to: Option<&'v Value>,
    /// What ParallelCluster says of it.
    pub(super) policy: Policy,
}

impl Difference<'_> {
    /// Returns the key at the end of the place, without the mark of a list.
    pub(super) fn key(&self) -> &str {
        let key = self.place.rsplit('.').next().unwrap_or_default();
        key.trim_end_matches("[]")
    }

    /// Returns the path of what the key stands in.
    pub(super) fn above(&self) -> &str {
        let end = self.path.len() - self.key().len();
        &self.path[..end]
    }

    /// Returns whether a thing is added to a list, or taken from it.
    pub(super) fn is_of_thing(&self) -> bool {
        self.place.ends_with("[]")
    }

    /// Returns whether it only adds something.
    pub(super) fn is_addition(&self) -> bool {
        self.from.is_none() && self.to.is_some()
    }
}

/// Returns the differences, in the order of `to`; what only `from` has comes behind its neighbours.
pub(super) fn between<'v>(from: &'v Value, to: &'v Value) -> Vec<Difference<'v>> {
    let mut comparison = Comparison { found: Vec::new() };
    let root = Spot {
        path: String::new(),
        place: String::new(),
    };
    comparison.sections(&root, from.as_mapping(), to.as_mapping());
    comparison.found
}

/// A place, with names and without.
struct Spot {
    path: String,
    place: String,
}

impl Spot {
    fn below(&self, key: &str) -> Spot {
        let join = |above: &str| match above {
            "" => key.to_owned(),
            _ => format!("{above}.{key}"),
        };
        Spot {
            path: join(&self.path),
            place: join(&self.place),
        }
    }

    fn thing(&self, name: &str) -> Spot {
        Spot {
            path: format!("{}[{name}]", self.path),
            place: format!("{}[]", self.place),
        }
    }
}

struct Comparison<'v> {
    found: Vec<Difference<'v>>,
}

impl<'v> Comparison<'v> {
    fn sections(&mut self, spot: &Spot, from: Option<&'v Mapping>, to: Option<&'v Mapping>) {
        let keys = |section: Option<&'v Mapping>| section.into_iter().flat_map(Mapping::iter);
        for (key, new) in keys(to) {
            let old = from.and_then(|from| from.get(key));
            self.values(&spot.below(&name(key)), old, Some(new));
        }
        for (key, old) in keys(from) {
            if to.is_none_or(|to| !to.contains_key(key)) {
                self.values(&spot.below(&name(key)), Some(old), None);
            }
        }
    }

    fn values(&mut self, spot: &Spot, from: Option<&'v Value>, to: Option<&'v Value>) {
        let (from, to) = (values::present(from), values::present(to));
        let says_nothing = |value: Option<&Value>| {
            value.is_none_or(|value| defaults::says_nothing(&spot.place, value))
        };
        if values::are_same(from, to) || says_nothing(from) && says_nothing(to) {
            return;
        }
        let known = policies::key(&spot.place);
        let policy = known.map_or(Policy::Unknown, |key| key.policy);
        let is_list = |value: Option<&Value>| value.is_none_or(Value::is_sequence);
        let is_section = policies::is_section(&spot.place);
        let (old, new) = (section(from), section(to));
        match known.and_then(|key| key.name) {
            Some(name) if is_list(from) && is_list(to) => self.things(spot, name, policy, from, to),
            None if is_section && old.is_some() && new.is_some() => self.sections(spot, old, new),
            // What is below it counts, whether it was there before or not.
            None if is_section && policy == Policy::Ignored && (old.is_some() || new.is_some()) => {
                self.sections(spot, old, new);
            }
            _ => self.add(spot, from, to, policy),
        }
    }

    fn things(
        &mut self,
        spot: &Spot,
        key: &str,
        policy: Policy,
        from: Option<&'v Value>,
        to: Option<&'v Value>,
    ) {
        let name_of = |thing: &Value| thing.get(key).and_then(values::text).unwrap_or_default();
        let mut old = things(from);
        let mut new = things(to);
        // One name may stand twice: first goes what is as it was.
        new.retain(|new| {
            let same = old
                .iter()
                .position(|old| values::are_same(Some(old), Some(new)));
            same.map(|same| old.remove(same)).is_none()
        });
        for new in new {
            let name = name_of(new);
            let thing = spot.thing(&name);
            match old.iter().position(|old| name_of(old) == name) {
                Some(at) => self.sections(&thing, old.remove(at).as_mapping(), new.as_mapping()),
                None => self.add(&thing, None, Some(new), policy),
            }
        }
        for old in old {
            self.add(&spot.thing(&name_of(old)), Some(old), None, policy);
        }
    }

    fn add(&mut self, spot: &Spot, from: Option<&'v Value>, to: Option<&'v Value>, policy: Policy) {
        self.found.push(Difference {
            path: spot.path.clone(),
            place: spot.place.clone(),
            from,
            to,
            policy,
        });
    }
}

/// Returns the section, unless it is empty.
fn section(value: Option<&Value>) -> Option<&Mapping> {
    value?.as_mapping().filter(|section| !section.is_empty())
}

/// Returns the things of a list.
fn things(value: Option<&Value>) -> Vec<&Value> {
    let things = value.and_then(Value::as_sequence);
    things.into_iter().flatten().collect()
}

/// Returns a key as it is written.
fn name(key: &Value) -> String {
    values::text(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(from: &str, to: &str) -> Vec<String> {
        let value = |text| serde_yaml::from_str::<Value>(text).unwrap();
        let (from, to) = (value(from), value(to));
        let found = between(&from, &to);
        found.into_iter().map(|found| found.path).collect()
    }

    #[test]
    fn things_are_compared_by_their_names_in_whatever_order_they_stand() {
        let from = "{SharedStorage: [{Name: a, MountDir: /a}, {Name: b, MountDir: /b}]}";
        let to = "{SharedStorage: [{Name: b, MountDir: /c}, {Name: a, MountDir: /a}]}";
        assert_eq!(paths(from, to), ["SharedStorage[b].MountDir"]);
        assert_eq!(paths(from, from), [""; 0]);
    }

    #[test]
    fn a_name_that_stands_twice_stands_for_two_things() {
        let of = |keys: &[&str]| {
            let access = keys
                .iter()
                .map(|key| format!("{{BucketName: b, KeyName: {key}}}"));
            let access: Vec<_> = access.collect();
            format!(
                "{{HeadNode: {{Iam: {{S3Access: [{}]}}}}}}",
                access.join(", ")
            )
        };
        let path = "HeadNode.Iam.S3Access[b]";
        assert_eq!(paths(&of(&["x", "y"]), &of(&["y", "x"])), [""; 0]);
        assert_eq!(paths(&of(&["x", "y"]), &of(&["y"])), [path]);
        let renamed = paths(&of(&["x", "y"]), &of(&["z", "y"]));
        assert_eq!(renamed, [format!("{path}.KeyName")]);
    }

    #[test]
    fn a_section_that_comes_or_goes_is_one_difference_unless_only_its_keys_count() {
        let dcv = "{HeadNode: {Dcv: {Enabled: true, Port: 1}}}";
        assert_eq!(
            paths("{HeadNode: {A: 1}}", dcv).first().unwrap(),
            "HeadNode.Dcv"
        );
        let settings =
            "{Scheduling: {Scheduler: slurm, SlurmSettings: {Dns: {DisableManagedDns: true}}}}";
        assert_eq!(
            paths("{Scheduling: {Scheduler: slurm}}", settings),
            ["Scheduling.SlurmSettings.Dns"]
        );
    }

    #[test]
    fn a_key_that_is_none_of_parallelclusters_is_told_whole() {
        assert_eq!(paths("{Own: {a: 1}}", "{Own: {a: 2}}"), ["Own"]);
    }

    #[test]
    fn what_is_there_of_another_kind_is_a_difference_and_no_reason_to_break() {
        for (from, to) in [
            ("{Tags: [1]}", "{Tags: {a: b}}"),
            ("{HeadNode: 1}", "{HeadNode: {Ssh: {KeyName: a}}}"),
            ("{Tags: [1, [2]]}", "{Tags: [{Key: a}]}"),
        ] {
            assert!(!paths(from, to).is_empty(), "{from}");
        }
        assert_eq!(paths("[]", "{}"), [""; 0]);
    }
}
