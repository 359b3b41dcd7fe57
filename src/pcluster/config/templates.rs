//! Files that are no configuration yet, or no longer: templates whose variables nobody filled, and
//! configurations of ParallelCluster 2. A YAML parser says of them what nobody understands.

use std::path::Path;

use saphyr_parser::ScalarStyle;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::shell::quoted;

use super::document_path::DocumentPath;
use super::scalars::{Contents, Scalar, position};
use super::{STANDARD_INPUT, is_of_this_process};

/// How variables and statements of templates begin and end, and whose they are.
const FORMS: &[(&str, &str, Language)] = &[
    ("{{", "}}", Language::Jinja),
    ("{%", "%}", Language::Jinja),
    ("<%", "%>", Language::Other),
    ("${", "}", Language::Shell),
];

/// What CloudFormation fills by itself, where it reads it.
const DYNAMIC_REFERENCE: &str = "{{resolve:";

/// Places that hold text for others: scripts, services, Slurm, Chef, SSSD. What looks like a
/// variable may be one of theirs.
const TEXTS: &[&str] = &[
    "Args[]",
    "Tags[]",
    "CustomSlurmSettings",
    "ExtraChefAttributes",
    "AdditionalSssdConfigs",
];

/// What renders a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    /// Jinja, Go templates, Mustache.
    Jinja,
    /// `envsubst`, Terraform.
    Shell,
    /// Whatever its author had in mind.
    Other,
}

/// A variable of a template.
struct Variable<'t> {
    /// Where it begins, in bytes of the text that was searched.
    at: usize,
    text: &'t str,
    language: Language,
}

/// Fails on a configuration of ParallelCluster 2, which is no YAML: sections in brackets.
pub(super) fn require_version_3(text: &str, file: &Path) -> Result<()> {
    let lines = text.lines().map(str::trim).enumerate();
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';']));
    let Some((number, section)) = lines.next() else {
        return Ok(());
    };
    let is_section = section.starts_with('[') && section.ends_with(']');
    let is_setting = |line: &str| line.contains('=') && !line.contains(": ");
    if !is_section || !lines.next().is_some_and(|(_, line)| is_setting(line)) {
        return Ok(());
    }
    let error = Error::usage(format!(
        "{}:{}: this is a configuration of ParallelCluster 2, and hpcapi takes those of version 3",
        file.display(),
        number + 1
    ));
    Err(error
        .hint(match typed(file) {
            Some(file) => format!(
                "convert it: pcluster3-config-converter --config-file {file} --output-file \
             version-3.yaml"
            ),
            None => "convert it before it is piped, with pcluster3-config-converter".to_owned(),
        })
        .hint(
            Hint::run(Verb::Config.with("--preset cpu --output my-cluster.yaml"))
                .because("or begin with hpcapi's own"),
        ))
}

/// Returns the error of a template that is no YAML, if `text` is one.
pub(super) fn unrendered(text: &str, file: &Path) -> Option<Error> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = match line.trim_start().starts_with('#') {
            true => "",
            false => line.split(" #").next().unwrap_or(line),
        };
        for mut variable in variables(code) {
            variable.at += start;
            found.push(variable);
        }
        start += line.len();
    }
    error(&found, text, file)
}

/// Fails on the variables of a template that stand where a value belongs; names each.
pub(super) fn require_rendered(contents: &Contents, text: &str, file: &Path) -> Result<()> {
    let mut found = Vec::new();
    for scalar in contents.scalars.iter().filter(|it| !is_text(it)) {
        let start = scalar.content.start;
        let content = &text[scalar.content.clone()];
        for mut variable in variables(content).into_iter().chain(bare(content)) {
            variable.at += start;
            found.push(variable);
        }
    }
    error(&found, text, file).map_or(Ok(()), Err)
}

/// Returns what looks like the variable of a template in a text for others, with its place.
pub(super) fn in_texts(contents: &Contents) -> Vec<(DocumentPath, String)> {
    let texts = contents.scalars.iter().filter(|scalar| is_text(scalar));
    let found = texts.filter_map(|scalar| {
        let variables = variables(&scalar.value);
        let variable = variables.first()?.text.to_owned();
        Some((scalar.path.clone(), variable))
    });
    found.collect()
}

fn is_text(scalar: &Scalar) -> bool {
    let kind = scalar.path.kind();
    matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded)
        || TEXTS.iter().any(|text| kind.contains(text))
}

fn variables(text: &str) -> Vec<Variable<'_>> {
    let mut found = Vec::new();
    for (begin, end, language) in FORMS {
        for (at, _) in text.match_indices(begin) {
            let rest = &text[at..];
            if rest.starts_with(DYNAMIC_REFERENCE) {
                continue;
            }
            let length = rest.find(end).map_or(rest.len(), |found| found + end.len());
            found.push(Variable {
                at,
                text: rest[..length].trim_end(),
                language: *language,
            });
        }
    }
    found.sort_by_key(|variable| variable.at);
    found
}

/// Returns a variable in its short form, `$NAME`, or a word to be replaced, `<your-subnet>`.
fn bare(text: &str) -> Option<Variable<'_>> {
    if text.len() > 2 && text.starts_with('<') && text.ends_with('>') && !text.starts_with("<%") {
        let language = Language::Other;
        return Some(Variable {
            at: 0,
            text,
            language,
        });
    }
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.match_indices('$').find_map(|(at, _)| {
        let name = &text[at + 1..];
        let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
        let is_variable = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
        is_variable.then(|| Variable {
            at,
            text: &text[at..at + 1 + length],
            language: Language::Shell,
        })
    })
}

