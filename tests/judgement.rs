//! What a configuration itself tells of the cluster that will be made of it.
//!
//! `deploy_cases/` holds configurations as people bring them to a first `up` in us-east-1. The first
//! lines of each say what has to be told of it, and nothing else may be: `# told: SEVERITY SUBJECT
//! line N: WORDS`, `# told: refused line N: WORDS` when it is refused as it is read; `# needs: …` what
//! its instances count against, where that is what the file is for.

use std::fs;
use std::path::{Path, PathBuf};

use hpcapi::pcluster::config::ClusterConfig;
use hpcapi::pcluster::judgement::{Circumstances, Reach, Remark, Severity, judge};
use hpcapi::pcluster::{Demand, Purchase, zonal};

const FIRST_UP: Circumstances<'_> = Circumstances {
    region: "us-east-1",
    partition: "aws",
    has_network: false,
    bucket: None,
    reach: Reach::Unasked,
    caller: None,
};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy_cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 30, "{} cases", files.len());
    files
}

/// Returns what the first lines of a file say of it behind `word`.
fn said<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let start = format!("# {word}: ");
    let lines = text.lines().take_while(|line| line.starts_with("# "));
    lines
        .filter_map(|line| line.strip_prefix(&start))
        .filter(|line| *line != "nothing")
        .collect()
}

/// Returns all that is told of a configuration, a line each.
fn told(text: &str, circumstances: &Circumstances<'_>) -> Vec<String> {
    let config = match ClusterConfig::parse(text, "my.yaml".as_ref()) {
        Ok(config) => config,
        Err(error) => {
            let words = error.to_string();
            let place = words.strip_prefix("my.yaml:").unwrap_or(&words);
            let (line, words) = place.split_once(':').unwrap();
            return vec![format!("refused line {line}: {words}")];
        }
    };
    let line = |remark: &Remark| {
        let severity = match remark.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = config.line_of(&remark.path).unwrap();
        let sentence = remark.sentence(&config);
        assert!(
            sentence.starts_with(&format!("my.yaml:{line}: ")),
            "{sentence}"
        );
        assert!(!remark.cause.is_empty() && !remark.next.is_empty());
        format!("{severity} {} line {line}: {}", remark.subject, remark.text)
    };
    judge(&config, circumstances).iter().map(line).collect()
}

#[test]
fn every_case_is_told_with_its_line_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for file in cases() {
        let text = fs::read_to_string(&file).unwrap();
        let (expected, told) = (said(&text, "told"), told(&text, &FIRST_UP));
        let is_so = |(expected, told): (&&str, &String)| {
            let (place, words) = expected.split_once(": ").unwrap();
            told.starts_with(&format!("{place}: ")) && told.contains(words)
        };
        let all = expected.iter().zip(&told).all(is_so);
        if !all || expected.len() != told.len() {
            wrong.push(format!("{}: {told:#?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_instances_count_against_is_read_from_every_case_that_is_about_it() {
    let mut tried = 0;
    for file in cases() {
        let text = fs::read_to_string(&file).unwrap();
        let expected = said(&text, "needs");
        if expected.is_empty() {
            continue;
        }
        tried += 1;
        let config = ClusterConfig::parse(&text, &file).unwrap();
        let demand = Demand::of(config.document());
        let mut needs = Vec::new();
        if demand.needs_address {
            needs.push("an address".to_owned());
        }
        needs.extend(demand.instances.iter().map(|one| {
            let purchase = match one.purchase {
                Purchase::OnDemand => "on demand",
                Purchase::Spot => "spot",
                Purchase::CapacityBlock => "capacity block",
            };
            let kinds = one.kinds.join(" ");
            format!("{purchase} {}-{} {kinds}", one.least, one.most)
        }));
        let zonal = zonal::of(config.document()).into_iter();
        needs.extend(zonal.map(|one| format!("the zone of {}", one.id)));
        assert_eq!(needs, expected, "{}", file.display());
    }
    assert!(tried > 5, "{tried}");
}

/// Reading the bucket of the script is not asked for.
#[test]
fn of_a_role_that_iam_was_asked_about_only_the_rest_is_told() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/deploy_cases/own-role.yaml"
    );
    let text = fs::read_to_string(file).unwrap();
    for reach in [Reach::Has, Reach::Lacks] {
        let asked = Circumstances { reach, ..FIRST_UP };
        let told = told(&text, &asked);
        assert_eq!(told.len(), 1, "{told:?}");
        let words = "the role of your own for the head node has to read ";
        assert!(told[0].contains(words), "{told:?}");
    }
}

/// Once they were made, pcluster looks itself whether what is named there is there.
#[test]
fn a_network_and_a_bucket_that_stand_are_left_to_pcluster() {
    let stands = Circumstances {
        has_network: true,
        bucket: Some("bucket-of-the-deployment"),
        ..FIRST_UP
    };
    for case in [
        "half-own-network",
        "things-of-another-network",
        "script-in-new-bucket",
        "queue-script-for-later",
    ] {
        let file = format!(
            "{}/tests/deploy_cases/{case}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(told(&text, &stands), Vec::<String>::new(), "{case}");
    }
    let named = fs::read_to_string(format!(
        "{}/tests/deploy_cases/bucket-of-others.yaml",
        env!("CARGO_MANIFEST_DIR")
    ));
    let named = named
        .unwrap()
        .replace("tools-of-the-lab", "bucket-of-the-deployment");
    assert_eq!(told(&named, &stands), Vec::<String>::new());
}

/// What hpcapi hands out is as it should be.
#[test]
fn the_default_configuration_and_the_presets_are_remarkable_for_nothing() {
    use hpcapi::pcluster::Preset;

    let default = include_str!("../cluster-config.yaml");
    let presets = Preset::ALL.map(Preset::text);
    for text in presets.into_iter().chain([default]) {
        assert_eq!(told(text, &FIRST_UP), Vec::<String>::new());
    }
}

/// No node may write where scripts lie, whoever else has its role.
#[test]
fn nodes_may_not_have_the_role_that_hpcapi_itself_has() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/deploy_cases/own-role.yaml"
    );
    let text = fs::read_to_string(file).unwrap();
    let with = |caller| Circumstances {
        caller: Some(caller),
        ..FIRST_UP
    };
    let refused = "error rights line 14: hpcapi has the role `head-node` itself, as the head node";
    assert_eq!(told(&text, &with("head-node"))[0], refused);
    assert_eq!(told(&text, &with("another")), told(&text, &FIRST_UP));
}
