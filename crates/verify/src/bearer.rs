//! The scheme that signs nothing: a value that only the sender knows, in a header.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq};

use crate::hmac::header;
use crate::mistake::{header_name, mistake};
use crate::{Refusal, SIGNATURE_BYTES_MAX, Secret, Verified, secret};

/// A fixed value in a header. Okta's event hooks and Rippling send one in `Authorization`. It says who sends and not
/// that the body is theirs, so it needs TLS all the way.
///
/// ```yaml
/// scheme: bearer
/// secrets: ["Bearer ${OKTA_HOOK_TOKEN}"]
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The whole value of the header, so with `Bearer ` before it if the sender puts that there. Any of these may be sent.
    #[serde(default, deserialize_with = "secret::list")]
    pub secrets: Vec<Secret>,
    /// The header that carries it.
    #[serde(default = "authorization")]
    pub header: String,
}

fn authorization() -> String {
    "authorization".to_owned()
}

impl Bearer {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.name().map(drop)
    }

    /// The name of the header in lower case, if the configuration is right.
    fn name(&self) -> Result<String, String> {
        secret::check(&self.secrets)?;
        let sendable =
            |secret: &Secret| secret.text().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if let Some(at) = self.secrets.iter().position(|secret| !sendable(secret)) {
            let what = "has characters that a header cannot carry";
            return Err(mistake(
                format!("secrets[{at}]"),
                what,
                "choose a token of ASCII letters and digits",
            ));
        }
        header_name("header", &self.header)
    }

    pub(crate) fn verify<'h>(&self, headers: impl Fn(&str) -> Option<&'h str>) -> Result<Verified, Refusal> {
        let name = self.name().map_err(|_| Refusal::Misconfigured)?;
        let sent = digest(&SHA256, header(headers, &name, SIGNATURE_BYTES_MAX)?.as_bytes());
        // Hashes are of one length, so a comparison tells nothing about the length of a secret either.
        let same = |secret: &Secret| digest(&SHA256, secret.text().as_bytes()).as_ref().ct_eq(sent.as_ref());
        let matched = self.secrets.iter().fold(Choice::from(0), |matched, secret| matched | same(secret));
        match bool::from(matched) {
            true => Ok(Verified::default()),
            false => {
                Err(Refusal::WrongSignature { header: name, candidates: 1, secrets: self.secrets.len() })
            }
        }
    }
}
