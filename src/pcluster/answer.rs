//! What `pcluster` answers: JSON on stdout for successes and errors alike, with exit code 0
//! or 1 (1 also for a dry run that found nothing wrong), and usage errors as plain text on
//! stderr with exit code 2. Programs that it starts may say a word of their own in between.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;

use super::refusal::{Obstacle, Problem, Refusal};
use super::schema_error;

/// The words with which a dry run says that all is well.
const DRY_RUN_OK: &str = "Request would have succeeded, but DryRun flag is set.";

/// What `create-cluster` and `update-cluster` answer when they have begun, or could begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Findings that keep nothing from being made.
    pub warnings: Vec<Problem>,
}

/// What `describe-cluster` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The cluster status, e.g. `CREATE_FAILED`.
    pub status: String,
    /// Why the creation failed.
    pub failures: Vec<Failure>,
}

/// Why the creation of a cluster failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// ParallelCluster's code, e.g. `HeadNodeBootstrapFailure`.
    #[serde(rename = "failureCode")]
    pub code: String,
    /// Its sentence.
    #[serde(rename = "failureReason", default)]
    pub reason: String,
}

/// Everything an answer may hold. The case of `cloudformationStackStatus` differs between
/// commands, so the stack's status is asked of CloudFormation instead.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    message: Option<String>,
    cluster: Option<IgnoredAny>,
    #[serde(default)]
    configuration_validation_errors: Vec<Finding>,
    #[serde(default)]
    validation_messages: Vec<Finding>,
    #[serde(default)]
    update_validation_errors: Vec<Hindrance>,
    cluster_status: Option<String>,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
struct Finding {
    #[serde(default)]
    level: String,
    #[serde(rename = "type", default)]
    validator: String,
    message: String,
}

/// One of `updateValidationErrors`.
#[derive(Deserialize)]
struct Hindrance {
    #[serde(default)]
    parameter: String,
    #[serde(default)]
    message: String,
}

