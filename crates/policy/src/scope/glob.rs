//! Wildcards: `*` is any text, `?` is any one character, and `\` removes the special meaning of `*`, `?` and itself.

use crate::attributes::same_char;

/// A text with wildcards. Matching takes at most (length of the text) times (length of the pattern) steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    tokens: Vec<GlobPart>,
}

/// A part of a text with wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobPart {
    /// This literal character.
    Literal(char),
    /// Any one character.
    One,
    /// Any text.
    Many,
}

impl Glob {
    /// Reads a pattern. Any text is a valid pattern.
    pub fn new(text: &str) -> Self {
        let mut tokens = Vec::with_capacity(text.len());
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let token = match character {
                '*' => GlobPart::Many,
                '?' => GlobPart::One,
                '\\' => GlobPart::Literal(
                    characters.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\'),
                ),
                other => GlobPart::Literal(other),
            };
            if token != GlobPart::Many || tokens.last() != Some(&GlobPart::Many) {
                tokens.push(token);
            }
        }
        Self { text: text.to_owned(), tokens }
    }

    /// Returns the pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the parts of the pattern.
    pub fn parts(&self) -> &[GlobPart] {
        &self.tokens
    }

    /// Returns `true` if the pattern matches the whole of `text`.
    pub fn matches(&self, text: &str, ignore_case: bool) -> bool {
        let same = |a: char, b: char| a == b || (ignore_case && same_char(a, b));
        let (mut at, mut rest) = (0, text.chars());
        // Backtracking never goes further than the last `*`: it can match everything that an earlier one could match instead.
        let mut last_many = None;
        loop {
            let here = rest.clone();
            let Some(character) = rest.next() else {
                return self.tokens[at..].iter().all(|token| *token == GlobPart::Many);
            };
            match self.tokens.get(at) {
                Some(GlobPart::Many) => {
                    at += 1;
                    last_many = Some((at, here.clone()));
                    rest = here;
                }
                Some(GlobPart::One) => at += 1,
                Some(GlobPart::Literal(literal)) if same(*literal, character) => at += 1,
                _ => {
                    let Some((after, taken)) = &mut last_many else { return false };
                    taken.next();
                    (at, rest) = (*after, taken.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn wildcards_match_whole_texts() {
        let table = [
            ("SEC-*", "SEC-VPN", true),
            ("SEC-*", "SEC-", true),
            ("SEC-*", "XSEC-VPN", false),
            ("*-admins", "zia-admins", true),
            ("*-admins", "zia-admins2", false),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*ab", "aab", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"DOM\users", r"DOM\users", true),
            (r"a\\*", r"a\b", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Glob::new(pattern).matches(text, false), expected, "{pattern} on {text}");
        }
        assert!(Glob::new("sec-É*").matches("SEC-école", true));
        assert!(!Glob::new("sec-*").matches("SEC-x", false));
    }

    #[test]
    fn many_wildcards_do_not_blow_up() {
        let pattern = Glob::new(&format!("{}b", "*a".repeat(100)));
        assert!(!pattern.matches(&"a".repeat(20_000), true));
    }
}
