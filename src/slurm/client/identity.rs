//! Whose token a request carries: one that the user gave, or one that is minted when it is
//! first needed, remembered, and renewed before it expires.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use crate::error::Result;
use crate::slurm::{Login, Token, UserName};

use super::memory::Memory;
use super::transport::Credentials;

/// Mints a token, and looks up a login of its user.
pub type Mint = Box<dyn Fn() -> Minting + Send + Sync>;

type Minting = Pin<Box<dyn Future<Output = Result<(Token, Option<Login>)>> + Send>>;

/// Whose token a request carries.
pub enum Identity {
    /// Nobody's.
    Anonymous,
    /// The one that the user gave; it is never replaced.
    Given(Credentials),
    /// One that is minted.
    Minted(Minted),
}

/// A token that is minted when it is first needed.
pub struct Minted {
    mint: Mint,
    memory: Memory,
    current: Mutex<Option<Token>>,
    /// One mint at a time, whoever asks.
    turn: tokio::sync::Mutex<()>,
}

impl Identity {
    /// Returns an identity that mints, and remembers what it minted in `memory`.
    pub fn minted(mint: Mint, memory: Memory) -> Identity {
        Identity::Minted(Minted {
            mint,
            memory,
            current: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Returns what a request is to carry, minting it if need be.
    pub async fn credentials(&self) -> Result<Option<Credentials>> {
        match self {
            Identity::Anonymous => Ok(None),
            Identity::Given(credentials) => Ok(Some(credentials.clone())),
            Identity::Minted(minted) => Ok(Some(minted.credentials().await?)),
        }
    }

    /// Replaces a token that was refused; returns false when it is not ours to replace.
    pub async fn renew(&self) -> Result<bool> {
        let Identity::Minted(minted) = self else {
            return Ok(false);
        };
        let refused = minted.known();
        let _turn = minted.turn.lock().await;
        if minted.known() == refused {
            minted.memory.forget_token();
            minted.mint().await?;
        }
        Ok(true)
    }

    /// Returns the token if there is one already.
    pub fn token(&self) -> Option<Token> {
        match self {
            Identity::Anonymous => None,
            Identity::Given(credentials) => Some(credentials.token.clone()),
            Identity::Minted(minted) => minted.known(),
        }
    }

    /// Returns the Slurm user that requests are made as, if the token says it.
    pub async fn known_user(&self) -> Result<Option<UserName>> {
        let credentials = self.credentials().await?;
        Ok(credentials.and_then(|it| it.user.or_else(|| it.token.user().ok())))
    }

    /// Returns the Slurm user that requests are made as. Fails when the token does not say it.
    pub async fn user(&self) -> Result<Option<UserName>> {
        let Some(Credentials { user, token }) = self.credentials().await? else {
            return Ok(None);
        };
        match user {
            Some(user) => Ok(Some(user)),
            None => token.user().map(Some),
        }
    }
}

impl Minted {
    fn known(&self) -> Option<Token> {
        self.current
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .clone()
    }

    async fn credentials(&self) -> Result<Credentials> {
        let token = match self.known() {
            Some(token) if self.memory.is_fresh(&token) => token,
            _ => {
                let _turn = self.turn.lock().await;
                match self.known().filter(|token| self.memory.is_fresh(token)) {
                    Some(token) => token,
                    None => match self.memory.token() {
                        Some(token) => self.keep(token),
                        None => self.mint().await?,
                    },
                }
            }
        };
        Ok(Credentials { user: None, token })
    }

    async fn mint(&self) -> Result<Token> {
        let (token, login) = (self.mint)().await?;
        self.memory.remember_token(&token);
        if let Some(login) = &login {
            self.memory.remember_login(login);
        }
        Ok(self.keep(token))
    }

    fn keep(&self, token: Token) -> Token {
        *self
            .current
            .lock()
            .unwrap_or_else(|broken| broken.into_inner()) = Some(token.clone());
        token
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Identity::Anonymous => "Anonymous",
            Identity::Given(_) => "Given(…)",
            Identity::Minted(_) => "Minted(…)",
        })
    }
}
