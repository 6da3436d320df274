//! Functions on lists.

use super::{Evaluator, append_text, single_value};
use crate::error::SourceSpan;
use crate::library;
use crate::outcome::{EvaluationResult, fail_at};
use crate::program::FunctionCall;
use crate::value::Value;
use crate::{MAX_LIST_VALUES, MAX_TEXT_BYTES};
use std::borrow::Cow;

impl<'a> Evaluator<'a, '_> {
    /// Joins all present values with the separator. Null and empty values are skipped.
    pub(super) fn join(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let separator = self.text(call, 0)?.unwrap_or_default();
        let mut out = String::new();
        let mut first = true;
        for position in 1..call.arguments.len() {
            match self.argument(call, position)? {
                Value::List(values) => {
                    for value in &values {
                        join_one(&mut out, &mut first, &separator, value, span)?;
                    }
                }
                value => join_one(&mut out, &mut first, &separator, &value, span)?,
            }
        }
        Ok(Value::Text(Cow::Owned(out)))
    }

    /// Implements `Split`. Null stays null.
    pub(super) fn split(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let Some(source) = self.text(call, 0)? else { return Ok(Value::Null) };
        let delimiter = self.text(call, 1)?.unwrap_or_default();
        let parts = if delimiter.is_empty() { 1 } else { source.matches(&*delimiter).count() + 1 };
        if parts > MAX_LIST_VALUES {
            return fail_at(span, format!("the list has more than {MAX_LIST_VALUES} values"));
        }
        let parts = library::text::split_text(&source, &delimiter);
        Ok(Value::List(parts.into_iter().map(|part| Value::Text(Cow::Owned(part))).collect()))
    }

    /// Returns the value at a position, counted from 1.
    pub(super) fn item(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let mut values = match self.argument(call, 0)? {
            Value::Null => return Ok(Value::Null),
            Value::List(values) => values,
            value => vec![value],
        };
        let Some(index) = self.integer(call, 1)? else { return Ok(Value::Null) };
        let position = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        match position.filter(|position| *position < values.len()) {
            Some(position) => Ok(values.swap_remove(position)),
            // The index can be the value of an attribute, which messages do not show.
            None => fail_at(span, format!("there is no value at this index: there are {}", values.len())),
        }
    }

    /// Implements `Count`. Null counts as 0 values, a single value as 1.
    pub(super) fn count(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        Ok(Value::Integer(match self.argument(call, 0)? {
            Value::Null => 0,
            Value::List(values) => i64::try_from(values.len()).unwrap_or(i64::MAX),
            _ => 1,
        }))
    }

    /// Removes duplicates and keeps the first of them. Values are equal if their texts are equal.
    pub(super) fn remove_duplicates(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let values = match self.argument(call, 0)? {
            Value::Null => return Ok(Value::Null),
            Value::List(values) => values,
            value => vec![value],
        };
        let mut seen = std::collections::HashSet::new();
        let fresh: Vec<bool> =
            values.iter().map(|value| seen.insert(value.to_text().map(Cow::into_owned))).collect();
        let kept = values.into_iter().zip(fresh).filter(|(_, fresh)| *fresh).map(|(value, _)| value);
        Ok(Value::List(kept.collect()))
    }

    /// Returns the position, from 1, of the first value that contains the text; 0 if there is none.
    pub(super) fn contains(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let source = self.argument(call, 0)?;
        let Some(search) = self.text(call, 1)? else { return Ok(Value::Integer(0)) };
        let has = |value: &Value<'_>| value.to_text().is_some_and(|text| text.contains(&*search));
        let position = match &source {
            Value::List(values) => values.iter().position(has).map_or(0, |position| position + 1),
            value => usize::from(has(value)),
        };
        Ok(Value::Integer(i64::try_from(position).unwrap_or(i64::MAX)))
    }

    /// Applies a text function to a value, or to each value of a list. Null stays null.
    pub(super) fn map(
        &self,
        value: Value<'a>,
        span: SourceSpan,
        change: impl Fn(Cow<'a, str>) -> EvaluationResult<Cow<'a, str>>,
    ) -> EvaluationResult<Value<'a>> {
        let values = match value {
            Value::List(values) if values.len() != 1 => values,
            value => {
                let text = single_value(value, span)?.into_text();
                return text.map_or(Ok(Value::Null), |text| change(text).map(Value::Text));
            }
        };
        let mut bytes = 0;
        let mut changed = Vec::with_capacity(values.len());
        for text in values.into_iter().filter_map(Value::into_text) {
            let text = change(text)?;
            bytes += text.len();
            if bytes > MAX_TEXT_BYTES {
                return fail_at(span, format!("the list is larger than {MAX_TEXT_BYTES} bytes"));
            }
            changed.push(Value::Text(text));
        }
        Ok(Value::List(changed))
    }
}

fn join_one(
    out: &mut String,
    first: &mut bool,
    separator: &str,
    value: &Value<'_>,
    span: SourceSpan,
) -> EvaluationResult<()> {
    let Some(text) = value.to_text().filter(|text| !text.is_empty()) else { return Ok(()) };
    if !std::mem::take(first) {
        append_text(out, separator, span)?;
    }
    append_text(out, &text, span)
}
