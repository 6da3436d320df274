//! Conversion of the text of a secret into a key.

use base64::Engine;
use ring::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::VendorSecret;
use crate::mistake::field_mistake;
use crate::signature::BASE64;

/// The prefixes of the Standard Webhooks specification: a shared secret, the sender's private key, its public key.
const SHARED: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// The conversion from the text of a secret to the bytes of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// The bytes of the text itself.
    #[default]
    Text,
    /// Base64, with or without padding.
    Base64,
    /// The format of Standard Webhooks: `whsec_` (optional) and the base64 of a shared secret, or `whpk_` and the
    /// base64 of the sender's Ed25519 public key.
    StandardWebhooks,
}

/// A key that verifies signatures. Only the text of the secret decides its kind, never the content of a request.
pub(crate) enum SigningKey {
    Shared(ring::hmac::Key),
    Public(UnparsedPublicKey<Vec<u8>>),
}

impl SecretEncoding {
    /// Returns the keys of secrets that passed `secret::check`.
    pub(crate) fn keys(
        self,
        secrets: &[VendorSecret],
        algorithm: ring::hmac::Algorithm,
    ) -> Result<Vec<SigningKey>, String> {
        let key = |(at, secret): (usize, &VendorSecret)| {
            self.key(&format!("secrets[{at}]"), secret.text(), algorithm)
        };
        secrets.iter().enumerate().map(key).collect()
    }

    fn key(self, field: &str, text: &str, algorithm: ring::hmac::Algorithm) -> Result<SigningKey, String> {
        // A public key is not secret: as a shared secret it would let everyone sign.
        if text.starts_with(PUBLIC) && self != Self::StandardWebhooks {
            let fix = "set `secret_encoding: standard_webhooks`";
            return Err(field_mistake(field, "is a public key, not a shared secret", fix));
        }
        if text.starts_with(PRIVATE) {
            let fix = "give the public key, `whpk_...`, and replace the pair";
            return Err(field_mistake(
                field,
                "is the sender's private key, which only the sender may have",
                fix,
            ));
        }
        let shared = |bytes: &[u8]| SigningKey::Shared(ring::hmac::Key::new(algorithm, bytes));
        match self {
            Self::Text => Ok(shared(text.as_bytes())),
            Self::Base64 => Ok(shared(&decode_key(field, text)?)),
            Self::StandardWebhooks => match text.strip_prefix(PUBLIC) {
                Some(public) => public_key(field, public),
                None => Ok(shared(&decode_key(field, text.strip_prefix(SHARED).unwrap_or(text))?)),
            },
        }
    }
}

/// Decodes the base64 text of a key.
fn decode_key(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let bytes = BASE64.decode(text).unwrap_or_default();
    if bytes.is_empty() {
        let fix = "copy it again from the vendor, whole; `secret_encoding: text` takes it as it is";
        return Err(field_mistake(field, "is not base64, or empty", fix));
    }
    Ok(bytes)
}

/// Decodes an Ed25519 public key.
fn public_key(field: &str, text: &str) -> Result<SigningKey, String> {
    let bytes = decode_key(field, text)?;
    if bytes.len() != ED25519_PUBLIC_KEY_LEN {
        let what = format!("is not an Ed25519 public key of {ED25519_PUBLIC_KEY_LEN} bytes");
        return Err(field_mistake(field, &what, "copy it again from the vendor, whole"));
    }
    Ok(SigningKey::Public(UnparsedPublicKey::new(&ED25519, bytes)))
}
