//! Values of fields, and how a version of the API writes them.

use serde_json::{Value as Json, json};

use crate::slurm::ApiVersion;

use super::fields::Kind;

/// The first version that writes a number that may be missing as a struct, and words as a list.
const STRUCTS: ApiVersion = ApiVersion::new(39);

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Number(i64),
    Unlimited,
    Words(Vec<String>),
    Other(Json),
}

impl Value {
    /// Returns a number that is not negative.
    pub(super) fn number(number: u64) -> Value {
        Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Reads what a JSON file holds for a field; the error says what it should be.
    pub(super) fn read(kind: Kind, json: &Json) -> Result<Option<Value>, &'static str> {
        if json.is_null() {
            return Ok(None);
        }
        let value = match (kind, json) {
            (Kind::Text, Json::String(text)) => Value::Text(text.clone()),
            (Kind::Text, Json::Number(number)) => Value::Text(number.to_string()),
            (Kind::Text, _) => return Err("a text"),
            (Kind::Flag, Json::Bool(flag)) => Value::Flag(*flag),
            (Kind::Flag, _) => return Err("true or false"),
            (Kind::Number | Kind::Limit, Json::Object(_)) => return from_struct(kind, json),
            (Kind::Number | Kind::Limit, json) => whole(json).ok_or("a whole number")?,
            (Kind::Words, Json::String(text)) => {
                let words = text.split(',').filter(|word| !word.is_empty());
                Value::Words(words.map(ToOwned::to_owned).collect())
            }
            (Kind::Words | Kind::List, Json::Array(list)) => {
                let words: Option<Vec<String>> = list
                    .iter()
                    .map(|word| word.as_str().map(ToOwned::to_owned))
                    .collect();
                Value::Words(words.ok_or("a list of texts")?)
            }
            (Kind::Words, _) => return Err("a text or a list of texts"),
            (Kind::List, _) => return Err("a list of texts"),
            (Kind::Other, json) => Value::Other(json.clone()),
        };
        Ok(Some(value))
    }

    /// Writes the value as a version of the API wants it.
    pub(super) fn write(&self, kind: Kind, version: ApiVersion) -> Json {
        let is_struct = kind == Kind::Limit && version >= STRUCTS;
        match self {
            Value::Text(text) => json!(text),
            Value::Flag(flag) => json!(flag),
            Value::Number(number) if is_struct => {
                json!({"set": true, "infinite": false, "number": number})
            }
            Value::Number(number) => json!(number),
            Value::Unlimited if is_struct => json!({"set": false, "infinite": true, "number": 0}),
            // INFINITE of Slurm, in 32 bits.
            Value::Unlimited => json!(u32::MAX),
            Value::Words(words) if kind == Kind::Words && version < STRUCTS => {
                json!(words.join(","))
            }
            Value::Words(words) => json!(words),
            Value::Other(json) => json.clone(),
        }
    }
}

/// Reads `{set, infinite, number}`, of which any part may be missing.
fn from_struct(kind: Kind, json: &Json) -> Result<Option<Value>, &'static str> {
    let what = "a number, or {\"set\": true, \"infinite\": false, \"number\": …}";
    let is_known = |key: &String| matches!(key.as_str(), "set" | "infinite" | "number");
    let object = json.as_object().ok_or(what)?;
    let flag = |key: &str, default| match object.get(key) {
        None => Ok(default),
        Some(value) => value.as_bool().ok_or(what),
    };
    if !object.keys().all(is_known) {
        return Err(what);
    }
    let is_infinite = flag("infinite", false)?;
    let is_set = flag("set", object.contains_key("number"))?;
    if is_infinite {
        return match kind {
            Kind::Limit => Ok(Some(Value::Unlimited)),
            _ => Err("a number: it cannot be infinite"),
        };
    }
    if !is_set {
        return Ok(None);
    }
    object.get("number").and_then(whole).map(Some).ok_or(what)
}

fn whole(json: &Json) -> Option<Value> {
    match json {
        Json::Number(number) => {
            let exact = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it has no fraction and fits"
            )]
            let from_float = exact.map(|float| float as i64);
            number.as_i64().or(from_float).map(Value::Number)
        }
        Json::String(text) => text.trim().parse().ok().map(Value::Number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_every_shape() {
        let read = |json: Json| Value::read(Kind::Limit, &json);
        assert_eq!(read(json!(5)), Ok(Some(Value::Number(5))));
        assert_eq!(read(json!("5")), Ok(Some(Value::Number(5))));
        assert_eq!(read(json!({"number": 5})), Ok(Some(Value::Number(5))));
        assert_eq!(read(json!({"infinite": true})), Ok(Some(Value::Unlimited)));
        assert_eq!(read(json!({"set": false})), Ok(None));
        assert_eq!(read(json!(null)), Ok(None));
        for wrong in [
            json!(1.5),
            json!(true),
            json!("x"),
            json!({"numbre": 5}),
            json!({"set": true}),
        ] {
            assert!(read(wrong).is_err());
        }
    }

    #[test]
    fn a_value_is_written_as_its_version_wants_it() {
        let (old, new) = (ApiVersion::new(38), ApiVersion::new(42));
        let words = Value::Words(vec!["END".to_owned(), "FAIL".to_owned()]);
        assert_eq!(words.write(Kind::Words, old), json!("END,FAIL"));
        assert_eq!(words.write(Kind::Words, new), json!(["END", "FAIL"]));
        assert_eq!(Value::Number(5).write(Kind::Limit, old), json!(5));
        assert_eq!(Value::Number(5).write(Kind::Limit, new)["number"], 5);
        assert_eq!(Value::Number(5).write(Kind::Number, new), json!(5));
    }
}
