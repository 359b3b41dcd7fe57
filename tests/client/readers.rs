//! The readers of lists, over answers of real servers with something changed in them: they read
//! the list but for what is not understood or fail, and never panic. `PROPTEST_CASES=100000` makes it a long run.

use std::collections::BTreeSet;
use std::time::Duration;

use hpcapi::error::Error;
use hpcapi::slurm::Token;
use hpcapi::slurm::client::{Layer, Reply, Request, offered, refusal};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::command::token;
use crate::recorded_answers::{BENCH, Case, LISTS, RECORDED};

fn cases() -> impl Strategy<Value = Case> {
    (0..RECORDED.len(), 0..LISTS.len()).prop_map(|(version, list)| Case { version, list })
}

/// Any JSON, with the values that Slurm's numbers and words come in more often than others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just(0),
            Just(-1),
            Just(4_294_967_294_i64),
            Just(4_294_967_295)
        ]
        .prop_map(Value::from),
        any_words().prop_map(Value::from),
        Just(json!({"set": true, "infinite": false, "number": 7})),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            Just("set".to_owned()),
            Just("number".to_owned()),
            Just("jobs".to_owned()),
            any_words()
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Returns a place in `value`, some way down.
fn place<'a>(mut value: &'a mut Value, way: &[Index]) -> &'a mut Value {
    for next in way {
        let length = match value {
            Value::Array(list) => list.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        if length == 0 {
            break;
        }
        let at = next.index(length);
        value = match value {
            Value::Array(list) => &mut list[at],
            Value::Object(fields) => fields.values_mut().nth(at).unwrap(),
            _ => unreachable!("it has a length"),
        };
    }
    value
}

/// Adds a field to every object.
fn widen(value: &mut Value, name: &str, new: &Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| widen(one, name, new)),
        Value::Object(fields) => {
            fields
                .values_mut()
                .for_each(|field| widen(field, name, new));
            fields.insert(name.to_owned(), new.clone());
        }
        _ => {}
    }
}

/// Any text, with what moves a terminal's cursor more often than other text has it.
fn any_words() -> impl Strategy<Value = String> {
    let moving = prop_oneof![
        Just('\u{1b}'),
        Just('\u{9b}'),
        Just('\r'),
        Just('\n'),
        Just('\u{8}')
    ];
    let words = proptest::collection::vec(prop_oneof![any::<char>(), moving], 0..12);
    words.prop_map(String::from_iter)
}

/// Fails unless an error says what to do next.
fn is_helpful(error: &Error) -> Result<(), TestCaseError> {
    prop_assert!(!error.hints().is_empty(), "{}", error);
    Ok(())
}

