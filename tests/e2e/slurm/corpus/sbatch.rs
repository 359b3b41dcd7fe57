//! `sbatch` on the head node, as its user types it in a login shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Outcomes;
use super::scripts::Script;
use crate::slurm::cluster::Cluster;

/// How the shell writes a script's file, and submits it or a command.
const FUNCTIONS: &str = r#"mkdir -p corpus
put() {
    base64 -d <<< "$2" > "corpus/$1.sh"
}
submit() {
    name=$1
    shift
    if id=$(sbatch --hold --parsable "$@" 2> corpus/errors < /dev/null); then
        echo "$name taken $id"
    else
        echo "$name refused $(base64 -w 0 corpus/errors)"
    fi
}
"#;

pub(super) fn submit(cluster: &Cluster, scripts: &[Script]) -> Outcomes {
    let mut program = FUNCTIONS.to_owned();
    for script in scripts {
        let name = script.name.as_str();
        program += &format!("put {name} {}\n", STANDARD.encode(&script.bytes));
        let file = format!("corpus/{name}.sh");
        let mut words = vec!["submit", name];
        words.extend(script.options.iter().map(String::as_str));
        if !script.is_wrapped() {
            words.push(&file);
        }
        words.extend(script.arguments.iter().map(String::as_str));
        program += &shlex::try_join(words).unwrap();
        program.push('\n');
    }
    let said = cluster.in_login_shell("ec2-user", &program);
    let outcomes: Outcomes = said.lines().map(outcome).collect();
    assert_eq!(outcomes.len(), scripts.len(), "{said}");
    outcomes
}

/// Reads a line of what the functions say.
fn outcome(line: &str) -> (String, Result<u64, String>) {
    let words: Vec<&str> = line.split(' ').collect();
    let outcome = match words.as_slice() {
        [_, "taken", id] => Ok(id.parse().expect(line)),
        [_, "refused", why] => {
            let why = STANDARD.decode(why).expect(line);
            Err(String::from_utf8_lossy(&why).into_owned())
        }
        _ => panic!("{line}"),
    };
    (words[0].to_owned(), outcome)
}
