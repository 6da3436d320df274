//! The configuration of a credential.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{HiddenSecret, SourceCredential};

/// The credential for an API. Secrets are in the configuration (where `${NAME}` takes them from the environment) or in
/// a file, which is read again for each request.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CredentialConfig {
    /// A bearer token: `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: Option<String>,
        /// The file that holds the token.
        token_file: Option<PathBuf>,
    },
    /// A user and a password: `Authorization: Basic`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Option<String>,
        /// The file that holds the password.
        password_file: Option<PathBuf>,
    },
    /// A header that the API defines.
    Header {
        /// The name of the header.
        name: String,
        /// The complete value of the header.
        value: Option<String>,
        /// The file that holds the value.
        value_file: Option<PathBuf>,
    },
    /// OAuth 2.0 client credentials.
    #[serde(rename = "oauth2")]
    OAuth2 {
        /// The URL of the token endpoint.
        token_url: String,
        /// The client id.
        client_id: String,
        /// The client secret.
        client_secret: Option<String>,
        /// The file that holds the client secret.
        client_secret_file: Option<PathBuf>,
        /// The requested scope, if the endpoint needs one.
        scope: Option<String>,
    },
}

/// Shows the kind and nothing else.
impl std::fmt::Debug for CredentialConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer { .. } => "Bearer(<redacted>)",
            Self::Basic { .. } => "Basic(<redacted>)",
            Self::Header { .. } => "Header(<redacted>)",
            Self::OAuth2 { .. } => "OAuth2(<redacted>)",
        })
    }
}

impl CredentialConfig {
    /// Resolves the configuration to a credential.
    ///
    /// # Errors
    /// Returns the fault, and how to fix it.
    pub fn read(&self) -> Result<SourceCredential, String> {
        Ok(match self {
            Self::Bearer { token, token_file } => {
                SourceCredential::Bearer(secret_text("token", token, token_file)?)
            }
            Self::Basic { username, password, password_file } => SourceCredential::Basic {
                username: username.clone(),
                password: secret_text("password", password, password_file)?,
            },
            Self::Header { name, value, value_file } => SourceCredential::Header {
                name: name.clone(),
                value: secret_text("value", value, value_file)?,
            },
            Self::OAuth2 { token_url, client_id, client_secret, client_secret_file, scope } => {
                SourceCredential::OAuth {
                    token_url: token_url
                        .parse()
                        .map_err(|error| format!("`token_url` is not a URL ({error})"))?,
                    client_id: client_id.clone(),
                    client_secret: secret_text("client_secret", client_secret, client_secret_file)?,
                    scope: scope.clone(),
                }
            }
        })
    }
}

/// Returns the secret that is configured either as text or as a file.
fn secret_text(name: &str, text: &Option<String>, file: &Option<PathBuf>) -> Result<HiddenSecret, String> {
    match (text, file) {
        (Some(text), None) => Ok(HiddenSecret::Text(text.clone())),
        (None, Some(file)) => Ok(HiddenSecret::File(file.clone())),
        _ => Err(format!("its credential needs either `{name}` or `{name}_file`")),
    }
}
