//! Changes as people read them.

use serde_yaml::Value;

use super::values;
use super::{Change, Takes};

/// How wide a line is, where the names in it let it.
const COLUMNS: usize = 80;

/// So much of a value is shown, however long its path is.
const LEAST: usize = 12;

/// Returns a line for each change, below a line for each thing that changes take: what takes least comes
/// first.
pub(super) fn lines(changes: &[Change]) -> Vec<String> {
    let mut kinds: Vec<Takes> = changes.iter().map(|change| change.takes).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let lines = kinds.into_iter().flat_map(|kind| {
        let alike = changes.iter().filter(move |change| change.takes == kind);
        std::iter::once(format!("{}:", kind.sentence())).chain(alike.map(line))
    });
    lines.collect()
}

/// Returns a change as one line; long values are cut.
fn line(change: &Change) -> String {
    let path = &change.path;
    let is_whole = |value: &Value| value.is_mapping();
    match (&change.from, &change.to) {
        (None, Some(to)) if is_whole(to) => format!("  {path}: added"),
        (Some(from), None) if is_whole(from) => format!("  {path}: removed"),
        (from, to) => {
            let taken = format!("  {path}:  -> ").chars().count();
            let each = (COLUMNS.saturating_sub(taken) / 2).max(LEAST);
            let written = |value: &Option<Value>| match value {
                Some(value) => cut(&one_line(value), each),
                None => "(none)".to_owned(),
            };
            format!("  {path}: {} -> {}", written(from), written(to))
        }
    }
}

/// Returns the value in one line, as YAML has it between brackets.
fn one_line(value: &Value) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match value {
        Value::Sequence(items) => format!("[{}]", joined(items.iter().map(one_line).collect())),
        Value::Mapping(section) => {
            let pairs = section.iter();
            let pairs = pairs.map(|(key, value)| format!("{}: {}", one_line(key), one_line(value)));
            format!("{{{}}}", joined(pairs.collect()))
        }
        Value::Tagged(tagged) => one_line(&tagged.value),
        _ => values::text(value).unwrap_or_default().replace('\n', " "),
    }
}

/// Returns at most so many characters, the last of which says that there are more.
fn cut(text: &str, length: usize) -> String {
    match text.chars().count() > length {
        true => text.chars().take(length - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes;
    use super::*;

    #[test]
    fn changes_stand_below_what_they_take_and_long_values_are_cut() {
        let document = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
        let from = document(
            "{Image: {Os: rhel9}, HeadNode: {CustomActions: {OnNodeUpdated: {Args: [one]}}}, \
             Scheduling: {SlurmQueues: [{Name: queue1, ComputeResources: [{Name: t3micro, \
             MaxCount: 10}]}]}}",
        );
        let argument = "x".repeat(100);
        let to = document(&format!(
            "{{Image: {{Os: rocky9}}, HeadNode: {{CustomActions: {{OnNodeUpdated: {{Args: \
             [{argument}]}}}}}}, Scheduling: {{SlurmQueues: [{{Name: queue1, ComputeResources: \
             [{{Name: t3micro, MaxCount: 20}}]}}, {{Name: queue2}}]}}}}"
        ));
        let lines = lines(&changes(&from, &to));
        let cut = format!(
            "  HeadNode.CustomActions.OnNodeUpdated.Args: [one] -> [{}…",
            "x".repeat(13)
        );
        assert_eq!(
            lines,
            [
                "live:",
                &cut,
                "  Scheduling.SlurmQueues[queue1].ComputeResources[t3micro].MaxCount: 10 -> 20",
                "  Scheduling.SlurmQueues[queue2]: added",
                "a new cluster (--replace-cluster):",
                "  Image.Os: rhel9 -> rocky9",
            ]
        );
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS));
    }
}
