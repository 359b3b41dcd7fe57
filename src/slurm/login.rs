//! What a login of a user of the cluster has: the home and the shell of `getent passwd`, and the
//! variables of a login shell that matter to batch scripts. The head node alone knows it.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use crate::aws::Commands;
use crate::error::{Error, Result};

use super::head_node::{DEFAULT_USER, run_script};
use super::token::UserName;

/// What runs on the head node; reads `user` and `room`.
const LOOK_UP: &str = include_str!("look-up-login.sh");

/// How many characters the variables may have: SSM hands on 24,000, and a token's answer stands
/// before them.
const ROOM: usize = 20_000;

/// How long the head node may take; a login that hangs is given up after 5 s.
const LIMIT: Duration = Duration::from_secs(30);

/// The most that the variables may be, in bytes.
const LONGEST: u64 = 4 << 20;

/// A login of a user on the head node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The user's home: a whole path.
    pub home: String,
    /// The user's shell.
    pub shell: String,
    /// The head node's own name (`uname -n`).
    pub host: String,
    /// Variables of the login shell; none when it hangs, fails or lets nobody in.
    pub variables: BTreeMap<String, String>,
    /// Names of the variables that were too long to be sent.
    pub left_out: Vec<String>,
}

/// What the script on the head node answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Login {
        user: String,
        home: String,
        shell: String,
        host: String,
        variables: String,
        left_out: Vec<String>,
    },
    Refused {
        error: String,
    },
}

impl Login {
    /// Reads the answer of the script on the head node. Fails when there is no such user, or the
    /// home is no whole path.
    pub(super) fn read(answer: &str) -> Result<Login> {
        let cannot = || Error::failed("the head node does not tell the user's home");
        match serde_json::from_str(answer.trim()) {
            Ok(Answer::Login { home, .. }) if !home.starts_with('/') => {
                Err(cannot().because(format!("`{home}` is not a whole path")))
            }
            Ok(Answer::Login {
                user,
                home,
                shell,
                host,
                variables,
                left_out,
            }) => Ok(Login {
                user,
                home,
                shell,
                host,
                variables: unpack(&variables).ok_or_else(cannot)?,
                left_out,
            }),
            Ok(Answer::Refused { error }) => Err(cannot().because(error)),
            Err(error) => Err(cannot().because(error)),
        }
    }
}

/// Looks up a login of a user on the head node.
pub async fn look_up_login(commands: &Commands, head_node: &str, user: &UserName) -> Result<Login> {
    let script = script(Some(user));
    let cannot = || format!("cannot look up the home of `{user}` on the head node");
    let answer = run_script(commands, head_node, &script, LIMIT, &cannot).await?;
    Login::read(&answer)
}

/// Returns the script that looks up a login, of the cluster's own user if of nobody else.
pub(super) fn script(user: Option<&UserName>) -> String {
    let user = user.map(UserName::as_str).unwrap_or_default();
    format!("user='{user}'\nroom={ROOM}\n{DEFAULT_USER}{LOOK_UP}")
}

/// Returns the variables; what of them is no UTF-8 is left out, for Slurm's API takes nothing else.
fn unpack(data: &str) -> Option<BTreeMap<String, String>> {
    let packed = STANDARD.decode(data).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .ok()?;
    let all = bytes.split(|byte| *byte == 0);
    let texts = all.filter_map(|one| std::str::from_utf8(one).ok()?.split_once('='));
    Some(
        texts
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn answer(home: &str, variables: &[u8]) -> String {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(variables).unwrap();
        let variables = STANDARD.encode(packed.finish().unwrap());
        format!(
            r#"{{"user":"bob","home":"{home}","shell":"/bin/zsh","host":"ip-10-0-0-1","variables":"{variables}","left_out":["A"]}}"#
        )
    }

    #[test]
    fn the_answer_of_the_head_node_is_read() {
        let function = "BASH_FUNC_module%%=() {  eval `x=1`\n}";
        let variables = format!("PATH=/a:/b\0{function}\0LANG=\0");
        let bytes = [variables.as_bytes(), b"LC_ALL=\xe4\0"].concat();
        let login = Login::read(&answer("/users/bob", &bytes)).unwrap();
        assert_eq!(
            (login.user.as_str(), login.home.as_str()),
            ("bob", "/users/bob")
        );
        assert_eq!(login.variables["BASH_FUNC_module%%"], "() {  eval `x=1`\n}");
        assert_eq!(login.variables["LANG"], "");
        assert_eq!(login.variables.len(), 3);
        assert_eq!(login.left_out, ["A"]);
    }

    #[test]
    fn what_is_no_login_is_refused() {
        let refused = |answer: &str| Login::read(answer).unwrap_err();
        let unknown = refused(r#"{"error":"there is no user x on the head node"}"#);
        let cause = std::error::Error::source(&unknown).unwrap().to_string();
        assert!(cause.contains("no user x"), "{cause}");
        refused(&answer("", b""));
        refused(&answer("bob", b""));
        refused(&answer("/users/bob", b"").replace("H4s", "x"));
        refused("rubbish");
    }
}
