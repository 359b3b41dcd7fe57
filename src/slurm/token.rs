//! Slurm tokens: minted on the head node over SSM, sealed on their way, never printed except
//! as the answer that the user asked for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::aws::{Commands, Invocation};
use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::head_node::DEFAULT_USER;
use super::login::{self, Login};
use super::seal::SealingKey;
use super::shape::Number;

/// What mints on the head node; reads `user`, `lifespan` and `public_key`.
const MINT: &str = include_str!("mint-token.sh");

/// How long the head node may take; a hung slurmctld answers after about 10 s.
const LIMIT: Duration = Duration::from_secs(90);

/// What to do about a token of an identity provider, which may have the name in any claim.
const NAMELESS: &str = "the token does not say whose it is: --user NAME or SLURM_USER";

/// A Slurm JSON Web Token. Whoever holds it is its user until it expires, so it has no
/// `Display`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Returns the token itself, for a header or for the user.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what the token says of itself. Fails when it is no JSON Web Token.
    pub fn claims(&self) -> Result<Claims> {
        let no_token =
            || Error::failed("the token is no JSON Web Token").hint(super::client::mint());
        let payload = self.0.split('.').nth(1).ok_or_else(no_token)?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|error| no_token().because(error))?;
        serde_json::from_slice(&payload).map_err(|error| no_token().because(error))
    }
}

impl Token {
    /// Returns whose token it is. Fails when it does not say.
    pub fn user(&self) -> Result<UserName> {
        match self.claims()?.sun {
            Some(name) => name.parse(),
            None => Err(Error::usage(NAMELESS).hint("--as-user NAME where --user is a filter")),
        }
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Token(token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a Slurm token says of itself (auth/jwt): one of Slurm's own all of it, one of an identity
/// provider what that puts in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// When it expires, in seconds since 1970.
    #[serde(default)]
    exp: Number,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    iat: Number,
    /// The Slurm user name.
    #[serde(default)]
    pub sun: Option<String>,
}

impl Claims {
    /// Returns when it expires, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.exp.count()
    }

    /// Returns when it was made, in seconds since 1970.
    pub fn issued(&self) -> Option<u64> {
        self.iat.count()
    }

    /// Returns for how many seconds it was made.
    pub fn life(&self) -> Option<u64> {
        Some(self.expires()?.saturating_sub(self.issued()?))
    }
}

/// A user name that Slurm takes, and a shell between single quotes: `alice`, `alice@corp.example`,
/// `DOM\\alice`, `1234567`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let spelled_well = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.@\\".contains(c));
        // As a number it would be root's.
        let is_zero = name.bytes().all(|byte| byte == b'0');
        if !starts_well || !spelled_well || is_zero || name.len() > LONGEST_NAME {
            return Err(Error::usage(format!("`{name}` is not a user name"))
                .hint("letters, digits and `_-.@\\`, for example: --user ec2-user"));
        }
        Ok(UserName(name.to_owned()))
    }
}

/// LOGIN_NAME_MAX of Linux.
const LONGEST_NAME: usize = 256;

/// How long a token is valid: whole seconds, from 1 to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifespan(u32);

impl Lifespan {
    const LONGEST: u64 = 365 * 24 * 3600;

    /// Returns the seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for Lifespan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok()
        } else {
            humantime::parse_duration(text)
                .ok()
                .filter(|duration| duration.subsec_nanos() == 0)
                .map(|duration| duration.as_secs())
        };
        seconds
            .filter(|seconds| (1..=Self::LONGEST).contains(seconds))
            .and_then(|seconds| u32::try_from(seconds).ok())
            .map(Lifespan)
            .ok_or_else(|| {
                Error::usage(format!("`{text}` is not a lifespan"))
                    .hint("seconds or units, from 1s to 365d, for example: --lifespan 3600, --lifespan 12h")
            })
    }
}

/// What the script on the head node answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Sealed { sealed: String },
    Refused { error: String, detail: String },
}

/// What mints one token. Its key takes a while of one core, so it is begun before the head node
/// is looked up.
#[derive(Debug)]
pub struct Minter(JoinHandle<Result<SealingKey>>);

impl Minter {
    /// Begins to make the key that seals the token.
    pub fn begin() -> Minter {
        Minter(spawn_blocking(SealingKey::generate))
    }

    /// Mints a token on the head node `instance`, for `user` or else for the cluster's own user,
    /// who is called after the operating system: ec2-user, ubuntu, rocky. What the head node tells
    /// of a login of that user comes with it, if it tells any: asked apart, it would take as long again.
    pub async fn mint(
        self,
        commands: &Commands,
        instance: &str,
        user: Option<&UserName>,
        lifespan: Lifespan,
    ) -> Result<(Token, Option<Login>)> {
        let key = self.0.await;
        let key = key.map_err(|error| Error::failed("no key was made").because(error))??;
        mint(commands, instance, user, lifespan, key).await
    }
}

