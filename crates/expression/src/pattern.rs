//! Regular expressions with the syntax of .NET, on an engine with linear time.

mod matcher;
mod read;
mod replacement;
mod translate;

pub use matcher::PatternMatcher;
pub use read::PatternError;
pub(crate) use replacement::ReplacementTemplate;

use crate::MAX_TEXT_BYTES;
use regex::{Captures, Regex, RegexBuilder};
use std::borrow::Cow;

/// The maximum memory of a compiled pattern of the policy, in bytes.
const MAX_PROGRAM_BYTES: usize = 1 << 20;
/// The maximum memory of a compiled pattern that comes from an attribute, in bytes. Matching
/// time is proportional to it, and the author of the attribute is not the administrator.
const MAX_FOREIGN_PROGRAM_BYTES: usize = 256 << 10;
/// The maximum memory for the states that matching caches, in bytes.
const MAX_STATES_BYTES: usize = 1 << 20;
/// The maximum total weight of the patterns of one expression (see [`Expression::pattern_weight`]).
/// In ten thousand characters, there is room for many small patterns that become large programs.
///
/// [`Expression::pattern_weight`]: crate::Expression::pattern_weight
pub(crate) const MAX_EXPRESSION_WEIGHT: u64 = 500_000;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct ReplacePattern {
    regex: Regex,
    /// The indices of the groups in the order of .NET's numbers: unnamed groups come before named ones.
    numbers: Vec<usize>,
    weight: u64,
}

/// The error if the replaced text is longer than [`MAX_TEXT_BYTES`].
#[derive(Debug)]
pub(crate) struct TooLong;

impl ReplacePattern {
    /// Compiles a pattern with a weight of at most `weight`. The error describes the problem in words.
    pub(crate) fn compile(text: &str, weight: u64) -> Result<Self, PatternError> {
        Self::within(text, weight, MAX_PROGRAM_BYTES)
    }

    /// Compiles a pattern that is a value rather than a part of the expression.
    pub(crate) fn compile_foreign(text: &str) -> Result<Self, PatternError> {
        Self::within(text, MAX_EXPRESSION_WEIGHT, MAX_FOREIGN_PROGRAM_BYTES)
    }

    /// Compiles a pattern within the limits on its weight and on the size of its program.
    fn within(text: &str, weight_max: u64, program_bytes: usize) -> Result<Self, PatternError> {
        let read::ParsedPattern { text, weight, .. } = read::read_pattern(text, false)?;
        if weight > weight_max {
            return Err(if weight > MAX_EXPRESSION_WEIGHT { too_large() } else { too_many() });
        }
        let regex = RegexBuilder::new(&text)
            .size_limit(program_bytes)
            .dfa_size_limit(MAX_STATES_BYTES)
            .build()
            .map_err(|_| too_large())?;
        let named = |wanted: bool| {
            regex
                .capture_names()
                .enumerate()
                .skip(1)
                .filter(move |(_, name)| name.is_some() == wanted)
                .map(|(index, _)| index)
                .collect::<Vec<_>>()
        };
        let numbers = [vec![0], named(false), named(true)].concat();
        Ok(Self { regex, numbers, weight })
    }

    /// See [`crate::Expression::pattern_weight`].
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Returns the index of a group that is given by name or by .NET's number.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        self.regex
            .capture_names()
            .position(|known| known == Some(name))
            .or_else(|| self.numbers.get(name.parse::<usize>().ok()?).copied())
    }

    /// Returns the text that a group matched in the first match.
    pub(crate) fn extract<'t>(&self, text: &'t str, group: usize) -> Option<&'t str> {
        Some(self.regex.captures(text)?.get(group)?.as_str())
    }

    /// Replaces each match.
    pub(crate) fn replace<'t>(
        &self,
        text: Cow<'t, str>,
        with: &ReplacementTemplate,
    ) -> Result<Cow<'t, str>, TooLong> {
        let mut out = String::new();
        let mut copied = 0;
        let mut matched = false;
        if let Some(literal) = with.literal() {
            for found in self.regex.find_iter(&text) {
                matched = true;
                push_part(&mut out, &text[copied..found.start()])?;
                push_part(&mut out, literal)?;
                copied = found.end();
            }
        } else {
            for captures in self.regex.captures_iter(&text) {
                let Some(found) = captures.get(0) else { continue };
                matched = true;
                push_part(&mut out, &text[copied..found.start()])?;
                with.expand(&mut out, &captures, &text)?;
                copied = found.end();
            }
        }
        if !matched {
            return Ok(text);
        }
        push_part(&mut out, &text[copied..])?;
        Ok(Cow::Owned(out))
    }

    /// Replaces the text of the group in each match.
    pub(crate) fn replace_group<'t>(
        &self,
        text: Cow<'t, str>,
        group: usize,
        with: &str,
    ) -> Result<Cow<'t, str>, TooLong> {
        let mut out = String::new();
        let mut copied = 0;
        let mut matched = false;
        for found in self.regex.captures_iter(&text).filter_map(|captures: Captures<'_>| captures.get(group))
        {
            matched = true;
            push_part(&mut out, &text[copied..found.start()])?;
            push_part(&mut out, with)?;
            copied = found.end();
        }
        if !matched {
            return Ok(text);
        }
        push_part(&mut out, &text[copied..])?;
        Ok(Cow::Owned(out))
    }
}

/// Appends to a text, up to [`MAX_TEXT_BYTES`].
pub(crate) fn push_part(out: &mut String, part: &str) -> Result<(), TooLong> {
    if out.len() + part.len() > MAX_TEXT_BYTES {
        return Err(TooLong);
    }
    out.push_str(part);
    Ok(())
}

const SMALLER: &str =
    "repeat less often, or name the characters that are meant: `[A-Za-z0-9_]` is a fraction of `\\w`";

fn too_large() -> PatternError {
    PatternError::new("the pattern needs too much memory", SMALLER)
}

fn too_many() -> PatternError {
    PatternError::new("the patterns of the expression need too much memory together", SMALLER)
}