/// Reads the answer of `create-cluster`, or of `update-cluster`.
pub fn created(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Result<Accepted, Refusal> {
    let document = read(code, stdout, stderr)?;
    if document.cluster.is_none() {
        return Err(unreadable(code, stdout, stderr));
    }
    Ok(Accepted {
        warnings: problems(document.validation_messages),
    })
}

/// Reads the answer of `create-cluster --dryrun true`, or of `update-cluster --dryrun true`.
pub fn dry_run(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Result<Accepted, Refusal> {
    match read(code, stdout, stderr) {
        Err(refusal) if refusal.message == DRY_RUN_OK => Ok(Accepted {
            warnings: refusal.problems,
        }),
        Err(refusal) => Err(refusal),
        // It never says yes this way today; it would mean the same.
        Ok(document) => Ok(Accepted {
            warnings: problems(document.validation_messages),
        }),
    }
}

/// Reads the answer of `describe-cluster`.
pub fn described(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Result<Described, Refusal> {
    let document = read(code, stdout, stderr)?;
    match document.cluster_status {
        Some(status) => Ok(Described {
            status,
            failures: document.failures,
        }),
        None => Err(unreadable(code, stdout, stderr)),
    }
}

/// Reads the answer of `delete-cluster`; a cluster that is not there is deleted.
pub fn deleted(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Result<(), Refusal> {
    match read(code, stdout, stderr) {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.says_absent() => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

fn read(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Result<Document, Refusal> {
    let Some(document) = document(stdout) else {
        return Err(unreadable(code, stdout, stderr));
    };
    if code == Some(0) {
        return Ok(document);
    }
    let findings = document
        .configuration_validation_errors
        .into_iter()
        .chain(document.validation_messages);
    Err(Refusal {
        message: document
            .message
            .unwrap_or_else(|| plain_words(code, stdout, stderr)),
        problems: problems(findings),
        obstacles: obstacles(document.update_validation_errors),
        is_breakdown: false,
    })
}

/// Returns the refusal to take for an answer what is none.
fn unreadable(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Refusal {
    Refusal {
        message: plain_words(code, stdout, stderr),
        problems: Vec::new(),
        obstacles: Vec::new(),
        is_breakdown: true,
    }
}

/// Returns the first JSON document that begins a line, whatever stands around it.
fn document(stdout: &[u8]) -> Option<Document> {
    let text = String::from_utf8_lossy(stdout);
    let starts = text.match_indices('{').map(|(at, _)| at);
    starts
        .filter(|at| *at == 0 || text[..*at].ends_with('\n'))
        .find_map(|at| {
            let documents = serde_json::Deserializer::from_str(&text[at..]);
            documents.into_iter().next()?.ok()
        })
}

fn obstacles(hindrances: Vec<Hindrance>) -> Vec<Obstacle> {
    let obstacle = |Hindrance { parameter, message }| Obstacle {
        path: parameter,
        message,
    };
    hindrances.into_iter().map(obstacle).collect()
}

/// Returns each problem once: of every node that has it, the validators say the same words.
fn problems(findings: impl IntoIterator<Item = Finding>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for problem in findings.into_iter().flat_map(split) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// Returns one problem per thing that is wrong: the schema validator says them all in one.
fn split(finding: Finding) -> Vec<Problem> {
    let Finding {
        level,
        validator,
        message,
    } = finding;
    let problem = |path, message| Problem {
        level: level.clone(),
        validator: validator.clone(),
        path,
        message,
    };
    if validator == "ConfigSchemaValidator"
        && let Some(found) = schema_error::read(&message)
    {
        return found
            .into_iter()
            .map(|(path, message)| problem(Some(path), message))
            .collect();
    }
    vec![problem(None, message)]
}

/// Returns what `pcluster` said without JSON: a usage error, or a Python traceback.
fn plain_words(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> String {
    let words = [stderr, stdout]
        .map(|text| String::from_utf8_lossy(text).trim().to_owned())
        .into_iter()
        .find(|text| !text.is_empty());
    let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
    match words {
        Some(words) => words,
        None => format!("it ended with {code} and said nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command of the real `pcluster` 3.16.1, and what it said.
    struct Recorded {
        title: String,
        verb: String,
        stdout: String,
        stderr: String,
        code: i32,
    }

    fn recorded(text: &str) -> Vec<Recorded> {
        let mut answers = Vec::new();
        let mut title = String::new();
        let mut rest = text.lines();
        while let Some(line) = rest.next() {
            if let Some(line) = line.strip_prefix("--- ") {
                title = line.to_owned();
            }
            let Some(command) = line.strip_prefix("$ pcluster ") else {
                continue;
            };
            let mut said = String::new();
            let code = loop {
                let line = rest.next().expect("a line `rc=`");
                match line.strip_prefix("rc=") {
                    Some(code) => break code.parse().unwrap(),
                    None => said = format!("{said}{line}\n"),
                }
            };
            // Usage errors alone go to stderr.
            let (stdout, stderr) = match code {
                2 => (String::new(), said),
                _ => (said, String::new()),
            };
            answers.push(Recorded {
                title: title.clone(),
                verb: command.to_owned(),
                stdout,
                stderr,
                code,
            });
        }
        answers
    }

    fn told(recorded: &Recorded) -> String {
        let (code, stdout, stderr) = (
            Some(recorded.code),
            recorded.stdout.as_bytes(),
            recorded.stderr.as_bytes(),
        );
        let accepted = |accepted: Accepted| tell("accepted", &accepted.warnings);
        let refused = |refusal: Refusal| {
            let mut text = tell(&refusal.message, &refusal.problems);
            if let Some(hint) = refusal.hint() {
                text += &format!("\n  try: {hint}");
            }
            text
        };
        let answer = match recorded.verb.split_whitespace().next() {
            Some("create-cluster") if recorded.verb.contains("--dryrun") => {
                dry_run(code, stdout, stderr).map(accepted)
            }
            Some("create-cluster") => created(code, stdout, stderr).map(accepted),
            Some("delete-cluster") => {
                deleted(code, stdout, stderr).map(|()| "deleting, or gone".to_owned())
            }
            _ => described(code, stdout, stderr).map(|described| format!("{described:?}")),
        };
        answer.unwrap_or_else(refused)
    }

    fn tell(message: &str, problems: &[Problem]) -> String {
        problems.iter().fold(message.to_owned(), |text, problem| {
            let place = problem.path.as_ref().map(ToString::to_string);
            let place = place.unwrap_or_else(|| format!("({})", problem.validator));
            format!("{text}\n  {} {place}: {}", problem.level, problem.message)
        })
    }

    #[test]
    fn everything_that_the_real_one_says_is_understood() {
        let texts = [
            include_str!("../../tests/pcluster-answers/create-cluster.txt"),
            include_str!("../../tests/pcluster-answers/describe-cluster.txt"),
        ];
        let told: Vec<_> = texts
            .into_iter()
            .flat_map(recorded)
            .map(|answer| format!("{} $ {}\n{}", answer.title, answer.verb, told(&answer)))
            .collect();
        assert!(told.len() > 50, "{}", told.len());
        insta::assert_snapshot!(told.join("\n\n"));
    }

    #[test]
    fn words_of_other_programs_do_not_hide_the_answer() {
        let answer =
            b"!! {node} is old !!\n{\n  \"clusterStatus\": \"CREATE_FAILED\"\n}\nb'!!  As of'\n";
        assert_eq!(
            described(Some(0), answer, b"").unwrap().status,
            "CREATE_FAILED"
        );
    }

    #[test]
    fn what_is_no_answer_is_no_success() {
        for text in ["", "{}", "[]", "{\"message\": 1}", "done\n"] {
            let text = text.as_bytes();
            assert!(created(Some(0), text, b"").is_err());
            assert!(described(Some(0), text, b"").is_err());
            assert!(created(Some(1), text, b"").is_err());
            assert!(dry_run(Some(1), text, b"").is_err());
            assert!(deleted(Some(1), text, b"").is_err());
        }
    }

    #[test]
    fn a_dry_run_that_finds_nothing_ends_with_1_and_is_well() {
        let answer = br#"{"message": "Request would have succeeded, but DryRun flag is set."}"#;
        assert_eq!(dry_run(Some(1), answer, b"").unwrap().warnings, []);
        assert!(created(Some(1), answer, b"").is_err());
    }

    #[test]
    fn what_keeps_a_cluster_from_being_changed_is_told_by_its_place() {
        let answer = br#"{"message": "Update failure",
            "updateValidationErrors": [{"parameter": "Image.Os", "requestedValue": "rhel9",
                "currentValue": "rhel8", "message": "Update actions are not currently supported"}],
            "changeSet": [{"parameter": "Image.Os", "requestedValue": "rhel9", "currentValue": "rhel8"}]}"#;
        let refusal = dry_run(Some(1), answer, b"").unwrap_err();
        assert_eq!(refusal.obstacles[0].path, "Image.Os");
        assert!(refusal.obstacles[0].message.contains("not currently"));
        assert!(!refusal.is_breakdown && refusal.problems.is_empty());
    }

    #[test]
    fn a_usage_error_is_plain_text() {
        let words = b"pcluster create-cluster: error: the following arguments are required";
        let refusal = created(Some(2), b"", words).unwrap_err();
        assert!(refusal.message.contains("arguments are required"));
        assert!(refusal.is_breakdown);
        let refusal = created(None, b"", b"").unwrap_err();
        assert_eq!(refusal.message, "it ended with a signal and said nothing");
    }

    #[test]
    fn a_cluster_that_is_not_there_is_deleted() {
        let answer = br#"{"message": "Cluster 'x' does not exist or belongs to an incompatible ParallelCluster major version."}"#;
        assert!(deleted(Some(1), answer, b"").is_ok());
        assert!(described(Some(1), answer, b"").unwrap_err().says_absent());
        let answer = br#"{"message": "Invalid cluster configuration: The subnet ID 'subnet-1' does not exist"}"#;
        assert!(!described(Some(1), answer, b"").unwrap_err().says_absent());
    }

    #[test]
    fn failures_of_a_failed_cluster_come_with_exit_code_0() {
        let answer = br#"{"clusterStatus": "CREATE_FAILED", "cloudFormationStackStatus": "ROLLBACK_COMPLETE",
            "failures": [{"failureCode": "HeadNodeBootstrapFailure", "failureReason": "Cluster creation timed out."}]}"#;
        let described = described(Some(0), answer, b"").unwrap();
        assert_eq!(described.failures[0].code, "HeadNodeBootstrapFailure");
    }
}