#[test]
fn what_was_recorded_is_read_whole_and_alike_in_every_version() {
    BENCH.with(|bench| {
        for list in 0..LISTS.len() {
            let read = |version| {
                let case = Case { version, list };
                let answer = bench.recorded(case);
                let read = bench.read(case, answer.to_string().into_bytes()).unwrap();
                assert_eq!(read.len(), answer[case.list()].as_array().unwrap().len());
                read
            };
            let [oldest, old, newer, newest] = [0, 1, 2, 3].map(read);
            assert_eq!(newer, newest, "of one cluster");
            let names = |list: &[Value]| {
                let names = list.iter().map(|one| one["name"].to_string());
                names.collect::<BTreeSet<_>>()
            };
            assert_eq!(names(&oldest), names(&old), "of one cluster");
            assert_eq!(names(&old), names(&newer), "both ran the same");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_element_is_read_or_the_list_is_refused(
        case in cases(),
        changes in proptest::collection::vec(
            (proptest::collection::vec(any::<Index>(), 1..5), any_json()), 1..4),
    ) {
        BENCH.with(|bench| {
            let mut answer = bench.recorded(case);
            let list = answer[case.list()].as_array_mut().unwrap();
            let ids: Vec<_> = list.iter().map(|one| one["job_id"].clone()).collect();
            let changed = changes.len();
            for (way, value) in changes {
                let at = way[0].index(list.len());
                *place(&mut list[at], &way[1..]) = value;
            }
            // Two jobs of one number are one job.
            for (element, id) in list.iter_mut().zip(ids) {
                if element["job_id"].is_number() {
                    element["job_id"] = id;
                }
            }
            let count = list.len();
            match bench.read(case, answer.to_string().into_bytes()) {
                Ok(read) => {
                    prop_assert!(read.len() <= count && read.len() + changed >= count);
                }
                Err(error) => is_helpful(&error)?,
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_changed_job_is_read_or_refused(
        version in 0..RECORDED.len(),
        at in any::<Index>(),
        way in proptest::collection::vec(any::<Index>(), 1..4),
        value in any_json(),
    ) {
        BENCH.with(|bench| {
            let case = Case { version, list: 0 };
            let mut jobs = bench.recorded(case)["jobs"].as_array().unwrap().clone();
            let at = at.index(jobs.len());
            let mut job = jobs.swap_remove(at);
            job["job_id"] = json!(7);
            *place(&mut job, &way) = value;
            let answer = json!({"jobs": [job], "errors": []}).to_string();
            let [read, _] = bench.read_whole(case, answer.into_bytes());
            match read {
                Ok(read) => prop_assert!(read.as_array().unwrap().len() <= 1),
                Err(error) => is_helpful(&error)?,
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_answer_that_is_cut_off_is_refused(case in cases(), at in any::<Index>()) {
        BENCH.with(|bench| {
            let mut answer = bench.recorded(case).to_string().into_bytes();
            answer.truncate(at.index(answer.len()));
            match bench.read(case, answer) {
                Ok(read) => prop_assert!(false, "{:?}", read),
                Err(error) => is_helpful(&error)?,
            }
            Ok(())
        })?;
    }

    #[test]
    fn fields_that_nobody_knows_change_nothing(
        case in cases(),
        name in "[A-Za-z_]{0,3}[0-9]",
        new in any_json(),
    ) {
        BENCH.with(|bench| {
            let answer = bench.recorded(case);
            let mut wider = answer.clone();
            widen(&mut wider, &name, &new);
            let before = bench.read(case, answer.to_string().into_bytes()).unwrap();
            let after = bench.read(case, wider.to_string().into_bytes());
            prop_assert_eq!(after.map_err(|error| error.to_string()), Ok(before));
            Ok(())
        })?;
    }

    #[test]
    fn a_byte_that_flips_loses_no_other_element(case in cases(), at in any::<Index>(), byte: u8) {
        BENCH.with(|bench| {
            let answer = bench.recorded(case);
            let count = answer[case.list()].as_array().unwrap().len();
            let mut answer = answer.to_string().into_bytes();
            let at = at.index(answer.len());
            answer[at] = byte;
            match bench.read(case, answer) {
                Ok(read) => prop_assert!(read.len() <= count && read.len() + 1 >= count),
                Err(error) => is_helpful(&error)?,
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_json_is_read_or_refused(case in cases(), list in any_json(), around in any_json()) {
        BENCH.with(|bench| {
            for answer in [json!({case.list(): list, "errors": around}), around] {
                let answer = answer.to_string().into_bytes();
                let list = bench.read(case, answer.clone()).err();
                for error in bench.read_whole(case, answer).into_iter().filter_map(Result::err) {
                    is_helpful(&error)?;
                }
                list.iter().try_for_each(is_helpful)?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }

    #[test]
    fn any_refusal_is_told_without_moving_the_cursor(
        status in 100_u16..600,
        body in prop_oneof![
            any::<Vec<u8>>(),
            any_json().prop_map(|json| json.to_string().into_bytes()),
            (any_json(), any_words()).prop_map(|(number, words)| {
                json!({"errors": [{"error": words, "error_number": number}]}).to_string().into_bytes()
            }),
            any_words().prop_map(|words| json!({"message": words}).to_string().into_bytes()),
        ],
        location in proptest::option::of(any_words()),
    ) {
        let reply = Reply { location, ..Reply::new(status, body, Duration::ZERO) };
        let error = refusal(&Request::get("jobs"), &reply, Some(&Token::from(token())));
        is_helpful(&error)?;
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let words = format!("{error} {}", cause.unwrap_or_default());
        prop_assert!(!words.chars().any(char::is_control), "{:?}", words);
        let _ = (Layer::of(&reply).meaning(), offered(&reply.body));
    }
}
