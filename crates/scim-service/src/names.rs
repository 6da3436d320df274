//! The names in paths and filters: the URN of a schema, the name of an attribute, the name of a sub-attribute.

use crate::{ResourceType, ScimServiceError};

/// The maximum length of a path, in bytes.
pub(crate) const PATH_BYTES_MAX: usize = 4_096;

/// Splits a path into its extension and the text after it, which is absent for a schema as a whole.
pub(crate) fn split_path(
    kind: ResourceType,
    text: &str,
) -> Result<(Option<String>, Option<&str>), ScimServiceError> {
    let text = text.trim();
    if text.len() > PATH_BYTES_MAX {
        return Err(ScimServiceError::invalid_path(format!(
            "a path may have at most {PATH_BYTES_MAX} bytes"
        )));
    }
    Ok(split_urn(kind, text))
}

/// Returns the sub-attribute at the end of a path, after a dot.
pub(crate) fn last_part(rest: &str) -> Result<Option<String>, ScimServiceError> {
    match rest.strip_prefix('.') {
        Some(part) => match take_name(part)? {
            (part, "") => Ok(Some(part.to_owned())),
            _ => Err(ScimServiceError::invalid_path("a path has at most one part after the attribute")),
        },
        None if rest.is_empty() => Ok(None),
        None => Err(ScimServiceError::invalid_path("the path has text after the attribute")),
    }
}

/// Returns `true` if a name is the URN of a schema.
pub(crate) fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("urn:"))
}

/// Returns the extension, and the text after it. The URN of the core schema is dropped.
fn split_urn(kind: ResourceType, text: &str) -> (Option<String>, Option<&str>) {
    if !is_urn(text) {
        return (None, Some(text));
    }
    if let Some(rest) = after_urn(text, kind.schema()) {
        return (None, Some(rest));
    }
    for urn in kind.extensions() {
        if text.eq_ignore_ascii_case(urn) {
            return (Some((*urn).to_owned()), None);
        }
        if let Some(rest) = after_urn(text, urn) {
            return (Some((*urn).to_owned()), Some(rest));
        }
    }
    let urn_end = text.find('[').unwrap_or(text.len());
    let Some(colon) = text[..urn_end].rfind(':') else { return (Some(text.to_owned()), None) };
    let last = &text[colon + 1..urn_end];
    if is_schema_name(last) {
        return (Some(text.to_owned()), None);
    }
    (Some(text[..colon].to_owned()), Some(&text[colon + 1..]))
}

/// Returns `true` for the last part of a schema URN: `...:2.0:User`, `...:1.0`.
fn is_schema_name(last: &str) -> bool {
    let is_version = last.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version || ResourceType::ALL.iter().any(|kind| kind.name().eq_ignore_ascii_case(last))
}

fn after_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let head = text.get(..urn.len())?;
    head.eq_ignore_ascii_case(urn).then(|| text[urn.len()..].strip_prefix(':')).flatten()
}

/// Returns a name (`$ref` is valid) and the text after it.
pub(crate) fn take_name(text: &str) -> Result<(&str, &str), ScimServiceError> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    let name = &text[..end];
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '$' || c == '_') {
        return Err(ScimServiceError::invalid_path("a path names an attribute, which begins with a letter"));
    }
    Ok((name, &text[end..]))
}
