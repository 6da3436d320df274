//! Secrets in a configuration.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::mistake::field_mistake;
use crate::{SECRET_BYTES_MAX, SECRETS_MAX};

/// A secret as the vendor shows it. Its `Debug` form is constant, and the text cannot be read back.
#[derive(Clone)]
pub struct VendorSecret(String);

impl VendorSecret {
    /// Creates a secret from its text, such as the content of a file. Nothing is trimmed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the length in characters.
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl From<&str> for VendorSecret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for VendorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Checks the requirements for every list of secrets.
pub(crate) fn check_secrets(secrets: &[VendorSecret]) -> Result<(), String> {
    if secrets.is_empty() {
        return Err(field_mistake(
            "secrets",
            "is empty",
            "give the secret that the vendor shows for this webhook",
        ));
    }
    if secrets.len() > SECRETS_MAX {
        let what = format!("holds more than {SECRETS_MAX}");
        return Err(field_mistake("secrets", &what, "take out those that are no longer used"));
    }
    secrets
        .iter()
        .enumerate()
        .try_for_each(|(at, secret)| check_one(&format!("secrets[{at}]"), secret.text()))
}

/// Checks one secret.
fn check_one(field: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(field_mistake(field, "is empty", "give the secret, or take the entry out"));
    }
    if text.len() > SECRET_BYTES_MAX {
        let what = format!("is longer than {SECRET_BYTES_MAX} bytes");
        return Err(field_mistake(field, &what, "give the secret itself, not a file or a certificate"));
    }
    // A line feed from a file or a space from a table would never match, and the cause would be hard to find.
    if text.trim() != text || text.chars().any(char::is_control) {
        let what = "has a blank or a line break around it, or a control character in it";
        return Err(field_mistake(field, what, "take it out"));
    }
    Ok(())
}

/// Errors that do not repeat the unexpected value, as serde's own errors do. The deserializer must not decide which
/// type is expected either, so both visitors accept any value.
macro_rules! without_repeating {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E: de::Error>(self, _: $type) -> Result<Self::Value, E> {
            Err(E::custom(format_args!("this is not {}", SecretWords(&self))))
        })*
    };
}

/// The expectation of a visitor, as text.
struct SecretWords<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> fmt::Display for SecretWords<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

/// The visitor of one secret.
struct SingleSecret;

impl Visitor<'_> for SingleSecret {
    type Value = VendorSecret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret: a text, in quotes if it could be read as a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<VendorSecret, E> {
        Ok(VendorSecret::new(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<VendorSecret, E> {
        Ok(VendorSecret(text))
    }

    without_repeating!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128);
    without_repeating!(visit_f64: f64, visit_bytes: &[u8]);
}

impl<'de> Deserialize<'de> for VendorSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SingleSecret)
    }
}

/// The visitor of a list of secrets.
struct SecretList;

impl<'de> Visitor<'de> for SecretList {
    type Value = Vec<VendorSecret>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of secrets")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<VendorSecret>, A::Error> {
        let mut secrets = Vec::new();
        while let Some(secret) = entries.next_element()? {
            secrets.push(secret);
        }
        Ok(secrets)
    }

    without_repeating!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128);
    without_repeating!(visit_f64: f64, visit_bytes: &[u8], visit_str: &str);
}

/// Deserializes a list of secrets with errors that repeat no value.
pub(crate) fn deserialize_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<VendorSecret>, D::Error> {
    deserializer.deserialize_any(SecretList)
}
