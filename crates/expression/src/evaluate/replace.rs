//! The five modes of `Replace`.

use super::{Evaluator, Outcome, append, fail, single, too_long};
use crate::error::Span;
use crate::pattern::{Pattern, Replacement};
use crate::program::{Call, Mode, Prepared, replace};
use crate::value::Value;
use std::borrow::Cow;

impl<'a> Evaluator<'a, '_> {
    pub(super) fn replace(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let Prepared::Replace(mode) = &call.prepared else { return Ok(Value::Null) };
        let source = self.argument(call, replace::SOURCE)?;
        match &**mode {
            Mode::Extract { pattern } => self.extract(call, source, pattern.as_ref(), span),
            _ if matches!(source, Value::Null) => Ok(Value::Null),
            Mode::Literal => {
                let old = self.text(call, replace::OLD)?.unwrap_or_default();
                let new = self.text(call, replace::VALUE)?.unwrap_or_default();
                self.map(source, span, |text| substitute(text, &old, &new, span))
            }
            Mode::Template => {
                let old = self.text(call, replace::OLD)?.unwrap_or_default();
                let template = self.text(call, replace::TEMPLATE)?.unwrap_or_default();
                self.map(source, span, |text| substitute(template.clone(), &old, &text, span))
            }
            Mode::Pattern { pattern, replacement } => {
                self.by_pattern(call, source, pattern.as_ref(), replacement.as_ref(), span)
            }
            Mode::Group { pattern } => {
                let compiled = self.pattern(call, pattern.as_ref())?;
                let group = self.group(call, &compiled)?;
                let new = self.text(call, replace::VALUE)?.unwrap_or_default();
                self.map(source, span, |text| {
                    compiled.get().replace_group(text, group, &new).or_else(|_| too_long(span))
                })
            }
        }
    }

    fn by_pattern(
        &self,
        call: &'a Call,
        source: Value<'a>,
        pattern: Option<&'a Pattern>,
        replacement: Option<&'a Replacement>,
        span: Span,
    ) -> Outcome<Value<'a>> {
        let compiled = self.pattern(call, pattern)?;
        let parsed;
        let replacement = match replacement {
            Some(known) => known,
            None => {
                let text = self.text(call, replace::VALUE)?.unwrap_or_default();
                parsed = Replacement::parse(&text, compiled.get());
                &parsed
            }
        };
        self.map(source, span, |text| compiled.get().replace(text, replacement).or_else(|_| too_long(span)))
    }

    /// The source if there is one, else what the group finds in the other attribute.
    fn extract(
        &self,
        call: &'a Call,
        source: Value<'a>,
        pattern: Option<&'a Pattern>,
        span: Span,
    ) -> Outcome<Value<'a>> {
        if !source.is_null_or_empty() {
            return Ok(source);
        }
        let compiled = self.pattern(call, pattern)?;
        let group = self.group(call, &compiled)?;
        let other = single(self.argument(call, replace::ATTRIBUTE)?, span)?;
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

    fn pattern(&self, call: &'a Call, prepared: Option<&'a Pattern>) -> Outcome<Compiled<'a>> {
        if let Some(pattern) = prepared {
            return Ok(Compiled::Before(pattern));
        }
        let Some(node) = call.argument(replace::PATTERN) else { return Ok(Compiled::nothing()) };
        let text = self.text_of(node)?.unwrap_or_default();
        match Pattern::compile_foreign(&text) {
            Ok(pattern) => Ok(Compiled::Now(Box::new(pattern))),
            Err(error) => fail(node.span, error.what),
        }
    }

    fn group(&self, call: &'a Call, pattern: &Compiled<'_>) -> Outcome<usize> {
        let Some(node) = call.argument(replace::GROUP) else { return Ok(0) };
        let name = self.text_of(node)?.unwrap_or_default();
        match pattern.get().group(&name) {
            Some(group) => Ok(group),
            None => fail(node.span, "the pattern has no group of this name"),
        }
    }
}

/// A pattern, compiled with the expression or for this evaluation.
enum Compiled<'a> {
    Before(&'a Pattern),
    Now(Box<Pattern>),
}

impl Compiled<'_> {
    fn get(&self) -> &Pattern {
        match self {
            Self::Before(pattern) => pattern,
            Self::Now(pattern) => pattern,
        }
    }

    fn nothing() -> Self {
        Self::Now(Box::new(Pattern::compile_foreign("").expect("the empty pattern is one")))
    }
}

fn substitute<'a>(text: Cow<'a, str>, old: &str, new: &str, span: Span) -> Outcome<Cow<'a, str>> {
    if old.is_empty() || !text.contains(old) {
        return Ok(text);
    }
    let mut out = String::new();
    let mut parts = text.split(old);
    append(&mut out, parts.next().unwrap_or_default(), span)?;
    for part in parts {
        append(&mut out, new, span)?;
        append(&mut out, part, span)?;
    }
    Ok(Cow::Owned(out))
}
