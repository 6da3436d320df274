//! Patterns for tests in scopes, which only match or do not match.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, Look};

use super::read::{self, PatternError};
use super::{MAX_EXPRESSION_WEIGHT, MAX_PROGRAM_BYTES, MAX_STATES_BYTES, too_large};

/// A compiled pattern. Without an anchor (`^`, `$`, `\A`, `\Z`, `\z`)
/// it must match the whole text; with one of them it is searched for.
#[derive(Debug, Clone)]
pub struct PatternMatcher {
    regex: Regex,
    weight: u64,
}

impl PatternMatcher {
    /// Compiles a pattern in .NET's syntax.
    ///
    /// # Errors
    /// Fails if the text is not a pattern, or if it cannot be matched in linear time.
    pub fn compile(text: &str, ignore_case: bool) -> Result<Self, PatternError> {
        let read::ParsedPattern { hir, weight, .. } = read::read_pattern(text, ignore_case)?;
        if weight > MAX_EXPRESSION_WEIGHT {
            return Err(too_large());
        }
        let anchors = hir.properties().look_set();
        let is_anchored =
            [Look::Start, Look::End, Look::StartLF, Look::EndLF, Look::StartCRLF, Look::EndCRLF]
                .into_iter()
                .any(|look| anchors.contains(look));
        let whole = if is_anchored {
            hir
        } else {
            Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)])
        };
        let regex = RegexBuilder::new(&whole.to_string())
            .size_limit(MAX_PROGRAM_BYTES)
            .dfa_size_limit(MAX_STATES_BYTES)
            .build()
            .map_err(|_| too_large())?;
        Ok(Self { regex, weight })
    }

    /// Returns `true` if `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns the size of the pattern, in the unit of [`crate::Expression::pattern_weight`].
    pub fn weight(&self) -> u64 {
        self.weight
    }
}
