//! Rendering for operators: answers of the console's API as aligned plain text.
//!
//! Every function is pure and returns text that ends with a line end. To add a view: a file here, named after the noun, and its
//! command in `operator/`.

pub mod dead;
pub mod feed;
pub mod held;
pub mod leavers;
pub mod orders;
pub mod outbox;
pub mod people;
pub mod plan;
pub mod policy;
pub mod provision;
pub mod quarantine;
pub mod reconcile;
pub mod schedule;
pub mod status;
pub mod table;
pub mod trace;
mod undecided;
pub mod verify;

use std::borrow::Cow;

/// Removes characters that move the cursor or change the writing direction. An answer of a target or a person's name must not
/// alter what an operator sees.
pub(crate) fn clean_text(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_control) {
        text.chars().map(|c| if is_control(c) { ' ' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

/// Returns whether a terminal obeys the character, shows nothing for it, or writes in another direction because of it.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Removes the characters of [`clean_text`] from a text of several lines.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| c == '\n' || !is_control(c);
    if text.chars().all(is_kept) {
        return text.into();
    }
    text.chars().map(|c| if is_kept(c) { c } else { ' ' }).collect::<String>().into()
}

/// Writes the characters of [`clean_text`] in JSON as `\uXXXX`, so that the value stays the same and the terminal obeys none of
/// them. JSON has them only in strings.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let is_kept = |c: char| c == '\n' || !is_control(c);
    if json.chars().all(is_kept) {
        return json.into();
    }
    let mut text = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_kept(c) {
            text.push(c);
        } else {
            // None of them is beyond the first plane, so one escape is enough.
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    text.into()
}

/// Maximum length of a shown value, in characters; the JSON has the full value.
const VALUE_CHARS_MAX: usize = 200;

/// Formats a JSON value in one line, and truncates a long one.
pub(crate) fn value_line(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let text = clean_text(&text);
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

/// Indents each line of `body` by two columns.
pub(crate) fn indent_text(body: &str) -> String {
    body.lines().map(|line| format!("  {}\n", clean_text(line))).collect()
}

/// Shortens an API timestamp to the millisecond; text of another form is returned unchanged.
pub(crate) fn instant_text(rfc3339: &str) -> String {
    match rfc3339.strip_suffix('Z').and_then(|text| text.split_once('.')) {
        Some((seconds, fraction)) if fraction.len() > 3 => format!("{seconds}.{}Z", &fraction[..3]),
        _ => clean_text(rfc3339).into_owned(),
    }
}

/// Returns `1 attempt` or `2 attempts`.
pub(crate) fn attempts_text(count: i64) -> String {
    format!("{count} attempt{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_steers_a_terminal_becomes_a_blank() {
        assert_eq!(clean_text("a\u{1b}[2J\u{202e}b\u{9b}c\u{2066}"), "a [2J b c ");
        assert!(matches!(clean_text("Zo\u{eb} \u{5d0}"), Cow::Borrowed(_)), "letters of any script stay");
    }

    #[test]
    fn invisible_characters_become_blanks_too() {
        assert_eq!(clean_text("adm\u{200b}in\u{61c}\u{feff}\u{2060}"), "adm in   ");
        assert_eq!(clean_lines("a\u{9b}31m\nb\r\n"), "a 31m\nb \n");
    }

    #[test]
    fn json_is_the_same_value_without_a_character_that_a_terminal_obeys() {
        let value = json!({"name": "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{200b}b\n", "key\u{85}": "Zo\u{eb}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = escape_json(&text);
        assert!(!escaped.chars().any(|c| c != '\n' && is_control(c)), "{escaped:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(value_line(&json!("a\u{9b}b")), "\"a b\"");
        let text = value_line(&json!("\u{e5}".repeat(500)));
        assert_eq!((text.chars().count(), text.ends_with("...")), (VALUE_CHARS_MAX + 3, true));
    }
}
