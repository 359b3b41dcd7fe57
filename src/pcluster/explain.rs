//! ParallelCluster's findings, told with the line of the user's configuration they are about.

use crate::error::Error;

use super::config::ClusterConfig;
use super::refusal::{Problem, Refusal};

/// Returns the error of a configuration that `pcluster` refuses: every finding, with its line.
pub fn config_error(config: &ClusterConfig, refusal: Refusal) -> Error {
    if refusal.problems.is_empty() {
        return match line_named_in(config, &refusal.message) {
            Some(line) => {
                let place = config.place(Some(line));
                Error::usage(format!("{place}: pcluster refuses the configuration"))
                    .because(refusal.message)
            }
            None => refusal.into(),
        };
    }
    if let Some((problem, hint)) = refusal.unanswered() {
        return Error::failed("pcluster could not ask AWS about the configuration")
            .because(problem.message.clone())
            .hint(hint);
    }
    let mut problems: Vec<_> = refusal.problems.iter().collect();
    problems.sort_by_key(|problem| (!problem.is_error(), line_of(config, problem)));
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| {
            let level = if problem.is_error() { "" } else { "warning: " };
            told(config, problem, level)
        })
        .collect();
    let file = config.file().display();
    Error::usage(format!("pcluster refuses the configuration `{file}`")).because(lines.join("\n"))
}

/// Returns a finding as one sentence that begins with its file and line: `my.yaml:12: …`.
pub fn sentence(config: &ClusterConfig, problem: &Problem) -> String {
    told(config, problem, "")
}

/// Returns the sentence with a word for how much it weighs.
fn told(config: &ClusterConfig, problem: &Problem, level: &str) -> String {
    let message = problem.message.trim_end_matches('.');
    let place = config.place(line_of(config, problem));
    match &problem.path {
        Some(path) => format!("{place}: {level}{path}: {message}"),
        None => format!("{place}: {level}{message} ({})", problem.validator),
    }
}

fn line_of(config: &ClusterConfig, problem: &Problem) -> Option<usize> {
    match &problem.path {
        Some(path) => config.line_of(path),
        None => line_named_in(config, &problem.message),
    }
}

/// Returns the line of what a message names: of an object in S3 its address, of anything else the
/// value, or the setting of Slurm, that stands in the message whole, and only once in the
/// configuration. The longest counts.
fn line_named_in(config: &ClusterConfig, message: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || "-_./:".contains(c);
    let words: Vec<_> = message
        .split(|c| !is_word(c))
        .map(|word| word.trim_matches(|c| ".:".contains(c)))
        .collect();
    let is_named = |text: &str| text.len() > 3 && words.contains(&text);
    let is_address = |text: &str| {
        let parts = text.strip_prefix("s3://").and_then(|it| it.split_once('/'));
        parts.is_some_and(|(bucket, key)| is_named(bucket) && words.contains(&key))
    };
    config
        .values()
        .filter(|value| is_named(value) || is_address(value))
        .chain(config.slurm_settings().filter(|key| is_named(key)))
        .max_by_key(|text| text.len())
        .and_then(|text| config.line_of_word(text))
}

#[cfg(test)]
mod tests {
    use super::super::answer::dry_run;
    use super::*;

    fn refused(config: &str, answer: &str) -> String {
        let config = ClusterConfig::parse(config, "my.yaml".as_ref()).unwrap();
        let refusal = dry_run(Some(1), answer.as_bytes(), b"").unwrap_err();
        let error = config_error(&config, refusal);
        format!("{error}\n{}", std::error::Error::source(&error).unwrap())
    }

    #[test]
    fn a_schema_finding_is_told_with_its_line() {
        let answer = r#"{"configurationValidationErrors": [{"level": "ERROR", "type": "ConfigSchemaValidator",
            "message": "[('Image', {'Os': ['Must be one of: alinux2023.']}), ('HeadNode', ['Missing data for required field.'])]"}],
            "message": "Invalid cluster configuration."}"#;
        assert_eq!(
            refused("# mine\nImage:\n  Os: alinux2\n", answer),
            "pcluster refuses the configuration `my.yaml`\n\
             my.yaml:2: HeadNode: Missing data for required field\n\
             my.yaml:3: Image.Os: Must be one of: alinux2023"
        );
    }

    #[test]
    fn a_warning_is_told_as_one_beside_errors_alone() {
        let config = ClusterConfig::parse("A: 1\nB: t3.small\n", "my.yaml".as_ref()).unwrap();
        let answer = r#"{"configurationValidationErrors": [{"level": "ERROR", "type": "X",
            "message": "t3.small is wrong"}, {"level": "WARNING", "type": "Y",
            "message": "t3.small is old."}], "message": "Invalid cluster configuration."}"#;
        let refusal = dry_run(Some(1), answer.as_bytes(), b"").unwrap_err();
        let warning = sentence(&config, &refusal.problems[1]);
        assert_eq!(warning, "my.yaml:2: t3.small is old (Y)");
        let error = config_error(&config, refusal);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            cause,
            "my.yaml:2: t3.small is wrong (X)\nmy.yaml:2: warning: t3.small is old (Y)"
        );
    }

    #[test]
    fn what_aws_did_not_answer_is_no_fault_of_the_configuration() {
        let config = ClusterConfig::parse("A: t3.small\n", "my.yaml".as_ref()).unwrap();
        let answer = r#"{"configurationValidationErrors": [{"level": "ERROR", "type": "KeyPairValidator",
            "message": "Request has expired"}, {"level": "ERROR", "type": "HeadNodeLaunchTemplateValidator",
            "message": "Unable to validate configuration parameters for instance type t3.small. Request has expired"}],
            "message": "Invalid cluster configuration."}"#;
        let refusal = dry_run(Some(1), answer.as_bytes(), b"").unwrap_err();
        let error = config_error(&config, refusal);
        assert_eq!(error.kind(), crate::error::Kind::Failed);
        assert!(
            error.hints()[0].to_string().contains("sign in"),
            "{error:?}"
        );
    }

    #[test]
    fn a_finding_about_a_value_is_told_with_the_values_line() {
        let answer = r#"{"message": "Invalid cluster configuration: The following supplied instance types do not exist: [t3.nonexistent]"}"#;
        let text = refused("HeadNode:\n  InstanceType: t3.nonexistent\n", answer);
        assert!(text.starts_with("my.yaml:2: "), "{text}");
    }

    #[test]
    fn an_object_in_s3_and_a_setting_of_slurm_have_the_line_where_they_stand() {
        let config = "HeadNode:\n  Iam:\n    S3Access: [BucketName: assets-of-mine]\n  X:\n  - \
                      Script: s3://assets-of-mine/a/setup.sh\nScheduling:\n  SlurmQueues:\n  - \
                      Name: queue1\n    CustomSlurmSettings:\n      OverSubscribe: FORCE\n";
        let config = ClusterConfig::parse(config, "my.yaml".as_ref()).unwrap();
        let line = |message| line_named_in(&config, message);
        let missing = "Failed when accessing object 'a/setup.sh' from bucket 'assets-of-mine'. \
                       This can be due to 'a/setup.sh' not found in 'assets-of-mine'";
        assert_eq!(line(missing), Some(5));
        let denied = "Using the following custom Slurm settings at Queue level is not allowed: \
                      OverSubscribe";
        assert_eq!(line(denied), Some(10));
    }
}
