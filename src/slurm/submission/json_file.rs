//! Jobs in JSON, as the old and the new versions of the API write them.

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};

use super::Description;
use super::fields::field;
use super::json_fields::put_field;

/// Reads `{"script": …, "job": {…}}`, with the script at the top or in the job; or `jobs`, the
/// components of a heterogeneous one. The error tells all that is wrong.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Description> {
    let document: Json = serde_json::from_slice(bytes)
        .map_err(|error| Error::usage(format!("`{file}` is no JSON")).because(error))?;
    let wrong = |why: String| Error::usage(format!("{file}: {why}"));
    let top = document
        .as_object()
        .ok_or_else(|| wrong("it is no JSON object".to_owned()))?;
    let mut faults: Vec<Error> = top
        .keys()
        .filter(|key| !matches!(key.as_str(), "job" | "jobs" | "script"))
        .map(|key| {
            let error = wrong(format!("the server would leave out `{key}`"));
            match field(key).is_some() || key == "ntasks" {
                true => error.hint(format!(
                    "it belongs into `job`: {{\"job\": {{\"{key}\": …}}}}"
                )),
                false => error.hint("a job file has `job` and `script`"),
            }
        })
        .collect();
    let none = Map::new();
    let jobs: Vec<&Map<String, Json>> = match (top.get("job"), top.get("jobs")) {
        (Some(_), Some(_)) => {
            return Err(wrong("it has both `job` and `jobs`".to_owned())
                .hint("`jobs` are the components of one heterogeneous job"));
        }
        (None, None) => vec![&none],
        (Some(job), None) => vec![
            job.as_object()
                .ok_or_else(|| wrong("`job` is no JSON object".to_owned()))?,
        ],
        (None, Some(jobs)) => jobs
            .as_array()
            .and_then(|jobs| jobs.iter().map(Json::as_object).collect::<Option<_>>())
            .filter(|jobs: &Vec<_>| !jobs.is_empty())
            .ok_or_else(|| wrong("`jobs` is no list of JSON objects".to_owned()))?,
    };
    let script = script(top.get("script"), jobs[0].get("script")).map_err(wrong)?;
    let mut components = jobs.into_iter().enumerate().map(|(at, job)| {
        let place = match at {
            0 => file.to_owned(),
            at => format!("{file}: `jobs[{at}]`"),
        };
        let mut description = Description::empty(file, String::new());
        for (key, value) in job.iter().filter(|(key, _)| at > 0 || *key != "script") {
            if let Err((why, hint)) = put_field(&mut description, key, value) {
                let error = Error::usage(format!("{place}: {why}"));
                faults.push(hint.into_iter().fold(error, Error::hint));
            }
        }
        description
    });
    let first = components.next().unwrap_or_default();
    let description = Description {
        script,
        others: components.collect(),
        ..first
    };
    match Error::all(faults) {
        Some(all) => Err(all),
        None => Ok(description),
    }
}

fn script(top: Option<&Json>, inner: Option<&Json>) -> Result<String, String> {
    let text = |json: Option<&Json>| match json {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("`script` is no text".to_owned()),
    };
    match (text(top)?, text(inner)?) {
        (Some(top), Some(inner)) if top != inner => {
            Err("there are two scripts, at the top and in `job`, and they differ".to_owned())
        }
        (Some(script), _) | (None, Some(script)) => Ok(script),
        (None, None) => Err("there is no `script`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;

    fn read_job(job: &str) -> Result<Description> {
        let json = format!(r##"{{"script": "#!/bin/sh\ntrue\n", "job": {job}}}"##);
        Description::read("f", json.as_bytes())
    }

    fn sent(job: &str, version: u32) -> Json {
        let body = read_job(job).unwrap().body(ApiVersion::new(version));
        body.unwrap()["job"].clone()
    }

    fn refused(job: &str) -> String {
        read_job(job).unwrap_err().to_string()
    }

    #[test]
    fn mails_are_read_as_the_option_is() {
        for job in [
            r#"{"mail_type": "ALL"}"#,
            r#"{"mail_type": ["all"]}"#,
            r#"{"mail_type": ["BEGIN", "END", "FAIL", "REQUEUE", "INVALID_DEPENDENCY", "STAGE_OUT"]}"#,
        ] {
            let types = sent(job, 42)["mail_type"].clone();
            assert_eq!(types.as_array().unwrap().len(), 6, "{types}");
            assert_eq!(types[4], "INVALID_DEPENDENCY");
        }
        assert_eq!(
            sent(r#"{"mail_type": ["TIME=80%"]}"#, 38)["mail_type"],
            "TIME_LIMIT_80"
        );
        assert!(refused(r#"{"mail_type": "END,SOMETIMES"}"#).contains("`SOMETIMES`"));
        assert!(refused(r#"{"mail_type": "SOMETIMES"}"#).contains("`mail_type`"));
    }

    #[test]
    fn numbers_that_mean_others_are_refused() {
        for job in [
            r#"{"tasks": -1}"#,
            r#"{"cpus_per_task": -3}"#,
            r#"{"cpus_per_task": 65534}"#,
            r#"{"time_limit": -5}"#,
        ] {
            assert!(refused(job).contains("should be 0 to"), "{job}");
        }
        assert_eq!(sent(r#"{"nice": -5}"#, 42)["nice"], -5);
        assert_eq!(
            sent(r#"{"time_limit": 0}"#, 42)["time_limit"]["infinite"],
            true
        );
    }

    #[test]
    fn fields_that_a_version_knows_are_handed_on() {
        let job =
            r#"{"maximum_cpus": 4, "user_id": 1000, "x11": ["FIRST_NODE"], "site_factor": 5}"#;
        let sent = sent(job, 42);
        assert_eq!(
            (&sent["maximum_cpus"], &sent["user_id"]),
            (&4.into(), &"1000".into())
        );
        assert!(read_job(job).unwrap().body(ApiVersion::new(38)).is_err());
    }

    #[test]
    fn fields_of_old_versions_are_read_like_options() {
        let job = r#"{"gpus_per_socket": 1, "memory_per_gpu": 1024, "no_kill": true, "spread_job": true,
            "kill_on_invalid_dependency": true, "signal": "B:usr1@5", "get_user_environment": false}"#;
        let new = sent(job, 42);
        assert_eq!(new["tres_per_socket"], "gres/gpu:1");
        assert_eq!(new["memory_per_tres"], "gres/gpu:1024");
        assert_eq!(new["kill_on_node_fail"], false);
        assert_eq!(new["kill_warning_signal"], "USR1");
        assert_eq!(
            new["flags"].as_array().unwrap().len(),
            2,
            "{}",
            new["flags"]
        );
        assert!(refused(r#"{"kill_warning_signal": "FOO"}"#).contains("`kill_warning_signal`"));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let message = refused(r#"{"time_limitt": 5, "tasks": "x", "memory_per_node": "4Q"}"#);
        for field in ["`time_limitt`", "`tasks`", "`memory_per_node`"] {
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn what_is_no_job_is_told_as_such() {
        let error = |bytes: &[u8]| Description::read("f", bytes).unwrap_err().to_string();
        assert!(error(b"[{}]").contains("JSON list"));
        assert!(error(b"\xef\xbb\xbf{}").contains("byte order mark"));
        assert!(error(br#"{"job": {}, "jobs": []}"#).contains("both"));
        assert!(error(br#"{"jobs": {}}"#).contains("no list"));
    }
}
