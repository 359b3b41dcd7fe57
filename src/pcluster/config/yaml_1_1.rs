//! Booleans as ParallelCluster's reader of YAML takes them: it is one of YAML 1.1 (PyYAML), for
//! which `yes` and `on` are booleans, too, as long as they stand without quotes.

use saphyr_parser::ScalarStyle;
use serde_yaml::Value;

use super::document_path::{DocumentPath, Segment};
use super::placeholders::repetitions;
use super::scalars::{Contents, Scalar};

/// Makes booleans of the values that are booleans in YAML 1.1 and words in YAML 1.2. Merge keys
/// must not have been applied yet.
pub(super) fn read_booleans(document: &mut Value, contents: &Contents) {
    for scalar in contents.scalars.iter().filter(|it| !it.is_key) {
        let Some(value) = boolean(scalar) else {
            continue;
        };
        let places = repetitions(&scalar.path, &contents.aliases);
        for path in places.iter().chain([&scalar.path]) {
            if let Some(there) = at(document, path) {
                *there = Value::Bool(value);
            }
        }
    }
}

fn boolean(scalar: &Scalar) -> Option<bool> {
    if scalar.style != ScalarStyle::Plain {
        return None;
    }
    match scalar.value.as_str() {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn at<'v>(document: &'v mut Value, path: &DocumentPath) -> Option<&'v mut Value> {
    path.segments()
        .iter()
        .try_fold(document, |value, segment| match segment {
            Segment::Key(key) => value.get_mut(key.as_str()),
            Segment::Index(index) => value.get_mut(*index),
        })
}

#[cfg(test)]
mod tests {
    use super::super::ClusterConfig;

    #[test]
    fn booleans_of_yaml_1_1_are_booleans_without_quotes() {
        let text = "a: yes\nb: 'yes'\nc: [Off, y]\nd: &d {e: &e On}\nf: *d\ng: {<<: *d}\n\
                    h: *e\n";
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let document = config.document();
        assert_eq!(document["a"], true);
        assert_eq!(document["b"], "yes");
        assert_eq!(document["c"][0], false);
        assert_eq!(document["c"][1], "y");
        assert_eq!(document["d"]["e"], true);
        assert_eq!(document["f"]["e"], true);
        assert_eq!(document["g"]["e"], true);
        assert_eq!(document["h"], true);
    }
}
