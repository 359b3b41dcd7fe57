//! When two values of a configuration mean the same.

use serde_yaml::Value;

/// Returns whether two values mean the same; what is not there is as good as `null`.
pub(super) fn are_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let (Some(one), Some(other)) = (present(one), present(other)) else {
        return present(one).is_none() && present(other).is_none();
    };
    match (one, other) {
        (Value::Sequence(one), Value::Sequence(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| are_same(Some(one), Some(other)))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            let covers = |one: &serde_yaml::Mapping, other: &serde_yaml::Mapping| {
                let mut pairs = one.iter();
                pairs.all(|(key, value)| are_same(Some(value), other.get(key)))
            };
            covers(one, other) && covers(other, one)
        }
        _ => match (text(one), text(other)) {
            (Some(one), Some(other)) => without_digest(&one) == without_digest(&other),
            _ => false,
        },
    }
}

/// Returns the value, unless it is none.
pub(super) fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Returns a single value as it is written without quotes.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// Returns the text with the places of node scripts, `/hpcapi/<digest>/`, without their digests: the
/// script is each hpcapi's own.
pub fn without_digest(text: &str) -> String {
    let mut parts = text.split("/hpcapi/");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = match part.split_once('/') {
            Some((digest, rest)) if digest.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
            _ => part,
        };
        text + "/hpcapi/" + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn only_the_digest_of_a_node_script_makes_no_difference() {
        let of = |digest: &str| format!("a: s3://b/hpcapi/{digest}/head-node.sh\nb: x\n");
        assert_eq!(
            without_digest(&of("0123456789abcdef")),
            without_digest(&of("fedcba9876543210"))
        );
        let other = of("0123456789abcdef").replace("b: x", "b: y");
        assert_ne!(
            without_digest(&of("0123456789abcdef")),
            without_digest(&other)
        );
        assert_ne!(without_digest(&of("mine")), without_digest(&of("yours")));
        assert_eq!(without_digest("/hpcapi/"), "/hpcapi/");
    }

    #[test]
    fn quotes_and_the_order_of_keys_mean_nothing_and_the_order_of_items_does() {
        let same = |one, other| are_same(Some(&value(one)), Some(&value(other)));
        assert!(same("a: 1\nb: true", "b: 'true'\na: '1'"));
        assert!(same("a: ~", "{}"));
        assert!(!same("[1, 2]", "[2, 1]"));
        assert!(!same("[1]", "[1, 2]"));
        assert!(!same("a: 1", "b: 1"));
        assert!(!same("[]", "{}"));
        assert!(are_same(None, Some(&Value::Null)));
        assert!(!are_same(None, Some(&value("0"))));
    }
}
