//! Access rules: the addresses and certificates from which a sender may connect.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::serve::PeerAddress;
use crate::tls::CertificateName;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A range of addresses: `203.0.113.0/24`, `2001:db8::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Returns whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Returns whether the network contains every address.
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let text = text.trim();
        let single = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        text.parse::<IpNet>().or_else(|_| single()).map(Self).map_err(|_| NetworkError(text.to_owned()))
    }
}

/// A text that is not a network.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a network: write 203.0.113.0/24, 2001:db8::/32 or a single address")]
pub struct NetworkError(String);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The addresses and certificates from which a sender may connect. Without any, every sender may connect from everywhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessRule {
    /// The allowed networks; one of them must match.
    pub from: Vec<Network>,
    /// The allowed certificates; one of them must match.
    pub certificates: Vec<CertificateName>,
}

/// The reason that a caller is denied access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessDenied {
    /// The caller's address is not allowed.
    Address,
    /// The caller has no allowed certificate.
    Certificate,
}

impl AccessDenied {
    /// Returns the name for a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Certificate => "certificate",
        }
    }
}

impl fmt::Display for AccessDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "the address is none of `access.from`",
            Self::Certificate => "the certificate is none of `access.certificates`",
        })
    }
}

impl AccessRule {
    /// Returns whether the rule allows every caller.
    pub fn is_open(&self) -> bool {
        self.from.is_empty() && self.certificates.is_empty()
    }

    /// Checks whether the caller has access.
    ///
    /// # Errors
    /// Returns the reason if the caller has no access.
    pub fn admits(&self, caller: &Caller<'_>) -> Result<(), AccessDenied> {
        let is_from_here = || caller.address.is_some_and(|at| self.from.iter().any(|from| from.contains(at)));
        if !self.from.is_empty() && !is_from_here() {
            return Err(AccessDenied::Address);
        }
        let certificate = caller.peer.and_then(|peer| peer.certificate.as_ref());
        let is_known = || certificate.is_some_and(|one| self.certificates.iter().any(|name| one.is(name)));
        if !self.certificates.is_empty() && !is_known() {
            return Err(AccessDenied::Certificate);
        }
        Ok(())
    }
}

/// The sender of a request.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The address of the caller; `None` if it cannot be known.
    pub address: Option<IpAddr>,
    peer: Option<&'a PeerAddress>,
}

impl<'a> Caller<'a> {
    /// Returns the caller. If the connection comes from one of the `proxies`, its address is the last one in `X-Forwarded-For` that is not
    /// itself a proxy. The addresses before it are not trusted: any client can write them.
    pub fn of(extensions: &'a Extensions, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let peer = extensions.get::<PeerAddress>();
        let address = peer.and_then(|peer| address_behind(peer.address, headers, proxies));
        Self { address, peer }
    }
}

/// Returns the address of the client behind trusted proxies, or `None` if it cannot be determined.
fn address_behind(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let is_proxy = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    if !is_proxy(peer) {
        return Some(peer);
    }
    let values: Vec<&[u8]> =
        headers.get_all(FORWARDED_FOR).iter().map(axum::http::HeaderValue::as_bytes).collect();
    let mut last = peer;
    for hop in values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
        // An address that cannot be parsed makes the caller unknown.
        last = parse_address(std::str::from_utf8(hop).ok()?)?;
        if !is_proxy(last) {
            return Some(last);
        }
    }
    Some(last)
}

/// Parses an address, with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &[&str], proxies: &[&str]) -> Option<String> {
        let peer = PeerAddress { address: peer.parse().unwrap(), certificate: None };
        let mut extensions = Extensions::new();
        extensions.insert(peer);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        Caller::of(&extensions, &headers, &proxies).address.map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_saw_itself() {
        let proxies = ["10.0.0.0/8"];
        let seen = |address: &str| Some(address.to_owned());
        assert_eq!(caller("203.0.113.9", &["198.51.100.1"], &proxies), seen("203.0.113.9"));
        assert_eq!(caller("10.0.0.1", &["198.51.100.1"], &[]), seen("10.0.0.1"));
        assert_eq!(caller("10.0.0.1", &["198.51.100.1"], &proxies), seen("198.51.100.1"));
        assert_eq!(caller("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"], &proxies), seen("198.51.100.1"));
        assert_eq!(caller("10.0.0.1", &["1.2.3.4", "198.51.100.1:4711"], &proxies), seen("198.51.100.1"));
        assert_eq!(caller("10.0.0.1", &["[2001:db8::1]:80"], &proxies), seen("2001:db8::1"));
        assert_eq!(caller("10.0.0.1", &["::ffff:198.51.100.1"], &proxies), seen("198.51.100.1"));
        assert_eq!(caller("10.0.0.1", &[], &proxies), seen("10.0.0.1"));
        assert_eq!(caller("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &proxies), seen("10.0.0.3"));
        for nobody in ["unknown", "198.51.100.1, unknown", "198.51.100.1,", "_hidden, 10.0.0.2"] {
            assert_eq!(caller("10.0.0.1", &[nobody], &proxies), None, "{nobody}");
        }
    }

    #[test]
    fn a_network_is_either_kind_and_a_single_address_is_one() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("203.0.113.0/24", "203.0.113.255") && !holds("203.0.113.0/24", "203.0.114.0"));
        assert!(holds("203.0.113.7", "::ffff:203.0.113.7") && !holds("203.0.113.7", "203.0.113.8"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::"));
        assert!(!holds("0.0.0.0/0", "::1") && !holds("::/0", "127.0.0.1"));
        for wrong in ["", "hr.example.com", "203.0.113.0/33", "203.0.113", "10.0.0.0-10.0.0.9"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn whoever_is_restricted_is_not_let_in_unseen() {
        let access = |text| serde_json::from_str::<AccessRule>(text).unwrap();
        let unseen = Caller { address: None, peer: None };
        assert_eq!(access("{}").admits(&unseen), Ok(()));
        assert_eq!(access(r#"{"from": ["::/0", "0.0.0.0/0"]}"#).admits(&unseen), Err(AccessDenied::Address));
        let certificate = access(r#"{"certificates": ["hr.example.com"]}"#);
        assert_eq!(certificate.admits(&unseen), Err(AccessDenied::Certificate));
    }
}
