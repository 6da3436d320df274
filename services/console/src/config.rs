//! The console's section of the configuration.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use edge::{Network, TokenHash};
use serde::{Deserialize, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::notify::NotificationHook;

/// Settings of the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address of the operator API; port 0 selects a free port.
    #[serde(default = "default_address")]
    pub listen: SocketAddr,
    /// The proxies in front of the console. Their `X-Forwarded-For` header is trusted.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// Database URL: `sqlite://PATH?mode=rwc` or `postgres://...`.
    pub database: String,
    /// Operators who may use the API.
    #[serde(default)]
    pub operators: Vec<ConsoleOperator>,
    /// External hooks that are notified of work for operators.
    #[serde(default)]
    pub notify: Vec<NotificationHook>,
    /// Retention of the timeline in days.
    #[serde(default = "timeline_days")]
    pub timeline_days: u16,
}

/// An operator who may use the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleOperator {
    /// The operator's name, as the timeline shows it.
    pub name: String,
    /// `sha256:<64 hex digits>` of the operator's token.
    #[serde(default)]
    pub token: Option<TokenHash>,
    /// The end of `token`: a time (RFC 3339), or a day, which it includes (UTC).
    #[serde(default)]
    pub not_after: Option<TokenEnd>,
    /// Further tokens of the operator, so that a new one can be handed out before the old one ends.
    #[serde(default)]
    pub tokens: Vec<ConsoleToken>,
}

/// A token of an operator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleToken {
    /// `sha256:<64 hex digits>` of the token.
    pub token: TokenHash,
    /// The end of the token, as in [`ConsoleOperator::not_after`].
    #[serde(default)]
    pub not_after: Option<TokenEnd>,
}

impl ConsoleOperator {
    /// Returns the operator's tokens with their ends.
    pub fn all_tokens(&self) -> impl Iterator<Item = (TokenHash, Option<TokenEnd>)> + '_ {
        let first = self.token.map(|token| (token, self.not_after));
        first.into_iter().chain(self.tokens.iter().map(|one| (one.token, one.not_after)))
    }
}

/// The time from which a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenEnd(OffsetDateTime);

impl TokenEnd {
    /// Returns whether the token has ended.
    pub fn is_over(self, now: OffsetDateTime) -> bool {
        now >= self.0
    }
}

impl fmt::Display for TokenEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).unwrap_or_default())
    }
}

impl FromStr for TokenEnd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self(at));
        }
        let day =
            Date::parse(text, format_description!("[year]-[month]-[day]")).ok().and_then(Date::next_day);
        let wrong = || format!("{text:?} is no end of a token: write 2027-06-30 or 2027-06-30T12:00:00Z");
        day.map(|day| Self(day.midnight().assume_utc())).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for TokenEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ConsoleConfig {
    /// Returns the first fault of the section, if any.
    pub fn fault(&self) -> Option<String> {
        let without = self.operators.iter().find(|operator| operator.all_tokens().next().is_none())?;
        Some(format!("the operator {} has no token: add `token` or `tokens`", without.name))
    }
}

fn default_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))
}

fn timeline_days() -> u16 {
    30
}
