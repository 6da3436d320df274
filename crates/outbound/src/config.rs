//! A credential as it is written in the configuration.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{HiddenSecret, SourceCredential};

/// How the other side knows us. Secrets stand in the configuration (where `${NAME}` takes them from the environment) or in a
/// file, which is read again for each request.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CredentialConfig {
    /// `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: Option<String>,
        /// A file that holds it.
        token_file: Option<PathBuf>,
    },
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Option<String>,
        /// A file that holds it.
        password_file: Option<PathBuf>,
    },
    /// A header of the other side's own.
    Header {
        /// Its name.
        name: String,
        /// Its whole value.
        value: Option<String>,
        /// A file that holds it.
        value_file: Option<PathBuf>,
    },
    /// OAuth 2.0 client credentials.
    #[serde(rename = "oauth2")]
    OAuth2 {
        /// Where tokens are given out.
        token_url: String,
        /// Who we are.
        client_id: String,
        /// Our secret.
        client_secret: Option<String>,
        /// A file that holds it.
        client_secret_file: Option<PathBuf>,
        /// What is asked for, if it wants to be told.
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
    /// The credential.
    ///
    /// # Errors
    /// What is wrong with it, and how to fix it.
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
                        .map_err(|error| format!("`token_url` is no URL ({error})"))?,
                    client_id: client_id.clone(),
                    client_secret: secret_text("client_secret", client_secret, client_secret_file)?,
                    scope: scope.clone(),
                }
            }
        })
    }
}

fn secret_text(name: &str, text: &Option<String>, file: &Option<PathBuf>) -> Result<HiddenSecret, String> {
    match (text, file) {
        (Some(text), None) => Ok(HiddenSecret::Text(text.clone())),
        (None, Some(file)) => Ok(HiddenSecret::File(file.clone())),
        _ => Err(format!("its credential needs either `{name}` or `{name}_file`")),
    }
}
