//! The real `pcluster` without its start, of which a test suite would wait for two hundred: a
//! process that has loaded it forks for each call. The Node.js that writes a cluster's template
//! stays as well, for one call after another.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The server; its standard input is closed when this process ends.
static SERVER: OnceLock<Child> = OnceLock::new();

const LAUNCHER: &str = include_str!("launcher.py");

/// What the program that pip made is called, beside the launcher.
const COLD: &str = ".cold";

/// What an environment of hpcapi's notes of its files: their sizes.
const FILES: &str = "hpcapi-files";

/// Lets hpcapi install its pcluster, unless it has one, and lets that answer from a warm process, as
/// long as this one lives. What hpcapi notes of the program is changed with it.
///
/// `doctor` is a `hpcapi doctor` on good ground whose caches are in the folder `cache`.
pub(crate) fn warm(mut doctor: Command, cache: &Path) {
    let looked = doctor.output().unwrap();
    let words = String::from_utf8_lossy(&looked.stderr);
    assert!(looked.status.success(), "{words}");
    let environment = &cache.join("hpcapi/pcluster-3.16.1");
    let address = format!("hpcapi-tests-pcluster-{}", std::process::id());
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warm_pcluster/server.py");
    let mut server = Command::new(environment.join("bin/python"));
    server
        .arg(program)
        .arg(&address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n", "the warm pcluster does not answer");
    SERVER.set(server).expect("it is warmed once");
    put_launcher(environment, &address);
}

fn put_launcher(environment: &Path, address: &str) {
    let program = environment.join("bin/pcluster");
    let cold = environment.join(format!("bin/pcluster{COLD}"));
    if !cold.exists() {
        fs::copy(&program, &cold).unwrap();
    }
    let launcher = format!(
        "#!{} -IS\nADDRESS = {address:?}\nCOLD = {COLD:?}\n{LAUNCHER}",
        environment.join("bin/python").display()
    );
    // Who runs it now keeps what it runs.
    let new = environment.join("bin/pcluster.new");
    fs::copy(&cold, &new).unwrap();
    fs::write(&new, &launcher).unwrap();
    fs::rename(new, &program).unwrap();
    let files = environment.join(FILES);
    let noted = fs::read_to_string(&files).unwrap();
    let noted: String = noted
        .lines()
        .map(|line| match line.split_once(' ') {
            Some((_, "bin/pcluster")) => format!("{} bin/pcluster\n", launcher.len()),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(files, noted).unwrap();
}
