//! Translates messages of the YAML parser into the terms of a policy.

use crate::scope::edit_distance;

/// The maximum edit distance that counts as a misspelling.
const SLIPS_MAX: usize = 2;

/// Translates a message of the YAML parser into the terms of a policy. Returns the message and a suggested fix.
pub(super) fn in_words(message: &str) -> (String, String) {
    const PARTS: &str = "a policy consists of target, guard, defaultDomain, users (scope, mappings, match, actions, outOfScope, leaver, assumeEmpty, protected) and groups (the same without leaver); `usher policy schema` prints its schema";
    if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        let key = key.split(',').next().unwrap_or(key);
        return (format!("`{key}` occurs twice"), "keep one of the two".to_owned());
    }
    if let Some((key, known)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'))
    {
        return unknown_key(key, known);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return (format!("{key} is missing"), "add it".to_owned());
    }
    let starts = |text: &str| message.starts_with(text);
    let (what, fix) = match message {
        _ if starts("multiple YAML documents") => {
            ("a second document begins here".to_owned(), "write one policy per file, without `---`")
        }
        _ if starts("unexpected end of input") => ("the file ends too early, or is empty".to_owned(), PARTS),
        _ if starts("invalid u") || starts("invalid i") => {
            ("this is not a whole number, or it is too large or negative".to_owned(), "write digits only")
        }
        _ if starts("expected sequence start") => ("a list is expected here".to_owned(), "write [..., ...]"),
        _ if starts("expected mapping start") => ("a map is expected here".to_owned(), PARTS),
        _ if starts("The string value [") => {
            let value = message.trim_start_matches("The string value [").split("] must").next().unwrap_or("");
            (format!("YAML does not read `{value}` as text"), "put it in quotes")
        }
        _ if starts("invalid boolean") => {
            ("this is neither true nor false".to_owned(), "write true or false")
        }
        _ if starts("cannot deserialize null") => {
            ("a text is expected here, and there is none".to_owned(), "write it, or leave the key out")
        }
        _ if starts("non-finite float") => ("this is not a number".to_owned(), "put it in quotes"),
        _ if starts("tabs disallowed") => {
            ("a line is indented with a tab".to_owned(), "indent with spaces: YAML does not allow tabs")
        }
        _ => (message.to_owned(), PARTS),
    };
    (what, fix.to_owned())
}

/// Returns the error for an unknown key. `known` is the parser's
/// list of the keys that are valid here, each between backticks.
fn unknown_key(key: &str, known: &str) -> (String, String) {
    let list = known.rsplit("one of ").next().unwrap_or(known);
    let names: Vec<&str> = list
        .split([',', '`'])
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.contains(' '))
        .collect();
    let slips = |name: &&str| edit_distance(&key.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let meant =
        names.iter().copied().min_by_key(slips).filter(|name| slips(name) <= SLIPS_MAX.min(name.len() / 3));
    let fix = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: {}", names.join(", ")),
    };
    (format!("unknown key `{key}`"), fix)
}
