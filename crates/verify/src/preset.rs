//! The presets of vendors, as settings of the custom scheme.

use serde::Deserialize;

use crate::{
    HmacAlgorithm, HmacCheck, SecretEncoding, SignatureEncoding, TimestampFormat, VendorSecret, secret,
};

/// The settings that remain if the vendor is known.
///
/// ```yaml
/// scheme: bamboohr
/// secrets: ["${BAMBOOHR_KEY}"]
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorPreset {
    /// The secrets. Any of them may have signed, so that one can be replaced by another without losing a notice.
    #[serde(default, deserialize_with = "secret::deserialize_list")]
    pub secrets: Vec<VendorSecret>,
    /// The number of seconds by which the notice may be older or newer than the local clock, if the vendor signs a
    /// time. The default is [`crate::TOLERANCE_SECONDS`].
    #[serde(default)]
    pub tolerance_seconds: Option<u64>,
}

impl VendorPreset {
    /// Returns a scheme that signs only the body, with the signature as the only content of its header.
    fn body_only(&self, header: &str, algorithm: HmacAlgorithm, encoding: SignatureEncoding) -> HmacCheck {
        HmacCheck {
            secrets: self.secrets.clone(),
            signature_header: header.to_owned(),
            algorithm,
            encoding,
            signed: "{body}".to_owned(),
            prefix: String::new(),
            ed25519_prefix: None,
            timestamp_header: None,
            timestamp_format: TimestampFormat::UnixSeconds,
            id_header: None,
            tolerance_seconds: self.tolerance_seconds,
            secret_encoding: SecretEncoding::Text,
        }
    }

    /// Returns BambooHR's scheme. The time follows the body, without a separator: <https://documentation.bamboohr.com/docs/webhooks>. This
    /// is the order of the vendor's sample code; some third-party guides have another.
    pub(crate) fn bamboohr(&self) -> HmacCheck {
        HmacCheck {
            signed: "{body}{timestamp}".to_owned(),
            timestamp_header: Some("x-bamboohr-timestamp".to_owned()),
            ..self.body_only("x-bamboohr-signature", HmacAlgorithm::Sha256, SignatureEncoding::Hex)
        }
    }

    /// Returns HiBob's scheme: <https://apidocs.hibob.com/docs/working-with-webhooks>. No time is signed.
    pub(crate) fn hibob(&self) -> HmacCheck {
        self.body_only("bob-signature", HmacAlgorithm::Sha512, SignatureEncoding::Base64)
    }

    /// Returns Gusto's scheme. The secret is the verification token of the subscription. No time is signed. Source:
    /// third-party descriptions.
    pub(crate) fn gusto(&self) -> HmacCheck {
        self.body_only("x-gusto-signature", HmacAlgorithm::Sha256, SignatureEncoding::Hex)
    }

    /// Returns Merge's scheme. The signature is base64url; descriptions differ on its padding. No time is signed.
    /// Source: third-party integrations.
    pub(crate) fn merge(&self) -> HmacCheck {
        self.body_only("x-merge-webhook-signature", HmacAlgorithm::Sha256, SignatureEncoding::Base64url)
    }

    /// Returns Finch's scheme: Standard Webhooks with its own headers. Sources:
    /// <https://developer.tryfinch.com/developer-resources/Webhooks>, and `webhook.go` of Finch-API/finch-api-go.
    pub(crate) fn finch(&self) -> HmacCheck {
        HmacCheck {
            signed: "{id}.{timestamp}.{body}".to_owned(),
            prefix: "v1,".to_owned(),
            timestamp_header: Some("finch-timestamp".to_owned()),
            id_header: Some("finch-event-id".to_owned()),
            secret_encoding: SecretEncoding::Base64,
            ..self.body_only("finch-signature", HmacAlgorithm::Sha256, SignatureEncoding::Base64)
        }
    }

    /// Returns the scheme of Standard Webhooks, with shared secrets (`v1`) and public keys (`v1a`):
    /// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
    pub(crate) fn standard_webhooks(&self) -> HmacCheck {
        HmacCheck {
            signed: "{id}.{timestamp}.{body}".to_owned(),
            prefix: "v1,".to_owned(),
            ed25519_prefix: Some("v1a,".to_owned()),
            timestamp_header: Some("webhook-timestamp".to_owned()),
            id_header: Some("webhook-id".to_owned()),
            secret_encoding: SecretEncoding::StandardWebhooks,
            ..self.body_only("webhook-signature", HmacAlgorithm::Sha256, SignatureEncoding::Base64)
        }
    }
}
