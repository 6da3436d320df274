//! The headers of a request.

use crate::NoticeRefusal;

/// Returns the value of a required header.
pub(crate) fn required_header<'h>(
    headers: impl Fn(&str) -> Option<&'h str>,
    name: &str,
    limit_bytes: usize,
) -> Result<&'h str, NoticeRefusal> {
    let value = headers(name).ok_or_else(|| NoticeRefusal::MissingHeader { header: name.to_owned() })?;
    if value.len() > limit_bytes {
        return Err(NoticeRefusal::LongHeader { header: name.to_owned(), limit_bytes });
    }
    Ok(value)
}
