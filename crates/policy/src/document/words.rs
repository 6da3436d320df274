//! What the parser of YAML says, in the words of a policy.

use crate::scope::edit_distance;

/// More letters than this are no slip.
const SLIPS_MAX: usize = 2;

/// What the parser of YAML says, in the words of a policy, and what to do.
pub(super) fn in_words(message: &str) -> (String, String) {
    const PARTS: &str = "a policy consists of target, guard, defaultDomain, users (scope, mappings, match, actions, outOfScope, leaver, assumeEmpty, protected) and groups (the same without leaver); `usher policy schema` prints its schema";
    if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        let key = key.split(',').next().unwrap_or(key);
        return (format!("`{key}` stands twice"), "keep one of the two".to_owned());
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
            ("this is no whole number, or too large or negative".to_owned(), "write digits alone")
        }
        _ if starts("expected sequence start") => ("a list must stand here".to_owned(), "write [..., ...]"),
        _ if starts("expected mapping start") => ("a map must stand here".to_owned(), PARTS),
        _ if starts("The string value [") => {
            let value = message.trim_start_matches("The string value [").split("] must").next().unwrap_or("");
            (format!("`{value}` is no text to YAML"), "put it in quotes")
        }
        _ if starts("invalid boolean") => {
            ("this is neither true nor false".to_owned(), "write true or false")
        }
        _ if starts("cannot deserialize null") => {
            ("there is nothing here, where a text must be".to_owned(), "write it, or leave the key out")
        }
        _ if starts("non-finite float") => ("this is no number".to_owned(), "put it in quotes"),
        _ if starts("tabs disallowed") => {
            ("a tab stands where a line is indented".to_owned(), "indent with blanks: YAML takes no tabs")
        }
        _ => (message.to_owned(), PARTS),
    };
    (what, fix.to_owned())
}

/// `known` is the parser's list of what would be right here, each between backticks.
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