async fn mint(
    commands: &Commands,
    instance: &str,
    user: Option<&UserName>,
    lifespan: Lifespan,
    key: SealingKey,
) -> Result<(Token, Option<Login>)> {
    // Each in a shell of its own, for both end it; each answers one line.
    let script = format!(
        "(\nuser='{}'\nlifespan='{}'\npublic_key='{}'\n{DEFAULT_USER}{MINT})\n(\n{})\n",
        user.map(UserName::as_str).unwrap_or_default(),
        lifespan.seconds(),
        key.public_key()?,
        login::script(user),
    );
    let stdout = match commands.run(instance, &script, LIMIT).await? {
        Invocation::Ended { stdout, .. } if !stdout.trim().is_empty() => stdout,
        Invocation::Ended { code, stderr, .. } => {
            return Err(Error::failed(format!(
                "the head node `{instance}` minted no token (exit code {code})"
            ))
            .because(stderr.trim().to_owned()));
        }
        Invocation::NotOnline => {
            return Err(
                Error::failed(format!("the head node `{instance}` is not online in SSM")).hint(
                    Hint::run(Verb::Status)
                        .because("it may still be booting, or be stopped: look with"),
                ),
            );
        }
        Invocation::NotEnded(why) => {
            return Err(Error::failed(format!(
                "the head node `{instance}` did not mint a token in time"
            ))
            .because(format!("SSM says: {why}")));
        }
    };
    let (minted, login) = stdout.trim().split_once('\n').unwrap_or((&stdout, ""));
    let token = match serde_json::from_str(minted.trim()) {
        Ok(Answer::Sealed { sealed }) => Token(key.open(&sealed)?),
        Ok(Answer::Refused { error, detail }) => return Err(refusal(&error, &detail, user)),
        Err(error) => {
            return Err(Error::failed("the head node's answer is not understood").because(error));
        }
    };
    let minted_for = token.user()?;
    match user {
        Some(user) if *user != minted_for => Err(Error::failed(format!(
            "the head node minted a token for `{}` instead of `{}`",
            minted_for.as_str(),
            user.as_str()
        ))),
        _ => Ok((token, Login::read(login).ok())),
    }
}

fn refusal(code: &str, detail: &str, user: Option<&UserName>) -> Error {
    let user = user.map_or("of the cluster", UserName::as_str);
    let error = match code {
        "unknown_user" => Error::failed(format!("the head node has no user `{user}`"))
            .hint("leave out --user for the cluster's own user"),
        "no_scontrol" => Error::failed("Slurm is not installed on the head node"),
        "jwt_not_configured" => Error::failed("Slurm on the head node has no JWT key configured")
            .hint(Hint::run(Verb::Config.with("--output -")).because(
            "add AuthAltTypes and AuthAltParameters to CustomSlurmSettings, as in what this prints",
        )),
        "lifespan_refused" => {
            Error::failed("Slurm refuses this lifespan").hint("try a shorter one: --lifespan 3600")
        }
        "slurmctld_down" => Error::failed("Slurm's controller (slurmctld) does not answer"),
        _ => Error::failed("the head node could not mint a token"),
    };
    if detail.is_empty() {
        error
    } else {
        error.because(detail.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifespans_are_seconds_or_units() {
        let seconds = |text: &str| text.parse::<Lifespan>().map(Lifespan::seconds).ok();
        assert_eq!(seconds("3600"), Some(3600));
        assert_eq!(seconds("30m"), Some(1800));
        assert_eq!(seconds("12h"), Some(43_200));
        for bad in [
            "",
            "0",
            "-5",
            "abc",
            "500ms",
            "2y",
            "1;id",
            "99999999999999999999",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_user_name_cannot_carry_shell() {
        for good in [
            "ec2-user",
            "a",
            "_x.y-1",
            "1234567",
            "alice@corp.example",
            "DOM\\alice",
        ] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "$(id)",
            "a'b",
            "-x",
            "a\nb",
            "ü",
            "0",
            "00",
            "@x",
            &"a".repeat(257),
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_tells_its_claims_but_not_itself() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":20,"iat":10,"sun":"ec2-user"}"#);
        let token = Token(format!("header.{payload}.signature"));
        let claims = token.claims().unwrap();
        assert_eq!(claims.life(), Some(10));
        assert_eq!(token.user().unwrap().as_str(), "ec2-user");
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn a_token_of_an_identity_provider_may_say_less() {
        let claims = |payload: &str| {
            let payload = URL_SAFE_NO_PAD.encode(payload);
            Token(format!("header.{payload}.signature"))
        };
        let nameless = claims(r#"{"exp":1.5,"preferred_username":"alice"}"#);
        assert_eq!(nameless.claims().unwrap().expires(), Some(1));
        assert_eq!(nameless.claims().unwrap().life(), None);
        let error = nameless.user().unwrap_err();
        assert_eq!(error.to_string(), NAMELESS);
        for name in ["1234567", "alice@corp.example", "DOM\\\\alice"] {
            let token = claims(&format!(r#"{{"exp":20,"sun":"{name}"}}"#));
            assert_eq!(token.user().unwrap().as_str(), name.replace("\\\\", "\\"));
        }
    }
}
