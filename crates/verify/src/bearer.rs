//! The scheme without a signature: a value in a header that only the sender knows.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq};

use crate::headers::required_header;
use crate::mistake::{field_mistake, header_name};
use crate::{NoticeRefusal, SIGNATURE_BYTES_MAX, VendorSecret, VerifiedNotice, secret};

/// A fixed value in a header. Okta's event hooks and Rippling send one in `Authorization`. It identifies the sender but
/// does not protect the body, so it needs TLS for the whole path.
///
/// ```yaml
/// scheme: bearer
/// secrets: ["Bearer ${OKTA_HOOK_TOKEN}"]
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearerCheck {
    /// The accepted values of the header, complete: with the prefix `Bearer ` if the sender uses it. Any of them may be sent.
    #[serde(default, deserialize_with = "secret::deserialize_list")]
    pub secrets: Vec<VendorSecret>,
    /// The header that carries the value.
    #[serde(default = "default_header")]
    pub header: String,
}

fn default_header() -> String {
    "authorization".to_owned()
}

impl BearerCheck {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.name().map(drop)
    }

    /// Returns the name of the header in lower case, if the configuration is valid.
    fn name(&self) -> Result<String, String> {
        secret::check_secrets(&self.secrets)?;
        let sendable =
            |secret: &VendorSecret| secret.text().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if let Some(at) = self.secrets.iter().position(|secret| !sendable(secret)) {
            let what = "has characters that a header cannot carry";
            return Err(field_mistake(
                format!("secrets[{at}]"),
                what,
                "choose a token of ASCII letters and digits",
            ));
        }
        header_name("header", &self.header)
    }

    pub(crate) fn verify<'h>(
        &self,
        headers: impl Fn(&str) -> Option<&'h str>,
    ) -> Result<VerifiedNotice, NoticeRefusal> {
        let name = self.name().map_err(|_| NoticeRefusal::Misconfigured)?;
        let sent = digest(&SHA256, required_header(headers, &name, SIGNATURE_BYTES_MAX)?.as_bytes());
        // Hashes have one length, so the comparison reveals nothing about the length of a secret.
        let same =
            |secret: &VendorSecret| digest(&SHA256, secret.text().as_bytes()).as_ref().ct_eq(sent.as_ref());
        let matched = self.secrets.iter().fold(Choice::from(0), |matched, secret| matched | same(secret));
        match bool::from(matched) {
            true => Ok(VerifiedNotice::default()),
            false => Err(NoticeRefusal::WrongSignature {
                header: name,
                candidates: 1,
                secrets: self.secrets.len(),
            }),
        }
    }
}
