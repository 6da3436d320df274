//! What operators read: answers of the console's API as aligned plain text.
//!
//! Every function is pure and returns text that ends with a line end. To add a view: a file here, named after the
//! noun, and a case in `operator.rs`.

pub mod dead;
pub mod status;
pub mod table;
pub mod trace;

use std::borrow::Cow;

/// `text` without control characters: what a target answered must not move an operator's cursor.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

/// A timestamp of the API to the millisecond, as it is when it is of another form.
pub(crate) fn instant(rfc3339: &str) -> String {
    match rfc3339.strip_suffix('Z').and_then(|text| text.split_once('.')) {
        Some((seconds, fraction)) if fraction.len() > 3 => format!("{seconds}.{}Z", &fraction[..3]),
        _ => clean(rfc3339).into_owned(),
    }
}

/// `1 attempt`, `2 attempts`.
pub(crate) fn attempts(count: i64) -> String {
    format!("{count} attempt{}", if count == 1 { "" } else { "s" })
}
