//! The five modes of `Replace`.

use super::{Evaluator, append_text, single_value, too_long};
use crate::error::SourceSpan;
use crate::outcome::{EvaluationResult, fail_at};
use crate::pattern::{ReplacePattern, ReplacementTemplate};
use crate::program::{FunctionCall, PreparedCall, ReplaceMode, replace};
use crate::value::Value;
use std::borrow::Cow;

impl<'a> Evaluator<'a, '_> {
    /// Implements `Replace` in the mode that was determined at compilation.
    pub(super) fn replace(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let PreparedCall::Replace(mode) = &call.prepared else { return Ok(Value::Null) };
        let source = self.argument(call, replace::SOURCE)?;
        match &**mode {
            ReplaceMode::Extract { pattern } => self.extract(call, source, pattern.as_ref(), span),
            _ if matches!(source, Value::Null) => Ok(Value::Null),
            ReplaceMode::Literal => {
                let old = self.text(call, replace::OLD)?.unwrap_or_default();
                let new = self.text(call, replace::VALUE)?.unwrap_or_default();
                self.map(source, span, |text| substitute_text(text, &old, &new, span))
            }
            ReplaceMode::Template => {
                let old = self.text(call, replace::OLD)?.unwrap_or_default();
                let template = self.text(call, replace::TEMPLATE)?.unwrap_or_default();
                self.map(source, span, |text| substitute_text(template.clone(), &old, &text, span))
            }
            ReplaceMode::Pattern { pattern, replacement } => {
                self.by_pattern(call, source, pattern.as_ref(), replacement.as_ref(), span)
            }
            ReplaceMode::Group { pattern } => {
                let compiled = self.pattern(call, pattern.as_ref())?;
                let group = self.group(call, &compiled)?;
                let new = self.text(call, replace::VALUE)?.unwrap_or_default();
                self.map(source, span, |text| {
                    compiled.get().replace_group(text, group, &new).or_else(|_| too_long(span))
                })
            }
        }
    }

    /// Implements the mode that replaces each match of a pattern.
    fn by_pattern(
        &self,
        call: &'a FunctionCall,
        source: Value<'a>,
        pattern: Option<&'a ReplacePattern>,
        replacement: Option<&'a ReplacementTemplate>,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let compiled = self.pattern(call, pattern)?;
        let parsed;
        let replacement = match replacement {
            Some(known) => known,
            None => {
                let text = self.text(call, replace::VALUE)?.unwrap_or_default();
                parsed = ReplacementTemplate::parse(&text, compiled.get());
                &parsed
            }
        };
        self.map(source, span, |text| compiled.get().replace(text, replacement).or_else(|_| too_long(span)))
    }

    /// Returns the source if it has a value; otherwise the text that the group matches in the other attribute.
    fn extract(
        &self,
        call: &'a FunctionCall,
        source: Value<'a>,
        pattern: Option<&'a ReplacePattern>,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        if !source.is_null_or_empty() {
            return Ok(source);
        }
        let compiled = self.pattern(call, pattern)?;
        let group = self.group(call, &compiled)?;
        let other = single_value(self.argument(call, replace::ATTRIBUTE)?, span)?;
        Ok(match other.into_text() {
            Some(Cow::Borrowed(text)) => {
                compiled.get().extract(text, group).map_or(Value::Null, |found| Value::Text(found.into()))
            }
            Some(Cow::Owned(text)) => compiled
                .get()
                .extract(&text, group)
                .map_or(Value::Null, |found| Value::Text(Cow::Owned(found.to_owned()))),
            None => Value::Null,
        })
    }

    /// Returns the prepared pattern, or compiles the pattern argument for this evaluation.
    fn pattern(
        &self,
        call: &'a FunctionCall,
        prepared: Option<&'a ReplacePattern>,
    ) -> EvaluationResult<CompiledSearch<'a>> {
        if let Some(pattern) = prepared {
            return Ok(CompiledSearch::Before(pattern));
        }
        let Some(node) = call.argument(replace::PATTERN) else { return Ok(CompiledSearch::nothing()) };
        let text = self.text_of(node)?.unwrap_or_default();
        match ReplacePattern::compile_foreign(&text) {
            Ok(pattern) => Ok(CompiledSearch::Now(Box::new(pattern))),
            Err(error) => fail_at(node.span, error.what),
        }
    }

    fn group(&self, call: &'a FunctionCall, pattern: &CompiledSearch<'_>) -> EvaluationResult<usize> {
        let Some(node) = call.argument(replace::GROUP) else { return Ok(0) };
        let name = self.text_of(node)?.unwrap_or_default();
        match pattern.get().group(&name) {
            Some(group) => Ok(group),
            None => fail_at(node.span, "the pattern has no group of this name"),
        }
    }
}

/// A pattern that was compiled with the expression (`Before`) or for this evaluation (`Now`).
enum CompiledSearch<'a> {
    Before(&'a ReplacePattern),
    Now(Box<ReplacePattern>),
}

impl CompiledSearch<'_> {
    fn get(&self) -> &ReplacePattern {
        match self {
            Self::Before(pattern) => pattern,
            Self::Now(pattern) => pattern,
        }
    }

    fn nothing() -> Self {
        Self::Now(Box::new(ReplacePattern::compile_foreign("").expect("the empty pattern is one")))
    }
}

/// Replaces each occurrence of a text.
fn substitute_text<'a>(
    text: Cow<'a, str>,
    old: &str,
    new: &str,
    span: SourceSpan,
) -> EvaluationResult<Cow<'a, str>> {
    if old.is_empty() || !text.contains(old) {
        return Ok(text);
    }
    let mut out = String::new();
    let mut parts = text.split(old);
    append_text(&mut out, parts.next().unwrap_or_default(), span)?;
    for part in parts {
        append_text(&mut out, new, span)?;
        append_text(&mut out, part, span)?;
    }
    Ok(Cow::Owned(out))
}