/// Returns a file as a command can name it; `None` for a pipe, which was read.
fn typed(file: &Path) -> Option<String> {
    let is_pipe = file == Path::new(STANDARD_INPUT) || is_of_this_process(file);
    (!is_pipe).then(|| quoted(&file.display().to_string()))
}

fn error(found: &[Variable<'_>], text: &str, file: &Path) -> Option<Error> {
    let (first, others) = found.split_first()?;
    let name = file.display();
    let at = |variable: &Variable<'_>| {
        let (line, column) = position(text, variable.at);
        format!("{name}:{line}:{column}")
    };
    let error = Error::usage(format!(
        "{}: `{}` is not filled in: this file is a template that was not rendered",
        at(first),
        first.text
    ));
    let error = others.iter().fold(error, |error, other| {
        error.hint(format!("{}: `{}`, too", at(other), other.text))
    });
    Some(error.hint(match (first.language, typed(file)) {
        (Language::Shell, Some(file)) => format!(
            "set the variables and render it: envsubst < {file} > filled.yaml; then --config \
             filled.yaml"
        ),
        (Language::Jinja, Some(file)) => format!(
            "render it, for example with jinja2 {file} variables.yaml > filled.yaml; then \
             --config filled.yaml"
        ),
        (Language::Shell | Language::Jinja, None) => "render it before it is piped".to_owned(),
        (Language::Other, _) => "write a value there; CHANGE_ME where hpcapi has one".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::ClusterConfig;
    use crate::error::Error;

    fn hints(error: &Error) -> Vec<String> {
        error.hints().iter().map(ToString::to_string).collect()
    }

    fn refusal(text: &str) -> (String, Vec<String>) {
        let error = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap_err();
        (error.to_string(), hints(&error))
    }

    #[test]
    fn a_template_is_told_as_one_with_each_place() {
        for (text, place, variable) in [
            ("Image:\n  Os: {{ os }}\n", "2:7", "{{ os }}"),
            ("Image:\n  Os: \"{{ os }}\"\n", "2:8", "{{ os }}"),
            ("{% if gpu %}\nA: 1\n{% endif %}\n", "1:1", "{% if gpu %}"),
            ("A: b\nC: ${D:-x}.large # e\n", "2:4", "${D:-x}"),
            ("A: s3://$BUCKET/x\n", "1:9", "$BUCKET"),
            ("A: <%= os %>\n", "1:4", "<%= os %>"),
            ("A: <your-subnet>\n", "1:4", "<your-subnet>"),
            ("${A}: b\n", "1:1", "${A}"),
        ] {
            let (message, hints) = refusal(text);
            let told = format!("my.yaml:{place}: `{variable}` is not filled in");
            assert!(message.starts_with(&told), "{text}: {message}");
            assert!(!hints.is_empty());
        }
        let (_, hints) = refusal("A: ${B}\nC: [x, '${D}']\n");
        assert_eq!(hints[0], "my.yaml:2:9: `${D}`, too");
        assert!(hints[1].contains("envsubst"), "{hints:?}");
    }

    #[test]
    fn the_command_names_the_file_as_a_shell_takes_it_and_no_pipe() {
        let hint = |text: &str, file: &str| {
            let error = ClusterConfig::parse(text, file.as_ref()).unwrap_err();
            error.hints()[0].to_string()
        };
        let template = "A: ${B}\n";
        assert!(hint(template, "my own.yaml").contains("envsubst < 'my own.yaml' > "));
        for pipe in ["standard input", "/dev/fd/63", "/dev/stdin"] {
            assert_eq!(hint(template, pipe), "render it before it is piped");
        }
        let old = "[global]\ncluster_template = x\n";
        assert!(hint(old, "my own.ini").contains("--config-file 'my own.ini' "));
        assert!(hint(old, "standard input").contains("before it is piped"));
    }

    #[test]
    fn what_is_for_others_is_left_to_them() {
        for text in [
            "# Os: {{ os }} and ${X}\nA: b # ${C}\n",
            "A: {Args: ['${HOME}', $USER]}\n",
            "Tags: [{Key: a, Value: 'x ${B}'}]\n",
            "A: '{{resolve:ssm:ami}}'\n",
            "A: |\n  echo ${B}\n",
            "A: a$b$\nB: <\nC: '{ {a: b} }'\n",
        ] {
            let config = ClusterConfig::parse(text, "my.yaml".as_ref());
            assert!(config.is_ok(), "{text}: {config:?}");
        }
        let text = "A: {Args: [x, '${B}']}\n";
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let told = config.unrendered_texts();
        assert_eq!(told[0].0.to_string(), "A.Args[1]");
        assert_eq!(told[0].1, "${B}");
    }

    #[test]
    fn what_is_no_yaml_and_no_template_is_told_as_before() {
        for text in ["A: [b\n", "A: 'x\n# {{ y }}\n"] {
            let (message, _) = refusal(text);
            assert!(message.ends_with("this is not valid YAML"), "{message}");
        }
    }

    #[test]
    fn version_2_is_told_with_what_converts_it() {
        let (message, hints) = refusal("# old\n\n[global]\ncluster_template = x\n[aws]\n");
        assert!(message.starts_with("my.yaml:3: "), "{message}");
        assert!(message.contains("ParallelCluster 2"), "{message}");
        assert!(hints[0].contains("pcluster3-config-converter"), "{hints:?}");
        let (message, _) = refusal("[a, b]\n");
        assert!(!message.contains("ParallelCluster 2"), "{message}");
    }
}
