//! What a client remembers from run to run in the user's runtime folder: the endpoint, the API
//! version, a token and a login of its user, in one file that only the user can read. It may be
//! lost at any time.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::now;
use crate::slurm::{Login, Token};

use super::version::ApiVersion;

/// How long a version is taken for granted, in seconds: a server may be upgraded.
const VERSION_AGE: u64 = 3600;

/// How long a login is taken for granted, in seconds: a home may be moved, a module be installed.
const LOGIN_AGE: u64 = 86_400;

/// A token is renewed when it has less than this part of its life left.
const LAST_PART: u64 = 10;

/// Where one server's and user's things are remembered; without a place nothing is.
#[derive(Debug, Clone, Default)]
pub struct Memory(Option<PathBuf>);

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The deployment's endpoint.
    pub endpoint: Option<String>,
    version: Option<u32>,
    version_seen: u64,
    token: Option<String>,
    /// When the token expires by this machine's clock, in seconds since 1970.
    token_ends: u64,
    login: Option<Login>,
    login_seen: u64,
}

impl Memory {
    /// Returns the memory for what `key` names, in `folder`, which is made for its user alone.
    /// A folder that others can use is not used.
    pub fn open(folder: &Path, key: &[String]) -> Memory {
        let is_made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .is_ok();
        let is_private = || {
            let own = fs::metadata("/proc/self").map(|own| own.uid());
            fs::symlink_metadata(folder).is_ok_and(|metadata| {
                metadata.is_dir()
                    && metadata.permissions().mode() & 0o077 == 0
                    && own.is_ok_and(|own| own == metadata.uid())
            })
        };
        if !is_made || !is_private() {
            return Memory(None);
        }
        let mut digest = Sha256::new();
        for part in key {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let name: String = digest.finalize()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Memory(Some(folder.join(format!("{name}.json"))))
    }

    /// Returns the remembered endpoint.
    pub fn endpoint(&self) -> Option<String> {
        self.read().endpoint
    }

    /// Remembers the endpoint; what was known of another one is forgotten.
    pub fn remember_endpoint(&self, endpoint: &str) {
        let mut remembered = self.read();
        if remembered.endpoint.as_deref() != Some(endpoint) {
            remembered = Remembered {
                endpoint: Some(endpoint.to_owned()),
                ..Remembered::default()
            };
            self.write(&remembered);
        }
    }

    /// Forgets the endpoint: it may be another one by now.
    pub fn forget_endpoint(&self) {
        self.change(|remembered| remembered.endpoint = None);
    }

    /// Returns the remembered API version, unless it was found out long ago.
    pub fn version(&self) -> Option<ApiVersion> {
        let remembered = self.read();
        let is_young = now().saturating_sub(remembered.version_seen) < VERSION_AGE;
        remembered.version.filter(|_| is_young).map(ApiVersion::new)
    }

    /// Remembers the API version.
    pub fn remember_version(&self, version: ApiVersion) {
        self.change(|remembered| {
            remembered.version = Some(version.number());
            remembered.version_seen = now();
        });
    }

    /// Forgets the API version: the server does not serve it any more.
    pub fn forget_version(&self) {
        self.change(|remembered| remembered.version = None);
    }

    /// Returns the remembered token, unless it is about to expire.
    pub fn token(&self) -> Option<Token> {
        let token = Token::from(self.read().token?);
        self.is_fresh(&token).then_some(token)
    }

    /// Returns whether a minted token has a while to live, by this machine's clock.
    pub fn is_fresh(&self, token: &Token) -> bool {
        let Ok(claims) = token.claims() else {
            return false;
        };
        let remembered = self.read();
        let ends = if remembered.token.as_deref() == Some(token.reveal()) {
            remembered.token_ends
        } else {
            claims.expires().unwrap_or(0)
        };
        now() + claims.life().unwrap_or(0) / LAST_PART < ends
    }

    /// Remembers a token that was minted just now: the head node's clock may differ from ours.
    pub fn remember_token(&self, token: &Token) {
        let Ok(claims) = token.claims() else {
            return;
        };
        self.change(|remembered| {
            remembered.token = Some(token.reveal().to_owned());
            remembered.token_ends = now() + claims.life().unwrap_or(0);
        });
    }

    /// Forgets the token.
    pub fn forget_token(&self) {
        self.change(|remembered| remembered.token = None);
    }

    /// Returns what is remembered of a login of `user`, unless it was looked up long ago.
    pub fn login(&self, user: &str) -> Option<Login> {
        let remembered = self.read();
        let is_young = now().saturating_sub(remembered.login_seen) < LOGIN_AGE;
        remembered
            .login
            .filter(|login| is_young && login.user == user)
    }

    /// Remembers a login that was looked up just now.
    pub fn remember_login(&self, login: &Login) {
        self.change(|remembered| {
            remembered.login = Some(login.clone());
            remembered.login_seen = now();
        });
    }

    /// Forgets everything.
    pub fn forget(&self) {
        if let Some(path) = &self.0 {
            // What is not there is forgotten.
            let _ = fs::remove_file(path);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Remembered)) {
        let before = self.read();
        let mut remembered = before.clone();
        change(&mut remembered);
        if remembered != before {
            self.write(&remembered);
        }
    }

    fn read(&self) -> Remembered {
        let text = self.0.as_ref().and_then(|path| fs::read(path).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    fn write(&self, remembered: &Remembered) {
        if let Some(path) = &self.0 {
            let text = serde_json::to_vec(remembered).expect("plain data");
            // A full or read-only disk only costs the memory.
            let _ = crate::files::write_private(path, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn token(iat: u64, exp: u64) -> Token {
        let payload = format!(r#"{{"exp":{exp},"iat":{iat},"sun":"me"}}"#);
        Token::from(format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn a_token_is_remembered_until_it_is_about_to_expire() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(&folder.path().join("own"), &["a".to_owned()]);
        // The head node's clock is a day behind.
        let old = now() - 86_400;
        memory.remember_token(&token(old, old + 3600));
        assert!(memory.token().is_some());
        memory.remember_token(&token(old, old));
        assert!(memory.token().is_none());
        let other = Memory::open(&folder.path().join("own"), &["b".to_owned()]);
        assert!(other.token().is_none());
    }

    #[test]
    fn nothing_is_remembered_where_others_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let memory = Memory::open(folder.path(), &[]);
        memory.remember_version(ApiVersion::new(42));
        assert_eq!(memory.version(), None);
        let own = Memory::open(&folder.path().join("own"), &[]);
        own.remember_version(ApiVersion::new(42));
        assert_eq!(own.version(), Some(ApiVersion::new(42)));
        for entry in fs::read_dir(folder.path().join("own")).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_login_is_remembered_for_its_user_a_day_and_a_deployment() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(&folder.path().join("own"), &[]);
        let login = Login {
            user: "bob".to_owned(),
            home: "/users/bob".to_owned(),
            shell: "/bin/bash".to_owned(),
            host: "ip-10-0-0-1".to_owned(),
            variables: std::collections::BTreeMap::new(),
            left_out: Vec::new(),
        };
        memory.remember_endpoint("https://a");
        memory.remember_login(&login);
        assert_eq!(memory.login("bob"), Some(login.clone()));
        assert_eq!(memory.login("alice"), None);
        memory.change(|remembered| remembered.login_seen -= LOGIN_AGE);
        assert_eq!(memory.login("bob"), None);
        memory.remember_login(&login);
        memory.remember_endpoint("https://b");
        assert_eq!(memory.login("bob"), None);
    }

    #[test]
    fn another_endpoint_is_another_story() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(&folder.path().join("own"), &[]);
        memory.remember_endpoint("https://a");
        memory.remember_version(ApiVersion::new(42));
        memory.remember_endpoint("https://b");
        assert_eq!(memory.version(), None);
        assert_eq!(memory.endpoint().as_deref(), Some("https://b"));
    }
}
