//! Regular expressions, on an engine that takes linear time.

use regex_syntax::hir::{Hir, Look};
use regex_syntax::{Error, ast, hir};

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;
/// Most nested brackets and repetitions.
const NESTING_MAX: u32 = 64;
/// Largest compiled pattern, in bytes: `(a{100}){100}` is small text and a large machine.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A compiled regular expression. Without `^` and `$` it describes the whole value; with one of them it is searched
/// for.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    ignore_case: bool,
    regex: regex::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ignore_case == other.ignore_case
    }
}

impl Pattern {
    /// Compiles `text`; the error says what is wrong, and what to do about it.
    pub(crate) fn compile(text: &str, ignore_case: bool) -> Result<Self, (String, String)> {
        if text.len() > PATTERN_BYTES_MAX {
            let what = format!("the pattern is longer than {PATTERN_BYTES_MAX} bytes");
            return Err((what, "split it over several alternatives".to_owned()));
        }
        let parsed = regex_syntax::ParserBuilder::new()
            .case_insensitive(ignore_case)
            .nest_limit(NESTING_MAX)
            .build()
            .parse(text)
            .map_err(|error| in_words(&error))?;
        let anchors = parsed.properties().look_set();
        let is_anchored =
            [Look::Start, Look::End, Look::StartLF, Look::EndLF, Look::StartCRLF, Look::EndCRLF]
                .into_iter()
                .any(|look| anchors.contains(look));
        let whole = if is_anchored {
            parsed
        } else {
            Hir::concat(vec![Hir::look(Look::Start), parsed, Hir::look(Look::End)])
        };
        let regex = regex::RegexBuilder::new(&whole.to_string())
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|_| ("the pattern is too large".to_owned(), "repeat less often".to_owned()))?;
        Ok(Self { text: text.to_owned(), ignore_case, regex })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn in_words(error: &Error) -> (String, String) {
    let (what, fix) = match error {
        Error::Parse(error) => match error.kind() {
            ast::ErrorKind::UnsupportedLookAround => (
                "look-around such as `(?=...)` cannot be matched in linear time".to_owned(),
                "say it with two clauses, one of them NOT REGEX MATCH",
            ),
            ast::ErrorKind::UnsupportedBackreference => (
                "a back reference such as `\\1` cannot be matched in linear time".to_owned(),
                "write out what it repeats",
            ),
            kind => (format!("no regular expression: {kind}"), "correct the pattern"),
        },
        Error::Translate(error) => match error.kind() {
            hir::ErrorKind::UnicodePropertyNotFound | hir::ErrorKind::UnicodePropertyValueNotFound => {
                ("unknown Unicode property".to_owned(), "use general categories such as `\\p{L}`")
            }
            kind => (format!("no regular expression: {kind}"), "correct the pattern"),
        },
        other => (format!("no regular expression: {other}"), "correct the pattern"),
    };
    (what, fix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Pattern;

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
        ];
        for (pattern, text, expected) in table {
            let compiled = Pattern::compile(pattern, false).unwrap();
            assert_eq!(compiled.matches(text), expected, "{pattern} on {text}");
        }
        assert!(Pattern::compile("sales.*", true).unwrap().matches("SALES ops"));
    }

    #[test]
    fn what_a_linear_engine_cannot_do_is_refused_in_words() {
        for (pattern, expected) in [
            ("(?=a)b", "look-around"),
            ("(?<!a)b", "look-around"),
            (r"(a)\1", "back reference"),
            ("(", "no regular expression"),
            ("((a{1000}){1000}){10}", "too large"),
            (&"(".repeat(5_000), "longer than"),
        ] {
            let (what, _) = Pattern::compile(pattern, false).unwrap_err();
            assert!(what.contains(expected), "{pattern}: {what}");
        }
    }
}
