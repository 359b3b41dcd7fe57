//! That `docs/up.schema.json` says what `up` answers, key by key and type by type.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../docs/up.schema.json");

/// Asserts that a definition of the schema has the keys of an answer with all that it can have, and
/// requires those of one with the least, all of the types that it says.
pub(super) fn assert_describes(name: &str, most: &impl Serialize, least: &impl Serialize) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let definition = &schema["$defs"][name];
    compare(definition, &serde_json::to_value(most).unwrap(), &known);
    compare(definition, &serde_json::to_value(least).unwrap(), &required);
    let reference = format!("#/$defs/{name}");
    let answers = schema["anyOf"].as_array().unwrap().iter();
    assert!(answers.into_iter().any(|one| one["$ref"] == *reference));
}

fn compare(definition: &Value, value: &Value, keys: &dyn Fn(&Value) -> BTreeSet<&str>) {
    assert!(definition["description"].is_string() || definition["type"] == "object");
    let types = match &definition["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let is_one = types.iter().any(|name| is_of_type(value, name));
    assert!(is_one, "{value} is none of {types:?}");
    if let Some(members) = value.as_object() {
        let found: BTreeSet<_> = members.keys().map(String::as_str).collect();
        assert_eq!(found, keys(definition), "{definition:#}");
        for (key, member) in members {
            compare(&definition["properties"][key], member, keys);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        let items = &definition["items"];
        match items["type"] == "object" {
            true => compare(items, item, keys),
            false => assert!(is_of_type(item, items["type"].as_str().unwrap())),
        }
    }
}

fn known(definition: &Value) -> BTreeSet<&str> {
    let properties = definition["properties"].as_object().unwrap();
    properties.keys().map(String::as_str).collect()
}

fn required(definition: &Value) -> BTreeSet<&str> {
    let names = definition["required"].as_array().unwrap();
    names.iter().filter_map(Value::as_str).collect()
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
