//! The choice of the scheme of a source.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::{BearerCheck, HmacCheck, NoticeRefusal, VendorPreset, VendorSecret, VerifiedNotice};

/// The verifier of the notices of one source. It is plain data for a configuration file; `scheme` selects the variant.
///
/// ```yaml
/// scheme: standard_webhooks
/// secrets: ["${NEW_SECRET}", "${OLD_SECRET}"]
/// tolerance_seconds: 120
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoticeVerifier {
    /// BambooHR: hex HMAC-SHA256 of the body and the time after it.
    Bamboohr(VendorPreset),
    /// HiBob: base64 HMAC-SHA512 of the body.
    Hibob(VendorPreset),
    /// Gusto: hex HMAC-SHA256 of the body.
    Gusto(VendorPreset),
    /// Merge: base64url HMAC-SHA256 of the body.
    Merge(VendorPreset),
    /// Finch: like Standard Webhooks, with its own headers and without public keys.
    Finch(VendorPreset),
    /// Standard Webhooks: base64 HMAC-SHA256 (`v1`) or Ed25519 (`v1a`) of id, time and body.
    StandardWebhooks(VendorPreset),
    /// A fixed value in a header.
    Bearer(BearerCheck),
    /// Any other scheme that signs with an HMAC.
    Hmac(Box<HmacCheck>),
    /// No verification: accepts everything from everyone. Only for tests, and only if `none` is configured explicitly.
    None {},
}

impl NoticeVerifier {
    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns the first fault: the setting, what is wrong, and how to fix it. Never repeats a secret.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Bearer(bearer) => bearer.check(),
            _ => self.as_hmac().map_or(Ok(()), |hmac| hmac.check()),
        }
    }

    /// Verifies that a notice comes from a sender that knows one of the secrets.
    ///
    /// `headers` returns the value of a header by its name in lower case, without surrounding spaces. A header that was
    /// sent several times is joined with a space or with `, `; a header that is not text counts as missing. `body` is
    /// the raw body, byte for byte. `now` is the time at which the notice was received.
    ///
    /// # Errors
    /// Returns the reason for the refusal; see [`NoticeRefusal`]. The signature is checked before the age. Every notice
    /// is refused if [`NoticeVerifier::check`] fails.
    pub fn verify<'h>(
        &self,
        headers: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<VerifiedNotice, NoticeRefusal> {
        match self {
            Self::Bearer(bearer) => bearer.verify(headers),
            Self::None {} => Ok(VerifiedNotice::default()),
            _ => self.as_hmac().ok_or(NoticeRefusal::Misconfigured)?.verify(headers, body, now),
        }
    }

    /// Returns whether a party that saw a notice, but does not know a secret, could send it again with another value in
    /// this header (its name in lower case). If nothing is signed (`bearer`, `none`), every sender can send any value.
    pub fn leaves_open(&self, header: &str) -> bool {
        let Some(hmac) = self.as_hmac() else { return false };
        let is = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(header));
        !is(&hmac.timestamp_header) && !is(&hmac.id_header)
    }

    /// Returns whether a notice is signed but its time is not, so that it can be replayed at any time.
    pub fn signs_no_time(&self) -> bool {
        self.as_hmac().is_some_and(|hmac| hmac.timestamp_header.is_none())
    }

    /// Returns the equivalent settings of the custom scheme `hmac`, to which a preset expands. `None` for `bearer` and `none`.
    pub fn as_hmac(&self) -> Option<HmacCheck> {
        match self {
            Self::Bamboohr(preset) => Some(preset.bamboohr()),
            Self::Hibob(preset) => Some(preset.hibob()),
            Self::Gusto(preset) => Some(preset.gusto()),
            Self::Merge(preset) => Some(preset.merge()),
            Self::Finch(preset) => Some(preset.finch()),
            Self::StandardWebhooks(preset) => Some(preset.standard_webhooks()),
            Self::Hmac(hmac) => Some(HmacCheck::clone(hmac)),
            Self::Bearer(_) | Self::None {} => None,
        }
    }

    /// Returns the length of the shortest secret in characters, if there is one.
    pub fn shortest_secret(&self) -> Option<usize> {
        let secrets = match self {
            Self::Bearer(bearer) => bearer.secrets.clone(),
            _ => self.as_hmac()?.secrets,
        };
        secrets.iter().map(VendorSecret::length).min()
    }

    /// Returns the secrets, so that a caller can add the ones that it keeps in files. `None` for the scheme `none`.
    pub fn secrets_mut(&mut self) -> Option<&mut Vec<VendorSecret>> {
        match self {
            Self::Bamboohr(preset)
            | Self::Hibob(preset)
            | Self::Gusto(preset)
            | Self::Merge(preset)
            | Self::Finch(preset)
            | Self::StandardWebhooks(preset) => Some(&mut preset.secrets),
            Self::Bearer(bearer) => Some(&mut bearer.secrets),
            Self::Hmac(hmac) => Some(&mut hmac.secrets),
            Self::None {} => None,
        }
    }
}
