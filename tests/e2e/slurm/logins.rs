//! What a job has of a login of its user: a home elsewhere, `module`, and nothing else of what a
//! profile exports.

use serde_json::Value;

use super::cluster::{Cluster, TRIXIE};
use crate::environment::text;

/// A user of the head node, whose login prints and exports what it likes.
const BOB: &str = r#"
mkdir -p /home/staff
useradd --create-home --home-dir /home/staff/bob --shell /bin/bash bob
cat >/home/staff/bob/.bash_profile <<'END'
echo welcome
printf 'PATH=/of/a/banner\0'
export OWN_SECRET=s3cret MODULEPATH=/home/staff/modules
module() {
    echo "$* from $MODULEPATH"
}
export -f module
END
echo 'echo bye' >/home/staff/bob/.bash_logout
"#;

/// The node on which bob's job runs: it has to know bob, too.
const NODE: &str = "queue1-dy-t3micro-7";

const JOB: &str = r#"set -eu
[ "$PWD" = "$HOME" ]
[ "$SLURM_SUBMIT_DIR" = "$HOME" ]
echo "$HOME $SHELL $(module load gcc) $SLURM_SUBMIT_HOST ${OWN_SECRET-none}"
case $PATH in */of/a/banner*) exit 1 ;; esac
command -v srun >/dev/null"#;

pub(crate) fn a_job_runs_as_after_a_login(cluster: &Cluster) {
    let env = &cluster.env;
    cluster.on_head_node(BOB);
    let id = cluster.on_head_node("id -u bob");
    let add = "useradd --home-dir /home/staff/bob --uid";
    let add = format!("id bob >/dev/null 2>&1 || {add} {} bob", id.trim());
    let srun = format!("cd / && srun --nodelist={NODE} --quiet sh -c '{add}'");
    cluster.on_head_node(&srun);
    let host = cluster.on_head_node("uname -n");
    let job = cluster.submit(JOB, &["--user", "bob", "--nodelist", NODE]);
    assert_eq!(cluster.wait(&[&job]).0, Some(0), "{}", cluster.show(&job));
    assert_eq!(
        env.succeed(&["jobs", "logs", &job]),
        format!(
            "/home/staff/bob /bin/bash load gcc from /home/staff/modules {} none\n",
            host.trim()
        )
    );

    // It was asked once, and is asked again when that is forgotten.
    cluster.on_head_node("usermod --home /home/staff/moved bob");
    assert_eq!(folder(cluster, "bob"), "/home/staff/bob");
    std::fs::remove_dir_all(env.runtime_folder()).unwrap();
    assert_eq!(folder(cluster, "bob"), "/home/staff/moved");
}

/// Logins that tell nothing, or too much.
const ODD_USERS: &str = r#"
mkdir -p /home/odd
for user in hung closed large; do
    useradd --create-home --home-dir "/home/odd/$user" --shell /bin/bash "$user"
done
echo 'sleep 1000' >/home/odd/hung/.bash_profile
usermod --shell /usr/sbin/nologin closed
cat >/home/odd/large/.bash_profile <<'END'
export LMOD_LARGE=$(head -c 60000 /dev/urandom | base64 --wrap=0) LMOD_SMALL=small
END
"#;

#[test]
fn a_login_that_tells_nothing_is_no_failure() {
    TRIXIE.together(|cluster| {
        let env = &cluster.env;
        cluster.on_head_node(ODD_USERS);
        for user in ["hung", "closed", "large"] {
            assert_eq!(folder(cluster, user), format!("/home/odd/{user}"));
        }
        let large = tested(cluster, "large").to_string();
        assert!(large.contains("LMOD_SMALL=small"), "{large}");
        assert!(!large.contains("LMOD_LARGE="), "{large}");
        assert!(
            large.contains("the job lacks `LMOD_LARGE` of the login"),
            "{large}"
        );

        // Whoever brings a token has the head node asked apart.
        let token = env.succeed(&["token", "--user", "closed"]);
        let submit = [
            "jobs",
            "submit",
            "--wrap",
            "true",
            "--test-only",
            "--output",
            "json",
        ];
        let output = cluster.run_with(&token, &submit);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.contains("HOME=/home/odd/closed"), "{said}");
        assert!(said.contains("SHELL=/usr/sbin/nologin"), "{said}");
    });
}

/// Returns what would be submitted of a job of a user.
fn tested(cluster: &Cluster, user: &str) -> Value {
    let submit = ["jobs", "submit", "--wrap", "true", "--test-only"];
    let own = ["--user", user, "--output", "json"];
    cluster.env.json(&[&submit[..], &own].concat())["tested"][0].take()
}

/// Returns the folder in which a job of a user would run.
fn folder(cluster: &Cluster, user: &str) -> String {
    let tested = tested(cluster, user);
    let folder = &tested["request"]["job"]["current_working_directory"];
    folder.as_str().unwrap().to_owned()
}
