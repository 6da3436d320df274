//! Regular expressions with the syntax of expressions: that of .NET, on an engine with linear time.

use expression::{PatternError, PatternMatcher};

/// A compiled regular expression. Without an anchor it must match the whole value; with an anchor it is searched for.
#[derive(Debug, Clone)]
pub struct ScopePattern {
    text: String,
    ignore_case: bool,
    matcher: PatternMatcher,
}

impl PartialEq for ScopePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ignore_case == other.ignore_case
    }
}

impl ScopePattern {
    /// Compiles `text`. The error describes the problem and a fix.
    pub(crate) fn compile(text: &str, ignore_case: bool) -> Result<Self, PatternError> {
        let matcher = PatternMatcher::compile(text, ignore_case)?;
        Ok(Self { text: text.to_owned(), ignore_case, matcher })
    }

    /// Returns the pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns `true` if `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.matcher.matches(text)
    }

    /// See [`PatternMatcher::weight`].
    pub(crate) fn weight(&self) -> u64 {
        self.matcher.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::ScopePattern;

    #[test]
    fn a_pattern_without_anchors_describes_the_whole_value() {
        let table = [
            ("([1-9][0-9])", "42", true),
            ("([1-9][0-9])", "142", false),
            ("^([1-9][0-9])", "142", true),
            ("[0-9]$", "x1", true),
            (r"\$5", "a$5", false),
            ("[$^]", "a$", false),
            ("a|ab", "ab", true),
            (".*\\@domain.com", "a@domain.com", true),
            ("(?x) a # comment", "a", true),
            (r"\p{Lu}.*", "Éa", true),
            (r"\p{IsGreek}+", "αβγ", true),
            (r"\P{Lu}{2}", "aB", false),
            (r"[\w-\.]+@contoso\.com", "ada.b-c@contoso.com", true),
            (r"[\w-\.]+@contoso\.com", "ada b@contoso.com", false),
            (r"\.com\Z", "ada@contoso.com", true),
            (r"\Aada", "ada@contoso.com", true),
            (r"[a-z-[aeiou]]+", "xyz", true),
            (r"[a-z-[aeiou]]+", "abc", false),
            (r"a\cAb", "a\u{1}b", true),
        ];
        for (pattern, text, expected) in table {
            let compiled = ScopePattern::compile(pattern, false).unwrap();
            assert_eq!(compiled.matches(text), expected, "{pattern} on {text}");
        }
        assert!(ScopePattern::compile("sales.*", true).unwrap().matches("SALES ops"));
    }

    #[test]
    fn what_a_linear_engine_cannot_do_is_refused_in_words() {
        for (pattern, expected) in [
            ("(?=a)b", "look-around"),
            ("(?<!a)b", "look-around"),
            (r"(a)\1", "back reference"),
            ("(?>a)", "atomic"),
            ("(", "not a regular expression"),
            (r"\p{IsTelephone}", "unknown Unicode property"),
            ("(?<1>a)", "group"),
            (r"\c1", "control character"),
            ("((a{1000}){1000}){10}", "too much memory"),
            (&"(".repeat(50_000), "longer than"),
        ] {
            let error = ScopePattern::compile(pattern, false).unwrap_err();
            assert!(error.what.contains(expected) && !error.fix.is_empty(), "{pattern}: {error:?}");
        }
    }
}
