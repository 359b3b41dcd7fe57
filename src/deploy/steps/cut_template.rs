//! A template less some of its resources: an update to it and back makes these anew, whatever became
//! of them outside of CloudFormation, and leaves the others as they are.

/// Returns the template without these resources and without those that refer to them.
pub(super) fn without(template: &str, resources: &[&str]) -> String {
    let mut cut: Vec<String> = resources.iter().map(ToString::to_string).collect();
    let blocks: Vec<Block> = blocks(template).collect();
    loop {
        let more = blocks.iter().filter_map(|block| block.resource);
        let more: Vec<_> = more
            .filter(|name| !cut.iter().any(|it| it == name))
            .collect();
        let refers = |name: &&&str| {
            let block = blocks.iter().find(|block| block.resource == Some(**name));
            block.is_some_and(|block| cut.iter().any(|gone| refers_to(block.text, gone)))
        };
        let Some(next) = more.iter().find(refers) else {
            break;
        };
        cut.push((*next).to_owned());
    }
    let kept = blocks.iter().filter(|block| {
        let is_cut = |name: &str| cut.iter().any(|gone| gone == name);
        !block.resource.is_some_and(is_cut)
    });
    kept.map(|block| block.text).collect()
}

/// A resource, or what is between resources.
struct Block<'t> {
    resource: Option<&'t str>,
    text: &'t str,
}

/// Divides a template: each line that is indented by two blanks in `Resources` begins a resource.
fn blocks(template: &str) -> impl Iterator<Item = Block<'_>> {
    let mut starts = vec![(0, None)];
    let mut is_in_resources = false;
    let mut at = 0;
    for line in template.split_inclusive('\n') {
        let words = line.trim_end();
        if !words.is_empty() && !words.starts_with([' ', '#']) {
            is_in_resources = words == "Resources:";
            starts.push((at, None));
        } else if is_in_resources
            && let Some(name) = words
                .strip_prefix("  ")
                .and_then(|rest| rest.strip_suffix(':'))
            && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        {
            starts.push((at, Some(name)));
        }
        at += line.len();
    }
    let ends = starts
        .iter()
        .skip(1)
        .map(|(start, _)| *start)
        .chain([template.len()]);
    let ends: Vec<_> = ends.collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|((start, resource), end)| Block {
            resource,
            text: &template[start..end],
        })
}

/// Returns whether a resource refers to another one.
fn refers_to(block: &str, name: &str) -> bool {
    let lines = block
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let references = ["!Ref ", "!GetAtt ", "${", "DependsOn: "].map(|how| format!("{how}{name}"));
    lines.into_iter().any(|line| {
        references.iter().any(|reference| {
            line.match_indices(reference.as_str()).any(|(at, _)| {
                let rest = &line[at + reference.len()..];
                !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const API: &str = include_str!("../../../templates/api.yaml");

    fn resources(template: &str) -> BTreeSet<String> {
        let parsed: serde_yaml::Value = serde_yaml::from_str(template).unwrap();
        let resources = parsed["Resources"].as_mapping().unwrap();
        resources
            .keys()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect()
    }

    fn gone(cut: &[&str]) -> Vec<String> {
        let all = resources(API);
        all.difference(&resources(&without(API, cut)))
            .cloned()
            .collect()
    }

    #[test]
    fn what_refers_to_a_resource_goes_with_it() {
        let routes = [
            "OpenapiRootRoute",
            "OpenapiRoute",
            "SlurmRoute",
            "SlurmdbRoute",
        ];
        assert_eq!(gone(&["Stage"]), ["Stage"]);
        assert_eq!(gone(&["SlurmRoute"]), ["SlurmRoute"]);
        let mut of_link = vec!["Integration", "VpcLink"];
        of_link.extend(routes);
        of_link.sort_unstable();
        assert_eq!(gone(&["VpcLink"]), of_link);
        let mut of_group = vec!["Integration", "Listener", "TargetGroup"];
        of_group.extend(routes);
        of_group.sort_unstable();
        assert_eq!(gone(&["TargetGroup"]), of_group);
    }

    #[test]
    fn all_else_stays_as_it_is() {
        assert_eq!(without(API, &[]), API);
        let cut: serde_yaml::Value = serde_yaml::from_str(&without(API, &["Stage"])).unwrap();
        let whole: serde_yaml::Value = serde_yaml::from_str(API).unwrap();
        for part in ["Parameters", "Conditions", "Outputs"] {
            assert_eq!(cut[part], whole[part]);
        }
        assert_eq!(cut["Resources"]["HttpApi"], whole["Resources"]["HttpApi"]);
    }
}
