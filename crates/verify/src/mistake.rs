//! Descriptions of wrong settings, which never repeat a value.

use crate::SETTING_BYTES_MAX;

/// Returns the description "`field` what; fix".
pub(crate) fn field_mistake(field: impl AsRef<str>, what: &str, fix: &str) -> String {
    format!("`{}` {what}; {fix}", field.as_ref())
}

/// Returns the name of a header in lower case, if it is valid (RFC 9110, 5.6.2: a token).
pub(crate) fn header_name(field: &str, name: &str) -> Result<String, String> {
    let punctuation = b"!#$%&'*+-.^_`|~";
    let token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || punctuation.contains(&byte));
    if name.is_empty() || name.len() > SETTING_BYTES_MAX || !token {
        return Err(field_mistake(field, "is not the name of a header", "write it as in `X-Acme-Signature`"));
    }
    Ok(name.to_ascii_lowercase())
}
