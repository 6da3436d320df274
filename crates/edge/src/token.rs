//! Bearer tokens, stored only as their hash.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Problem;

/// The detail for every caller whose token is not accepted, regardless of the reason.
pub const UNKNOWN_TOKEN: &str = "the token is unknown";

const PREFIX: &str = "sha256:";

/// The SHA-256 of a token, written `sha256:<64 hex digits>`.
///
/// A plain hash is enough because tokens are random: salt would not protect them further.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

/// Shows only the first digits: enough to tell two hashes apart.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}..", hex::encode(&self.0[..2]))
    }
}

/// A text that is not the hash of a token. The error does not repeat the text, which may be a token.
#[derive(Debug, thiserror::Error)]
#[error("a token is configured as its hash: `sha256:` and 64 hexadecimal digits")]
pub struct TokenHashError;

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(TokenHashError)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| TokenHashError)?;
        Ok(Self(hash))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The holders of tokens, by token hash.
#[derive(Debug, Clone)]
pub struct TokenTable<T>(Vec<(TokenHash, T)>);

impl<T> TokenTable<T> {
    /// Returns a table of these holders.
    pub fn new(entries: Vec<(TokenHash, T)>) -> Self {
        Self(entries)
    }

    /// Returns the holder of `bearer`. Compares with every entry, each in constant time.
    pub fn find(&self, bearer: &str) -> Option<&T> {
        let hash = TokenHash::of(bearer);
        let mut found = None;
        for (known, holder) in &self.0 {
            if bool::from(known.0.ct_eq(&hash.0)) {
                found = Some(holder);
            }
        }
        found
    }

    /// Returns the tokens with their holders.
    pub fn entries(&self) -> impl Iterator<Item = (&TokenHash, &T)> {
        self.0.iter().map(|(hash, holder)| (hash, holder))
    }

    /// Returns the holder of the token in the `Authorization` header.
    ///
    /// # Errors
    /// Returns a 401 problem that tells whether the header is missing, has another scheme, or holds an unknown token.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<&T, Problem> {
        self.find(bearer_token(headers)?).ok_or_else(|| Problem::unauthorised(UNKNOWN_TOKEN))
    }
}

/// A table of tokens that can be replaced while requests are authenticated.
#[derive(Debug)]
pub struct SharedTokenTable<T>(RwLock<Arc<TokenTable<T>>>);

impl<T> SharedTokenTable<T> {
    /// Returns a table of these holders.
    pub fn new(entries: Vec<(TokenHash, T)>) -> Self {
        Self(RwLock::new(Arc::new(TokenTable::new(entries))))
    }

    /// Returns the table as it is now.
    pub fn current(&self) -> Arc<TokenTable<T>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces every holder.
    pub fn replace(&self, entries: Vec<(TokenHash, T)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(TokenTable::new(entries));
    }
}

/// Returns the token in the `Authorization` header.
///
/// # Errors
/// Returns a 401 problem if there is none.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::unauthorised("send the token in the header `Authorization: Bearer <token>`");
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(missing()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_found_by_the_token_and_by_nothing_else() {
        let table = TokenTable::new(vec![(TokenHash::of("one"), 1), (TokenHash::of("two"), 2)]);
        assert_eq!(table.find("two"), Some(&2));
        assert_eq!(table.find("three"), None);
        assert_eq!(table.find(""), None);
        assert_eq!(table.find(&TokenHash::of("one").to_string()), None, "the hash is no token");
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_a_plain_token_is_refused() {
        let hash = TokenHash::of("secret");
        assert_eq!(hash.to_string().parse::<TokenHash>().unwrap(), hash);
        assert_eq!(hash.to_string().to_uppercase().replace("SHA", "sha").parse::<TokenHash>().unwrap(), hash);
        for wrong in ["", "secret", "sha256:12", &format!("sha256:{}", "é".repeat(32)), &"0".repeat(64)] {
            let error = wrong.parse::<TokenHash>().unwrap_err();
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
        assert!(!format!("{hash:?}").contains(&hash.to_string()[15..]));
    }

    #[test]
    fn only_a_bearer_header_carries_a_token() {
        let headers = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(bearer_token(&headers("bearer  abc ")).unwrap(), "abc");
        for wrong in ["Basic abc", "Bearer ", "Bearer", "abc"] {
            assert_eq!(bearer_token(&headers(wrong)).unwrap_err().status(), 401);
        }
        assert!(bearer_token(&HeaderMap::new()).is_err());
    }
}
