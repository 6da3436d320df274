//! Limits for values from a target that a table stores: bounded, and without characters that a database refuses.

/// The maximum length of a stored resource id, in bytes: an index holds no entry of more than 2,704.
const REMOTE_ID_BYTES_MAX: usize = 1_024;
/// The maximum length of a stored text for an operator, in characters.
const WORDS_MAX: usize = 4_096;

/// Returns the reason why an id from a target cannot be used, if it cannot.
pub(crate) fn remote_id_fault(id: &str) -> Option<String> {
    let why = if id.trim().is_empty() {
        "is blank".to_owned()
    } else if id.len() > REMOTE_ID_BYTES_MAX {
        format!("has {} bytes, and at most {REMOTE_ID_BYTES_MAX} are kept", id.len())
    } else if id.chars().any(char::is_control) {
        "holds control characters".to_owned()
    } else {
        return None;
    };
    Some(format!("the id from the target {why}: {:?}", id.chars().take(64).collect::<String>()))
}

/// Returns the text in a form that every database accepts.
pub(crate) fn stored_text(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !c.is_whitespace() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(WORDS_MAX).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_usual_form_are_kept_and_hostile_ones_are_not() {
        for id in
            ["1", "2819c223-7f76-453a-919d-413861904646", "uid=a,dc=b", "../x", "a?b", "a b", "\u{e9}", "0"]
        {
            assert_eq!(remote_id_fault(id), None, "{id}");
        }
        for id in ["", "  ", "ab\0cd", "a\nb", "\u{7f}", &"x".repeat(1_025), &"\u{4e2d}".repeat(400)] {
            assert!(remote_id_fault(id).is_some(), "{id:?}");
        }
        let fault = remote_id_fault(&"x".repeat(1 << 20)).unwrap();
        assert!(fault.len() < 300, "{fault}");
    }

    #[test]
    fn words_are_bounded_and_hold_nothing_that_a_database_refuses() {
        assert_eq!(stored_text("a\0b\nc"), "a\u{fffd}b\nc");
        assert_eq!(stored_text(&"\u{4e2d}".repeat(5_000)).chars().count(), 4_096);
    }
}
