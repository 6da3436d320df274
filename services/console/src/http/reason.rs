//! Why an operator does something.

use edge::FieldErrors;

/// Longest reason, in characters.
const WHY_CHARS_MAX: usize = 1_000;

/// The reason is part of the audit trail, so it must say something.
pub(super) fn check_reason(why: &str, wrong: &mut FieldErrors) -> String {
    let why = why.trim();
    if why.is_empty() {
        wrong.add("/why", "is required: say why, it is kept in the timeline");
    } else if why.chars().count() > WHY_CHARS_MAX {
        wrong.add("/why", format!("is longer than {WHY_CHARS_MAX} characters"));
    }
    why.to_owned()
}
