//! Inputs made to break something: each ends with exit code 2 and one message, starts no shell
//! and asks AWS nothing; an AWS that answers nonsense changes nothing and is told in one message.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tempfile::TempDir;

/// What an AWS gives as the answer to everything, and what it was asked.
struct NoAws {
    endpoint: String,
    asked: Arc<AtomicUsize>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl NoAws {
    fn start(answer: Vec<u8>) -> NoAws {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (count, seen) = (Arc::clone(&asked), Arc::clone(&bodies));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = vec![0; 16 * 1024];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                seen.lock().unwrap().push(text);
                let _ = stream.write_all(&answer);
            }
        });
        NoAws {
            endpoint,
            asked,
            bodies,
        }
    }
}

/// A folder for one case, with the file that a shell would make.
struct Case {
    folder: TempDir,
    aws: NoAws,
}

impl Case {
    fn new() -> Case {
        Case::against(NoAws::start(Vec::new()))
    }

    fn against(aws: NoAws) -> Case {
        Case {
            folder: tempfile::tempdir().unwrap(),
            aws,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hpcapi"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", &self.aws.endpoint)
            .env("AWS_ACCESS_KEY_ID", "123456789012")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.folder.path());
        command
    }

    /// Asserts that nothing but one message came of it.
    fn refused(&self, output: &Output) {
        self.told_once(output, &[2]);
        assert_eq!(self.aws.asked.load(Ordering::SeqCst), 0, "{output:?}");
    }

    fn told_once(&self, output: &Output, codes: &[i32]) {
        let words = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(code.is_some_and(|code| codes.contains(&code)), "{output:?}");
        assert!(!words.contains("panicked"), "{words}");
        let messages = words.lines().filter(|line| line.starts_with("error:"));
        assert_eq!(messages.count(), 1, "{words:?}");
        let is_harmless = |c: char| c == '\n' || !c.is_control();
        assert!(words.chars().all(is_harmless), "{words:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(!self.folder.path().join(TRAP).exists(), "a shell ran");
    }
}

/// The file that a shell makes when it reads one of the traps, in the folder of the case.
const TRAP: &str = "trap";

/// Texts without the one byte that no argument can hold.
fn hostile() -> impl Strategy<Value = String> {
    let traps = [
        "$(touch trap)",
        "`touch trap`",
        "; touch trap;",
        "| touch trap",
        "\n touch trap\n",
        "' ; touch trap; '",
        "../../../../etc/passwd",
        "%s%n%x",
        "{{7*7}}",
        "\u{202e}\u{0}1",
        "\u{1b}[2J\u{1b}]0;x\u{7}",
        "--help ",
        "-0",
        "*",
        "${jndi:ldap://x}",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
        "\\\\x\\y",
    ];
    let trap = proptest::sample::select(traps.to_vec());
    prop_oneof![
        trap.clone().prop_map(ToOwned::to_owned),
        (any::<String>(), trap, any::<String>()).prop_map(|(a, b, c)| format!("{a}{b}{c}")),
        any::<String>(),
        (1..4000_usize, any::<char>()).prop_map(|(n, c)| c.to_string().repeat(n)),
        "[a-z0-9.:/@-]{0,80}",
    ]
    .prop_map(|text| text.replace('\0', "\u{1}"))
}

/// Says whether a text may be taken.
type IsGood = fn(&str) -> bool;

