//! The consoles that `usher login` stored: each token with the address that it is for.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use reqwest::Url;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::private_file::{make_private_folder, read_private, replace_private};

/// Name of the file in the user's configuration folder.
const FILE: &str = "contexts.json";
/// Maximum size of the file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The address of a console: scheme, host, port and path, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsoleAddress(Url);

impl ConsoleAddress {
    /// Returns the URL.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the host, with the port unless it is that of the scheme.
    pub(super) fn host_and_port(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns whether others can read what is sent there: it is plain HTTP, and leaves the machine.
    pub(super) fn is_exposed(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        self.0.host_str() == Some("localhost")
            || self.ip().is_some_and(|address| address.to_canonical().is_loopback())
    }

    /// Returns the address if the host is one and not a name.
    fn ip(&self) -> Option<IpAddr> {
        self.0.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Replaces "every address of this machine", at which a service listens, by one at which it can be reached.
    pub(super) fn into_reachable(mut self) -> Self {
        let loopback = match self.ip() {
            Some(IpAddr::V4(address)) if address.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
            Some(IpAddr::V6(address)) if address.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
            _ => return self,
        };
        let _ = self.0.set_ip_host(loopback); // cannot fail: the URL has a host
        self
    }
}

impl FromStr for ConsoleAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut url: Url = text.parse().with_context(|| format!("`{text}` is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            bail!("`{text}` is no base URL: it must look like https://usher.example.com");
        }
        if !url.username().is_empty() || url.password().is_some() {
            bail!("the address of a console has no user name: a name before `@` is not the host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            bail!("`{text}` is no base URL: leave out `?` and `#` and what follows");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for ConsoleAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Serialize for ConsoleAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConsoleAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The token of an operator for one console. It is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct BoundToken(pub(super) String);

impl fmt::Debug for BoundToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundToken(..)")
    }
}

/// A console and the token for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsoleContext {
    /// The address to which the token is sent.
    pub(super) console: ConsoleAddress,
    /// The token.
    pub(super) token: BoundToken,
    /// `true` if the operator allowed plain HTTP to another machine.
    #[serde(default)]
    pub(super) insecure_http: bool,
}

/// The file with all contexts of a user.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContextFile {
    /// The context of commands that name no console.
    #[serde(default)]
    pub(super) current: Option<String>,
    /// The contexts by name.
    #[serde(default)]
    pub(super) contexts: BTreeMap<String, ConsoleContext>,
}

impl ContextFile {
    /// Returns the path of the user's file: `$XDG_CONFIG_HOME/usher`, or `~/.config/usher`.
    pub(super) fn user_path() -> Option<PathBuf> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder =
            absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
        Some(folder.join("usher").join(FILE))
    }

    /// Reads the file; there are no contexts if it does not exist.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let cannot = || format!("cannot use {}", path.display());
        let text = read_private(path, FILE_BYTES_MAX).with_context(cannot)?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes the file, so that only its owner can read it.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            make_private_folder(folder)?;
        }
        replace_private(path, &serde_json::to_string_pretty(self).expect("contexts have only string keys"))
    }

    /// Returns the context of this name.
    pub(super) fn named(&self, name: &str) -> anyhow::Result<&ConsoleContext> {
        self.contexts.get(name).with_context(|| {
            format!("there is no context {name:?}: `usher context ls` lists them, `usher login` adds one")
        })
    }

    /// Returns the context whose token is for `address`.
    pub(super) fn of_address(&self, address: &ConsoleAddress) -> Option<&ConsoleContext> {
        self.contexts.values().find(|context| context.console == *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ConsoleAddress {
        text.parse().unwrap()
    }

    #[test]
    fn two_spellings_of_an_address_are_one_and_another_port_is_another_address() {
        assert_eq!(address("https://Usher.Example.com:443/"), address("https://usher.example.com"));
        assert_eq!(address("https://a.example/usher/"), address("https://a.example/usher"));
        for other in
            ["http://a.example", "https://a.example:8443", "https://a.example/b", "https://b.example"]
        {
            assert_ne!(address("https://a.example"), address(other), "{other}");
        }
    }

    #[test]
    fn only_https_and_loopback_are_not_exposed() {
        for closed in [
            "https://a.example",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(!address(closed).is_exposed(), "{closed}");
        }
        let open = [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://0.0.0.0:1",
            "http://[fe80::1]",
        ];
        for exposed in open {
            assert!(address(exposed).is_exposed(), "{exposed}");
        }
    }

    #[test]
    fn a_host_cannot_hide_behind_a_user_name() {
        for wrong in [
            "http://127.0.0.1:8081@evil.example",
            "ftp://a.example",
            "https://a.example?x",
            "mailto:a",
            "",
            "a",
        ] {
            assert!(wrong.parse::<ConsoleAddress>().is_err(), "{wrong}");
        }
    }
}
