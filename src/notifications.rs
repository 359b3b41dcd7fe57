//! Who is told when a job ends: one address for a deployment, of the jobs that ask for it.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The word in a job's comment that asks for a message when it ends.
pub const MARK: &str = "hpcapi:notify";

/// Returns a comment that asks for a message beside what it says.
pub fn marked(comment: &str) -> String {
    match comment.is_empty() {
        true => MARK.to_owned(),
        false => format!("{comment} {MARK}"),
    }
}

/// What is typed instead of a recipient when nobody is to be told.
const OFF: &str = "off";

/// Who is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Notify {
    /// Who is told now, if anybody.
    #[default]
    AsItIs,
    /// This one, and nobody else.
    To(Recipient),
    /// Nobody.
    Nobody,
}

impl Notify {
    /// Returns what was typed, if anything.
    pub fn typed(&self) -> Option<String> {
        match self {
            Notify::AsItIs => None,
            Notify::To(recipient) => Some(recipient.to_string()),
            Notify::Nobody => Some(OFF.to_owned()),
        }
    }
}

impl FromStr for Notify {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            OFF => Ok(Notify::Nobody),
            recipient => recipient.parse().map(Notify::To),
        }
    }
}

/// Where a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A mailbox, e.g. `me@example.org`.
    Email(String),
    /// A web hook, e.g. `https://example.org/jobs`.
    Https(String),
}

impl Recipient {
    /// The longest address that the stack takes.
    const LONGEST: usize = 256;

    /// Returns what SNS calls the way there.
    pub fn protocol(&self) -> &'static str {
        match self {
            Recipient::Email(_) => "email",
            Recipient::Https(_) => "https",
        }
    }

    /// Returns the address.
    pub fn address(&self) -> &str {
        match self {
            Recipient::Email(address) | Recipient::Https(address) => address,
        }
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() <= Self::LONGEST
            && let Some(rest) = text.strip_prefix("https://")
        {
            let (place, way) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let (host, port) = place.split_once(':').unwrap_or((place, "443"));
            if is_host(host) && port.parse::<u16>().is_ok() && way.chars().all(is_of_a_url) {
                return Ok(Recipient::Https(text.to_owned()));
            }
        } else if text.len() <= Self::LONGEST
            && let Some((mailbox, host)) = text.split_once('@')
            && is_mailbox(mailbox)
            && is_host(host)
        {
            return Ok(Recipient::Email(text.to_owned()));
        }
        Err(Error::usage(format!(
            "`{text}` is neither an e-mail address nor a URL with https"
        ))
        .hint("for example: --notify me@example.org; --notify off tells nobody any more"))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address())
    }
}

fn is_mailbox(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_part)
}

/// Returns whether a text is a host's full name.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_within = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && is_plain && is_within
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    let is_top = top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
    text.contains('.') && is_top && text.split('.').all(is_label)
}

fn is_of_a_url(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._~:/?@!$&'()*+,;=%-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_a_mailbox_or_a_web_hook() {
        let of = |text: &str| text.parse::<Recipient>().map(|it| it.protocol());
        assert_eq!(of("me+jobs@lab.example.org").unwrap(), "email");
        assert_eq!(of("https://example.org:8443/jobs?a=b").unwrap(), "https");
        for bad in [
            "",
            "me",
            "@example.org",
            "me@",
            "me@localhost",
            "me@example..org",
            "a b@example.org",
            "http://example.org",
            "https://",
            "https:///x",
            "https://localhost/x",
            "https://example.org:99999/",
            "https://example.org/a b",
            "https://example.org/\"x",
            "https://-.org",
            "ftp://x@example.org",
            "me@example.org,you@example.org",
            "mailto:me@example.org",
            "`id`@example.org",
            &format!("{}@example.org", "a".repeat(250)),
        ] {
            let error = of(bad).unwrap_err();
            assert!(error.to_string().contains("neither"), "{bad}: {error}");
        }
    }

    #[test]
    fn off_is_nobody() {
        assert_eq!("off".parse::<Notify>().unwrap(), Notify::Nobody);
        assert_eq!(Notify::Nobody.typed().unwrap(), "off");
        assert_eq!(Notify::default().typed(), None);
    }

    #[test]
    fn a_comment_keeps_what_it_says() {
        assert_eq!(marked(""), "hpcapi:notify");
        assert_eq!(marked("of mine"), "of mine hpcapi:notify");
    }
}