/// A command, an option of it, and what the option takes.
type Choice = (&'static [&'static str], &'static str, IsGood);

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 60
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn may_be_region(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Whether it begins as a lifespan, a number or a version does.
fn may_be_number(text: &str) -> bool {
    text.trim().starts_with(|c: char| c.is_ascii_digit())
}

fn may_be_word(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Whether it has the characters of a user's name, which may be one of a directory.
fn may_be_user(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-@\\".contains(c))
}

/// What the command line itself must refuse, whatever the credentials are.
const OPTIONS: &[Choice] = &[
    (&["up", "--yes"], "--deployment", is_name),
    (&["teardown", "--yes"], "--deployment", is_name),
    (&["status"], "--deployment", is_name),
    (&["token"], "--deployment", is_name),
    (&["partitions"], "--deployment", is_name),
    (&["up", "--yes"], "--region", may_be_region),
    (&["status"], "--region", may_be_region),
    (&["teardown", "--yes"], "--region", may_be_region),
    (&["iam-policy"], "--region", |text| {
        text == "*" || may_be_region(text)
    }),
    (&["iam-policy"], "--deployment", is_name),
    (&["token"], "--lifespan", may_be_number),
    (&["token"], "--user", may_be_user),
    (&["up", "--yes"], "--pcluster-version", may_be_number),
    (&["up", "--yes"], "--config", |_| false),
    (&["status"], "--output", |text| {
        text == "text" || text == "json"
    }),
    (&["ping"], "--timeout", may_be_number),
    (&["jobs", "list"], "--state", may_be_word),
    (&["jobs", "wait", "1"], "--limit", may_be_number),
];

/// The variables that say where things are, and what they take.
const VARIABLES: &[(&str, IsGood)] = &[
    ("AWS_REGION", may_be_region),
    ("HOME", |text| text.starts_with('/') || text.is_empty()),
];

fn config() -> impl Strategy<Value = Vec<u8>> {
    let ours = include_bytes!("../cluster-config.yaml");
    let bomb = |depth: usize| {
        let mut text = "a0: &a0 [x, x, x]\n".to_owned();
        for level in 1..depth {
            let above = format!("*a{}", level - 1);
            text.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                [above.as_str(); 9].join(", ")
            ));
        }
        text.into_bytes()
    };
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        (7..40_usize).prop_map(bomb),
        (200..40_000_usize).prop_map(|depth| b"[".repeat(depth)),
        (200..900_usize).prop_map(|depth| {
            (0..depth)
                .map(|n| format!("{}a:\n", " ".repeat(n)))
                .collect::<String>()
                .into_bytes()
        }),
        Just(b"x".repeat(3_000_000)),
        Just(b"\xef\xbb\xbfImage: {\r\n\tOs: [\r\n".to_vec()),
        hostile().prop_map(|text| format!("? {text}\n? {text}\nImage: [").into_bytes()),
        // Ours, with a key twice, or a placeholder where none can be.
        Just([ours, &b"\nImage: {Os: alinux2023}\n"[..]].concat()),
        "[A-Z][a-z]{3,9}"
            .prop_map(move |key| { [ours, format!("\n{key}zz: CHANGE_ME\n").as_bytes()].concat() }),
        // Cut anywhere before the key name, nothing a cluster could be made of is left.
        (0..ours.len() / 4, any::<u8>())
            .prop_map(move |(at, byte)| { [&ours[..at], &[byte, 0, b'\t', b'{'][..]].concat() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_option_that_makes_no_sense_is_refused((command, option, is_good) in
        proptest::sample::select(OPTIONS.to_vec()), value in hostile()
    ) {
        prop_assume!(!is_good(&value));
        let case = Case::new();
        let output = case.command().args(command).arg(format!("{option}={value}")).output().unwrap();
        case.refused(&output);
    }

    #[test]
    fn arguments_that_nobody_knows_are_refused(words in proptest::collection::vec(hostile(), 1..6)) {
        let case = Case::new();
        prop_assume!(words[0].trim() != "--help" && !words[0].is_empty());
        let output = case.command().arg("jobs").arg("submit=").args(words).output().unwrap();
        case.refused(&output);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_variable_that_makes_no_sense_is_refused(
        (name, is_good) in proptest::sample::select(VARIABLES.to_vec()), value in hostile()
    ) {
        prop_assume!(!is_good(&value) && !value.is_empty());
        let case = Case::new();
        let output = case.command().args(["status"]).env(name, &value).output().unwrap();
        case.refused(&output);
    }

    #[test]
    fn a_configuration_that_makes_no_sense_is_refused(text in config()) {
        let case = Case::new();
        let file = case.folder.path().join("c.yaml");
        std::fs::write(&file, text).unwrap();
        let output = case.command().args(["up", "--yes", "--config", "c.yaml"]).output().unwrap();
        case.refused(&output);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_aws_that_answers_nonsense_is_told_and_asked_to_change_nothing(
        verb in proptest::sample::select(vec!["up", "status", "token", "teardown"]),
        status in proptest::sample::select(vec![200, 204, 400, 403, 404]),
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let case = Case::against(NoAws::start([head.as_bytes(), &body].concat()));
        let yes: &[&str] = if ["up", "teardown"].contains(&verb) { &["--yes"] } else { &[] };
        let output = case.command().arg(verb).args(yes).output().unwrap();
        case.told_once(&output, &[1, 2, 3]);
        for asked in case.aws.bodies.lock().unwrap().iter() {
            let action = asked.rsplit("Action=").next().unwrap();
            assert!(action.starts_with("GetCallerIdentity"), "{asked}");
        }
    }
}

/// A file that never ends is a configuration, too.
#[test]
fn an_endless_configuration_is_refused() {
    assert!(Path::new("/dev/zero").exists());
    let case = Case::new();
    let output = case
        .command()
        .args(["up", "--yes", "--config", "/dev/zero"])
        .output()
        .unwrap();
    case.refused(&output);
}
