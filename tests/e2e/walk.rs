//! A new user's walk on a terminal, screen by screen, as it is on AWS. What differs from run to run is
//! taken out, so that a change of what people read is seen in the snapshots.

use crate::environment::TestEnv;
use crate::terminal::{Typed, interrupt_at, run, run_in_lines};

/// A terminal of the usual width, with as many rows as the longest screen has lines.
const SIZE: (u16, u16) = (70, 80);

/// The smallest terminal.
const SMALL: (u16, u16) = (24, 80);

/// What a person does, and what comes of it.
struct Walk<'e> {
    env: &'e TestEnv,
    screens: String,
}

impl Walk<'_> {
    /// Types a command, and answers what it asks; notes the screen in the end.
    fn types(&mut self, command: &str, answers: &[Typed<'_>], expected: i32) {
        let words: Vec<_> = command.split(' ').skip(1).collect();
        let terminal = self.env.on_terminal_as_on_aws(SIZE, &words);
        let (code, shown) = run_in_lines(terminal, SIZE, answers);
        assert_eq!(code, expected, "{command}:\n{shown}");
        let shown = redacted(self.env, &shown);
        self.screens.push_str(&format!("$ {command}\n{shown}\n"));
    }
}

/// Returns what a screen shows, without what is of this run alone.
fn redacted(env: &TestEnv, shown: &str) -> String {
    // Which states a job is seen in depends on the moment of the looks.
    let passing = ["PENDING", "CONFIGURING", "RUNNING", "COMPLETING"];
    let stays = |line: &&str| !passing.iter().any(|state| line.ends_with(state));
    let lines = shown.lines().filter(stays).map(|line| {
        let line = line.replace(env.account(), "<account>");
        let line = line.replace(env.home().to_str().unwrap(), "<home>");
        let line = without_uuid(&line);
        let words: Vec<String> = line.split(' ').map(without_id).collect();
        without_figures(&words)
    });
    let mut lines: Vec<_> = lines.collect();
    // An `up` that is interrupted may have begun a cluster that the next one makes anew: both leave logs.
    lines.dedup_by(|line, before| line == before && line.contains("delete-log-group"));
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// Returns a line without its last UUID.
fn without_uuid(line: &str) -> String {
    const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
    let is_uuid = |text: &str| {
        let parts = text.split('-').map(str::len);
        parts.eq(PARTS) && text.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit())
    };
    let length = PARTS.iter().sum::<usize>() + PARTS.len() - 1;
    let places = (0..line.len()).rev();
    let mut found = places.filter_map(|at| line.get(at..at + length).filter(|it| is_uuid(it)));
    match found.next() {
        Some(uuid) => line.replace(uuid, "<uuid>"),
        None => line.to_owned(),
    }
}

/// Returns a word, or what stands for it where it names a thing of this run.
fn without_id(word: &str) -> String {
    let is_hex = |text: &str| text.len() >= 6 && text.bytes().all(|it| it.is_ascii_hexdigit());
    if word.starts_with("http://127.0.0.1") {
        return "<url>".to_owned();
    }
    // As Route 53 names zones.
    if word.len() == 15 && word.starts_with('Z') && word.ends_with(';') {
        return "<zone>;".to_owned();
    }
    let id = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    // Each account has other zones by these names.
    if let Some(letter) = id.strip_prefix("us-east-1")
        && matches!(letter.as_bytes(), [b'a'..=b'f'])
    {
        return word.replace(id, "<zone>");
    }
    match id.rsplit_once('-') {
        Some((moment, number)) if is_hex(number) && moment.starts_with("20") => {
            word.replace(id, "<run>")
        }
        Some((kind, number)) if is_hex(number) => word.replace(id, &format!("{kind}-<id>")),
        None if is_hex(id) => word.replace(id, "<id>"),
        _ => word.to_owned(),
    }
}

/// Returns a line without times, sizes and counts.
fn without_figures(words: &[String]) -> String {
    const TIMES: [&str; 4] = ["s", "min", "h", "d"];
    const SIZES: [&str; 3] = ["B", "kB", "MB"];
    let mut line: Vec<&str> = Vec::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let is_number = word.parse::<f64>().is_ok();
        let is_one_of = |units: &[&str], word: &str| is_number && units.contains(&word);
        if words.next_if(|unit| is_one_of(&TIMES, unit)).is_some() {
            if line.last() != Some(&"<time>") {
                line.push("<time>");
            }
        } else if words.next_if(|unit| is_one_of(&SIZES, unit)).is_some() {
            line.push("<size>");
        } else if words
            .peek()
            .is_some_and(|next| is_one_of(&["objects", "log"], next))
        {
            line.push("<number>");
        } else {
            line.push(word);
        }
    }
    let mut line = line.join(" ").replace("just now", "<time> ago");
    // What an interrupted run has begun may be ready before the next one looks.
    if line.starts_with('✓')
        && let Some(at) = line.find(" ready")
    {
        line.truncate(at + " ready".len());
    }
    // Times that are shorter stand further to the right.
    while line.contains("  <time>") {
        line = line.replace("  <time>", " <time>");
    }
    line.trim_end().to_owned()
}

#[tokio::test]
async fn a_new_user_reads_what_is_in_the_snapshots() {
    let env = TestEnv::new();
    env.file("job.sh", "#!/bin/bash\necho hello\n");
    let mut walk = Walk {
        env: &env,
        screens: String::new(),
    };
    walk.types("hpcapi destroy", &[], 2);
    walk.types("hpcapi list", &[], 0);
    walk.types("hpcapi jobs list", &[], 3);
    walk.types("hpcapi plan", &[], 3);
    let yes = Typed {
        words: "? [y/N]",
        keys: "y\n",
    };
    // Which of the steps is how far then is another one each time.
    let up = env.on_terminal_as_on_aws(SMALL, &["up"]);
    let interrupted = [yes, interrupt_at("network         ready")];
    let (code, shown) = run(up, SMALL, &interrupted);
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains("AWS goes on with what was begun"), "{shown}");
    walk.types("hpcapi up --yes", &[], 0);
    walk.types("hpcapi plan --no-prices", &[], 0);
    walk.types("hpcapi status --no-prices", &[], 0);
    walk.types("hpcapi doctor", &[], 0);
    walk.types("hpcapi list", &[], 0);
    walk.types("hpcapi teardown --check", &[], 1);
    walk.types("hpcapi jobs list", &[], 0);
    walk.types("hpcapi jobs submit ~/job.sh", &[], 0);
    walk.types("hpcapi jobs wait 1", &[], 0);
    walk.types("hpcapi jobs logs 1", &[], 0);
    walk.types("hpcapi run ~/job.sh", &[], 0);
    walk.types("hpcapi jobs show 99", &[], 1);
    walk.types("hpcapi jobs list --state RUNING", &[], 2);
    let typed = |words, keys| Typed { words, keys };
    let keep = || typed("[y/N]", "n\n");
    let no_name = typed("type its name", "yes\n");
    walk.types("hpcapi teardown", &[keep(), no_name], 2);
    let name = typed("type its name", "hpc-serverless-job-mgmt\n");
    walk.types("hpcapi teardown", &[keep(), name], 0);
    insta::assert_snapshot!(walk.screens);
    env.assert_empty().await;
}
