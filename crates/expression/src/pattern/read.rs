//! Reads patterns. It describes errors in words, and estimates the work before any of it is done.

use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::{Error, ParserBuilder, ast, hir};

use super::translate;

/// The maximum length of a pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 16 << 10;
/// The maximum nesting depth of groups.
const MAX_GROUP_DEPTH: u32 = 64;
/// The weight of a range of a class outside ASCII: the number of its steps in UTF-8.
const RANGE_WEIGHT: u64 = 4;

/// The error for a text that is not a pattern, or a pattern that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct PatternError {
    /// A description of the error.
    pub what: String,
    /// A suggested fix.
    pub fix: String,
}

impl PatternError {
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// A pattern that is parsed but not compiled yet.
pub(super) struct ParsedPattern {
    /// The pattern in the engine's syntax.
    pub(super) text: String,
    pub(super) hir: Hir,
    /// The approximate size of the compiled pattern: a weight of a million takes a second and 20 MB to compile.
    pub(super) weight: u64,
}

/// Reads a pattern in .NET's syntax.
pub(super) fn read_pattern(pattern: &str, ignore_case: bool) -> Result<ParsedPattern, PatternError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        let what = format!("the pattern is longer than {MAX_PATTERN_BYTES} bytes");
        return Err(PatternError::new(what, "split it over several"));
    }
    let text = translate::translate_pattern(pattern)?;
    let hir = ParserBuilder::new()
        .case_insensitive(ignore_case)
        .nest_limit(MAX_GROUP_DEPTH)
        .build()
        .parse(&text)
        .map_err(|error| in_words(&error))?;
    let weight = pattern_weight(&hir);
    Ok(ParsedPattern { text, hir, weight })
}

/// Estimates the number of states that the engine builds for the pattern.
fn pattern_weight(hir: &Hir) -> u64 {
    let sum = |parts: &[Hir]| parts.iter().map(pattern_weight).fold(1, u64::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => state_count(literal.0.len()),
        HirKind::Class(Class::Bytes(class)) => state_count(class.ranges().len()),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().map(|range| if range.end().is_ascii() { 1 } else { RANGE_WEIGHT }).sum()
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or_else(|| repetition.min.saturating_add(1)).max(1);
            pattern_weight(&repetition.sub).saturating_mul(u64::from(times)).saturating_add(1)
        }
        HirKind::Capture(capture) => pattern_weight(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

fn state_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Returns the engine's error without its drawing of the pattern, which would show the translated one.
fn in_words(error: &Error) -> PatternError {
    let plain = |kind: &dyn std::fmt::Display, fix: &str| {
        PatternError::new(format!("not a regular expression: {kind}"), fix)
    };
    match error {
        Error::Parse(error) => match error.kind() {
            kind @ (ast::ErrorKind::GroupNameInvalid | ast::ErrorKind::GroupNameEmpty) => {
                plain(kind, "name a group with letters, digits and `_`, a letter first: `(?<name>...)`")
            }
            kind @ ast::ErrorKind::GroupNameDuplicate { .. } => plain(kind, "give each group its own name"),
            kind @ (ast::ErrorKind::GroupUnclosed | ast::ErrorKind::GroupUnopened) => {
                plain(kind, "close every group, and write `\\(` for the character")
            }
            kind @ ast::ErrorKind::EscapeUnrecognized => {
                plain(kind, "write the character itself, or its number: `\\x41`, `\\u0041`")
            }
            kind @ (ast::ErrorKind::RepetitionMissing | ast::ErrorKind::RepetitionCountInvalid) => {
                plain(kind, "put what is repeated before it, or write `\\*` for the character")
            }
            kind @ (ast::ErrorKind::ClassRangeInvalid | ast::ErrorKind::ClassRangeLiteral) => plain(
                kind,
                "put the smaller character first, and a hyphen that is meant at the end of the class",
            ),
            kind @ ast::ErrorKind::NestLimitExceeded(_) => plain(kind, "nest groups less deep"),
            kind => plain(kind, "correct the pattern"),
        },
        Error::Translate(error) => match error.kind() {
            hir::ErrorKind::UnicodePropertyNotFound | hir::ErrorKind::UnicodePropertyValueNotFound => {
                let fix = "use a general category or a script, such as `\\p{L}` or `\\p{Greek}`; .NET's blocks are unknown";
                PatternError::new("unknown Unicode property", fix)
            }
            kind => plain(kind, "correct the pattern"),
        },
        other => plain(other, "correct the pattern"),
    }
}
