//! Which scheme a source uses.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::{BearerCheck, HmacCheck, NoticeRefusal, VendorPreset, VendorSecret};

/// How the notices of one source are verified. All of it is data, for a configuration file; `scheme` says which.
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
    /// Finch: as Standard Webhooks, with its own headers and without public keys.
    Finch(VendorPreset),
    /// Standard Webhooks: base64 HMAC-SHA256 (`v1`) or Ed25519 (`v1a`) of id, time and body.
    StandardWebhooks(VendorPreset),
    /// A fixed value in a header.
    Bearer(BearerCheck),
    /// Anything else that signs with an HMAC.
    Hmac(Box<HmacCheck>),
    /// Takes everything from everybody. Only for tests, and only where somebody wrote `none`.
    None {},
}

/// A notice by somebody who knows a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedNotice {
    /// The id of the notice, where the scheme signs one. The same id again is the same notice again.
    pub id: Option<String>,
    /// When it was signed, in UTC, where the scheme signs that. Older notices than `at` plus the tolerance are refused, so
    /// ids need not be remembered longer.
    pub at: Option<OffsetDateTime>,
}

impl NoticeVerifier {
    /// Whether it can work at all.
    ///
    /// # Errors
    /// The first thing that is wrong: which setting, what with it, and how to put it right. Never repeats a secret.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Bearer(bearer) => bearer.check(),
            _ => self.as_hmac().map_or(Ok(()), |hmac| hmac.check()),
        }
    }

    /// Whether a notice comes from somebody who knows one of the secrets.
    ///
    /// `headers` gives the value of a header by its name in lower case, without blanks around it; one that was sent several
    /// times joined with a blank or with `, `, one that is not text as if it were not there. `body` is the raw body, byte for
    /// byte. `now` is the time at which it came.
    ///
    /// # Errors
    /// Why not; see [`NoticeRefusal`]. The signature is looked at before the age. Everything is refused where
    /// [`NoticeVerifier::check`] fails.
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

    /// Whether somebody who saw a notice, and does not know a secret, could send it again with another value in this header
    /// (its name in lower case). Where nothing is signed (`bearer`, `none`), whoever can send at all can say anything.
    pub fn leaves_open(&self, header: &str) -> bool {
        let Some(hmac) = self.as_hmac() else { return false };
        let is = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(header));
        !is(&hmac.timestamp_header) && !is(&hmac.id_header)
    }

    /// Whether a notice is signed and its time is not, so that it can be sent again at any time.
    pub fn signs_no_time(&self) -> bool {
        self.as_hmac().is_some_and(|hmac| hmac.timestamp_header.is_none())
    }

    /// The same as settings of the custom scheme `hmac`: what a preset stands for. Nothing for `bearer` and `none`.
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

    /// The secrets, so that a caller can add those that it keeps in files. Nothing for `none`.
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
