//! Credentials for APIs: a token, a password, a header that the API defines, or OAuth 2.0 client credentials (RFC 6749 section 4.4).
//!
//! Secrets in files are read again for each request, so a rotated secret takes effect without a restart. OAuth tokens
//! are cached until shortly before they expire, and discarded if the API refuses one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lifecycle::AttemptClass;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::encoding::encode_segment;

/// The time before its expiry at which a token is fetched again.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// The assumed lifetime of a token if the endpoint does not state one.
const TOKEN_LIFE: Duration = Duration::from_secs(300);
/// The maximum size of a token endpoint's answer, and of a secret in a file, in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// A secret. Its `Debug` form is masked.
#[derive(Clone, PartialEq, Eq)]
pub enum HiddenSecret {
    /// The secret itself.
    Text(String),
    /// A file that holds the secret; surrounding whitespace is ignored.
    File(PathBuf),
}

impl From<&str> for HiddenSecret {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl std::fmt::Debug for HiddenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<redacted>"),
            Self::File(path) => write!(f, "<in {}>", path.display()),
        }
    }
}

impl HiddenSecret {
    fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File(path) => {
                let read = std::fs::read_to_string(path);
                let text = read
                    .map_err(|error| format!("the secret in {} cannot be read: {error}", path.display()))?;
                text.trim().to_owned()
            }
        };
        match text.len() {
            0 => Err("the secret is empty".to_owned()),
            length if length > BYTES_MAX => Err(format!("the secret is longer than {BYTES_MAX} bytes")),
            _ => Ok(text),
        }
    }
}

/// The credential for an API.
#[derive(Debug, Clone)]
pub enum SourceCredential {
    /// An `Authorization: Bearer` token.
    Bearer(HiddenSecret),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: HiddenSecret,
    },
    /// A header that the API defines.
    Header {
        /// The name of the header.
        name: String,
        /// The complete value of the header.
        value: HiddenSecret,
    },
    /// OAuth 2.0 client credentials.
    OAuth {
        /// The URL of the token endpoint.
        token_url: Url,
        /// The client id.
        client_id: String,
        /// The client secret.
        client_secret: HiddenSecret,
        /// The requested scope, if the endpoint needs one.
        scope: Option<String>,
    },
}

/// A header that authorizes a request, and the secret in it that must not be shown.
pub struct AuthorizationHeader {
    /// The name of the header.
    pub name: HeaderName,
    /// The value of the header.
    pub value: HeaderValue,
    /// The secret that must not be shown.
    pub secret: String,
}

/// The authenticator of requests to one API: returns the authorization header.
#[derive(Debug)]
pub struct Authenticator {
    credential: SourceCredential,
    http: reqwest::Client,
    token: Mutex<Option<CachedToken>>,
}

/// A token with the time until which it is used.
struct CachedToken {
    text: String,
    until: Instant,
}

impl std::fmt::Debug for CachedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// The lifetime in seconds. Some servers write the number as a text.
    expires_in: Option<serde_json::Value>,
}

