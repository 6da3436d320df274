//! Writes text for policy files.

/// Returns `text` as a YAML scalar: plain where it is unambiguous, quoted otherwise.
pub(crate) fn yaml_scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted_text(text) }
}

/// Returns `text` between double quotes. JSON's escapes are valid in
/// YAML, and each character that YAML does not accept is escaped.
pub(crate) fn quoted_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in serde_json::to_string(text).expect("a text is JSON").chars() {
        if is_printable(c) { out.push(c) } else { out.push_str(&format!("\\u{:04x}", u32::from(c))) }
    }
    out
}

/// Returns `true` if YAML 1.2 accepts the character unescaped, within a line (section 5.1).
fn is_printable(c: char) -> bool {
    let is_mark = matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}');
    !c.is_control() && !is_mark
}

/// Returns `text` for a comment: on one line, without characters that could end it.
pub(crate) fn comment_text(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect()
}

fn is_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let starts_well = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    // `true`, `null`, `yes` and similar words are not text in YAML.
    let is_keyword = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    let is_urn = text.starts_with("urn:") && !text.ends_with(':');
    starts_well && !is_keyword && characters.all(|c| is_word(c) || (is_urn && c == ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_stand_without_quotes() {
        for plain in ["department", "name.givenName", "urn:ietf:params:scim:schemas:core:2.0:User", "en_US"] {
            assert_eq!(yaml_scalar(plain), plain);
        }
        for other in
            ["", "True", "no", "1", "a b", "#x", "a: b", "x\ny", "emails[type eq \"work\"].value", "~"]
        {
            assert!(yaml_scalar(other).starts_with('"'), "{other}");
        }
    }
}
