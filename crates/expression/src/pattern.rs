//! Regular expressions as .NET spells them, on an engine whose time is linear in the text.

mod replacement;
mod translate;

pub(crate) use replacement::Replacement;

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
/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 16 << 10;
/// Deepest nesting of groups.
const MAX_GROUP_DEPTH: u32 = 64;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Indices of the groups in the order of .NET's numbers: all without a name come before those with one.
    numbers: Vec<usize>,
}

/// The replaced text is longer than [`MAX_TEXT_BYTES`].
#[derive(Debug)]
pub(crate) struct TooLong;

impl Pattern {
    /// Compiles a pattern; the error says what is wrong in words.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        Self::within(text, MAX_PROGRAM_BYTES)
    }

    /// Compiles a pattern that is a value rather than a part of the expression.
    pub(crate) fn compile_foreign(text: &str) -> Result<Self, String> {
        Self::within(text, MAX_FOREIGN_PROGRAM_BYTES)
    }

    fn within(text: &str, program_bytes: usize) -> Result<Self, String> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!("the pattern is longer than {MAX_PATTERN_BYTES} bytes"));
        }
        let regex = RegexBuilder::new(&translate::translate(text)?)
            .size_limit(program_bytes)
            .dfa_size_limit(MAX_STATES_BYTES)
            .nest_limit(MAX_GROUP_DEPTH)
            .build()
            .map_err(|error| describe(&error))?;
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
        Ok(Self { regex, numbers })
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
        with: &Replacement,
    ) -> Result<Cow<'t, str>, TooLong> {
        let mut out = String::new();
        let mut copied = 0;
        let mut matched = false;
        if let Some(literal) = with.literal() {
            for found in self.regex.find_iter(&text) {
                matched = true;
                push(&mut out, &text[copied..found.start()])?;
                push(&mut out, literal)?;
                copied = found.end();
            }
        } else {
            for captures in self.regex.captures_iter(&text) {
                let Some(found) = captures.get(0) else { continue };
                matched = true;
                push(&mut out, &text[copied..found.start()])?;
                with.expand(&mut out, &captures, &text)?;
                copied = found.end();
            }
        }
        if !matched {
            return Ok(text);
        }
        push(&mut out, &text[copied..])?;
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
            push(&mut out, &text[copied..found.start()])?;
            push(&mut out, with)?;
            copied = found.end();
        }
        if !matched {
            return Ok(text);
        }
        push(&mut out, &text[copied..])?;
        Ok(Cow::Owned(out))
    }
}

pub(crate) fn push(out: &mut String, part: &str) -> Result<(), TooLong> {
    if out.len() + part.len() > MAX_TEXT_BYTES {
        return Err(TooLong);
    }
    out.push_str(part);
    Ok(())
}

/// The engine's error without its drawing of the pattern, which would show the translated one.
fn describe(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
        other => {
            let text = other.to_string();
            let line = text.lines().last().unwrap_or_default();
            format!("not a regular expression: {}", line.trim_start_matches("error: "))
        }
    }
}
