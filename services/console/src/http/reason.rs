//! The reason that an operator gives for an action.

use edge::{FieldErrors, Problem};
use lifecycle::Actor;

use super::problem::invalid_request;

/// Maximum length of a reason, in characters.
const WHY_CHARS_MAX: usize = 1_000;

/// Returns the trimmed reason. A reason is part of the audit trail, so an empty or too long one is an error.
pub(super) fn check_reason(why: &str, wrong: &mut FieldErrors) -> String {
    let why = why.trim();
    if why.is_empty() {
        wrong.add("/why", "is required: say why, it is kept in the timeline");
    } else if why.chars().count() > WHY_CHARS_MAX {
        wrong.add("/why", format!("is longer than {WHY_CHARS_MAX} characters"));
    }
    why.to_owned()
}

/// Returns the operator with the reason, for a request in which nothing else is checked.
pub(super) fn check_actor(who: String, why: &str) -> Result<Actor, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(why, &mut wrong) };
    if wrong.is_empty() { Ok(actor) } else { Err(invalid_request(wrong)) }
}
