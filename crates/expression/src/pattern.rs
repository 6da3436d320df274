//! Regular expressions as .NET spells them, on an engine whose time is linear in the text.

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

/// Most memory that a compiled pattern of the policy may take, in bytes.
const MAX_PROGRAM_BYTES: usize = 1 << 20;
/// The same for one that comes from an attribute: matching takes time in proportion to it, and whoever wrote the
/// attribute is not the administrator.
const MAX_FOREIGN_PROGRAM_BYTES: usize = 256 << 10;
/// Most memory for the states that matching keeps, in bytes.
const MAX_STATES_BYTES: usize = 1 << 20;
/// How large the patterns of one expression may be together (see [`Expression::pattern_weight`]): each of ten thousand
/// characters can be a small pattern that becomes a large program.
///
/// [`Expression::pattern_weight`]: crate::Expression::pattern_weight
pub(crate) const MAX_EXPRESSION_WEIGHT: u64 = 500_000;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct ReplacePattern {
    regex: Regex,
    /// Indices of the groups in the order of .NET's numbers: all without a name come before those with one.
    numbers: Vec<usize>,
    weight: u64,
}

/// The replaced text is longer than [`MAX_TEXT_BYTES`].
#[derive(Debug)]
pub(crate) struct TooLong;

impl ReplacePattern {
    /// Compiles a pattern that weighs at most `weight`; the error says what is wrong in words.
    pub(crate) fn compile(text: &str, weight: u64) -> Result<Self, PatternError> {
        Self::within(text, weight, MAX_PROGRAM_BYTES)
    }

    /// Compiles a pattern that is a value rather than a part of the expression.
    pub(crate) fn compile_foreign(text: &str) -> Result<Self, PatternError> {
        Self::within(text, MAX_EXPRESSION_WEIGHT, MAX_FOREIGN_PROGRAM_BYTES)
    }

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

    /// The index of a group given by name or by .NET's number.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        self.regex
            .capture_names()
            .position(|known| known == Some(name))
            .or_else(|| self.numbers.get(name.parse::<usize>().ok()?).copied())
    }

    /// What a group matched in the first match.
    pub(crate) fn extract<'t>(&self, text: &'t str, group: usize) -> Option<&'t str> {
        Some(self.regex.captures(text)?.get(group)?.as_str())
    }

    /// Every match replaced.
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

    /// In every match, what the group matched replaced.
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