impl TokenAnswer {
    fn life(&self) -> Duration {
        let seconds = match &self.expires_in {
            Some(serde_json::Value::Number(number)) => number.as_f64(),
            Some(serde_json::Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let seconds = seconds.filter(|seconds: &f64| *seconds >= 0.0 && *seconds <= f64::from(u32::MAX));
        seconds.map_or(TOKEN_LIFE, Duration::from_secs_f64)
    }
}

/// The reason that there is no authorization header, and its class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PassError {
    /// The class, which decides the next step.
    pub class: AttemptClass,
    /// The reason in words, without a secret.
    pub message: String,
}

impl PassError {
    fn new(class: AttemptClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl Authenticator {
    /// Creates an authenticator. `http` is used for the token endpoint and must not follow redirects.
    pub fn new(credential: SourceCredential, http: reqwest::Client) -> Self {
        Self { credential, http, token: Mutex::new(None) }
    }

    /// Returns whether the credential can be used, as far as this can be checked without a request. A missing file is
    /// not an error, because it may be created later.
    pub fn check(&self) -> bool {
        match &self.credential {
            SourceCredential::Bearer(HiddenSecret::Text(token)) => {
                header_pass(AUTHORIZATION, &format!("Bearer {token}"), token).is_ok()
                    && !token.trim().is_empty()
            }
            SourceCredential::Header { name, .. } => HeaderName::try_from(name).is_ok(),
            _ => true,
        }
    }

    /// Returns the current secret, if it is known without a request. It must not be shown.
    pub fn secret(&self) -> Option<String> {
        match &self.credential {
            SourceCredential::Bearer(secret)
            | SourceCredential::Basic { password: secret, .. }
            | SourceCredential::Header { value: secret, .. }
            | SourceCredential::OAuth { client_secret: secret, .. } => secret.read().ok(),
        }
    }

    /// Returns the header for the next request.
    ///
    /// # Errors
    /// Returns an error if the secret cannot be read or sent, or if the token endpoint returns no token.
    pub async fn pass(&self) -> Result<AuthorizationHeader, PassError> {
        let unauthorised = |message: String| PassError::new(AttemptClass::Unauthorised, message);
        match &self.credential {
            SourceCredential::Bearer(secret) => {
                let token = secret.read().map_err(unauthorised)?;
                header_pass(AUTHORIZATION, &format!("Bearer {token}"), &token)
            }
            SourceCredential::Basic { username, password } => {
                let password = password.read().map_err(unauthorised)?;
                let both = BASE64.encode(format!("{username}:{password}"));
                header_pass(AUTHORIZATION, &format!("Basic {both}"), &both)
            }
            SourceCredential::Header { name, value } => {
                let name = HeaderName::try_from(name)
                    .map_err(|_| unauthorised("the header's name is not valid".to_owned()))?;
                let value = value.read().map_err(unauthorised)?;
                header_pass(name, &value, &value)
            }
            SourceCredential::OAuth { .. } => {
                let mut kept = self.token.lock().await;
                let fresh = kept.as_ref().filter(|token| token.until > Instant::now());
                let text = match fresh {
                    Some(token) => token.text.clone(),
                    None => {
                        let token = self.fetch().await?;
                        let text = token.text.clone();
                        *kept = Some(token);
                        text
                    }
                };
                header_pass(AUTHORIZATION, &format!("Bearer {text}"), &text)
            }
        }
    }

    /// Reports that the API refused the credential. Discards a cached token.
    pub async fn refused(&self) {
        *self.token.lock().await = None;
    }

    async fn fetch(&self) -> Result<CachedToken, PassError> {
        let SourceCredential::OAuth { token_url, client_id, client_secret, scope } = &self.credential else {
            return Err(PassError::new(AttemptClass::Unauthorised, "there is no token endpoint"));
        };
        let secret = client_secret.read().map_err(|why| PassError::new(AttemptClass::Unauthorised, why))?;
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = scope {
            form.push_str(&format!("&scope={}", encode_segment(scope)));
        }
        // RFC 6749 section 2.3.1: both are form-encoded before they become a user and a password.
        let (id, secret) = (encode_segment(client_id), encode_segment(&secret));
        let request = self
            .http
            .post(token_url.clone())
            .header(AUTHORIZATION, format!("Basic {}", BASE64.encode(format!("{id}:{secret}"))))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(form);
        let unreachable =
            |what: &str| PassError::new(AttemptClass::Unavailable, format!("the token endpoint {what}"));
        let mut answer = request.send().await.map_err(|_| unreachable("cannot be reached"))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| unreachable("broke off"))? {
            if body.len() + chunk.len() > BYTES_MAX {
                return Err(unreachable("sends an answer that is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let class = match status.is_client_error() && status.as_u16() != 429 {
                true => AttemptClass::Unauthorised,
                false => AttemptClass::Unavailable,
            };
            return Err(PassError::new(class, format!("the token endpoint answers {}", status.as_u16())));
        }
        let token: TokenAnswer = serde_json::from_slice(&body).map_err(|_| {
            PassError::new(AttemptClass::Unauthorised, "the token endpoint's answer has no access_token")
        })?;
        let life = token.life();
        let until = Instant::now() + life.saturating_sub(RENEW_BEFORE.min(life / 2));
        Ok(CachedToken { text: token.access_token, until })
    }
}

/// Returns a header with the value marked as sensitive.
fn header_pass(name: HeaderName, value: &str, secret: &str) -> Result<AuthorizationHeader, PassError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        PassError::new(AttemptClass::Unauthorised, "the credential has characters that no header can hold")
    })?;
    value.set_sensitive(true);
    Ok(AuthorizationHeader { name, value, secret: secret.to_owned() })
}
