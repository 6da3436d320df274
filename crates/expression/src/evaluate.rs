//! Evaluates a program on a source.
//!
//! An argument is evaluated when its function uses it, so that the branch of an `IIF` that is not taken cannot
//! fail. Everything that ends an evaluation early (an error, `IgnoreAttributeFlow`, ...) is an
//! [`EvaluationStop`](crate::outcome::EvaluationStop).

mod call;
mod choice;
mod compare;
mod dates;
mod lists;
mod replace;
mod roles;
mod text;

use crate::environment::{AttributeSource, EvaluationEnvironment};
use crate::error::SourceSpan;
use crate::explain::EvaluationTrace;
use crate::library;
use crate::outcome::{EvaluationResult, EvaluationStop, fail_at};
use crate::program::{FunctionCall, NodeKind, ProgramNode};
use crate::value::Value;
use crate::{MAX_LIST_VALUES, MAX_TEXT_BYTES};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use time::OffsetDateTime;

/// One evaluation.
pub(crate) struct Evaluator<'a, 'e> {
    pub source: &'a dyn AttributeSource,
    pub env: &'e EvaluationEnvironment<'e>,
    /// Records sub-results if the caller requested an explanation.
    pub trace: Option<RefCell<EvaluationTrace<'a>>>,
    /// `true` while an error message is computed. Redacted values are hidden then.
    pub for_message: Cell<bool>,
}

fn too_long<T>(span: SourceSpan) -> EvaluationResult<T> {
    fail_at(span, format!("the text is longer than {MAX_TEXT_BYTES} bytes"))
}

impl<'a> Evaluator<'a, '_> {
    /// Returns the value of a part.
    pub(crate) fn value(&self, node: &'a ProgramNode) -> EvaluationResult<Value<'a>> {
        let Some(trace) = &self.trace else { return self.compute(node) };
        trace.borrow_mut().enter();
        let outcome = self.compute(node);
        trace.borrow_mut().leave(node, &outcome);
        outcome
    }

    fn compute(&self, node: &'a ProgramNode) -> EvaluationResult<Value<'a>> {
        match &node.kind {
            NodeKind::Attribute(name) => self.attribute(name, node.span),
            NodeKind::Text(text) => Ok(Value::Text(Cow::Borrowed(text))),
            NodeKind::Integer(integer) => Ok(Value::Integer(*integer)),
            NodeKind::IgnoreAttribute => Err(EvaluationStop::IgnoreAttribute),
            NodeKind::IgnoreObject => Err(EvaluationStop::IgnoreObject),
            NodeKind::Compare { comparison, sides } => self.compare(*comparison, sides).map(Value::Boolean),
            NodeKind::Concat(operands) => self.concat(operands, node.span),
            NodeKind::Call(call) => self.call(call, node.span),
        }
    }

    fn attribute(&self, name: &str, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        match self.source.attribute(name) {
            None => Ok(Value::Null),
            Some(serde_json::Value::Array(items)) if items.len() > MAX_LIST_VALUES => {
                fail_at(span, format!("the attribute has more than {MAX_LIST_VALUES} values"))
            }
            Some(json) => Ok(Value::from_json(json)),
        }
    }

    /// Returns the value of an argument; null for holes and omitted arguments.
    fn argument(&self, call: &'a FunctionCall, position: usize) -> EvaluationResult<Value<'a>> {
        call.argument(position).map_or(Ok(Value::Null), |node| self.value(node))
    }

    /// Returns an argument as one text.
    fn text(&self, call: &'a FunctionCall, position: usize) -> EvaluationResult<Option<Cow<'a, str>>> {
        call.argument(position).map_or(Ok(None), |node| self.text_of(node))
    }

    fn text_of(&self, node: &'a ProgramNode) -> EvaluationResult<Option<Cow<'a, str>>> {
        Ok(single_value(self.value(node)?, node.span)?.into_text())
    }

    /// Returns an argument as an integer. An empty text counts as null.
    fn integer(&self, call: &'a FunctionCall, position: usize) -> EvaluationResult<Option<i64>> {
        let Some(node) = call.argument(position) else { return Ok(None) };
        match single_value(self.value(node)?, node.span)? {
            Value::Null => Ok(None),
            Value::Integer(integer) => Ok(Some(integer)),
            Value::Text(text) if text.trim().is_empty() => Ok(None),
            Value::Text(text) => match text.trim().parse() {
                Ok(integer) => Ok(Some(integer)),
                Err(_) => fail_at(node.span, "this is not an integer"),
            },
            other => fail_at(node.span, format!("an integer is needed, and this is {}", other.kind())),
        }
    }

    /// Returns an argument as a date. An empty text counts as null.
    fn date(&self, call: &'a FunctionCall, position: usize) -> EvaluationResult<Option<OffsetDateTime>> {
        call.argument(position).map_or(Ok(None), |node| date_of(&self.value(node)?, node.span))
    }

    /// Returns an argument as a Boolean. Null and an empty text count as false.
    fn condition(&self, call: &'a FunctionCall, position: usize) -> EvaluationResult<bool> {
        let Some(node) = call.argument(position) else { return Ok(false) };
        self.unhidden(|| {
            let value = single_value(self.value(node)?, node.span)?;
            truth_of(&value).map_or_else(|| fail_at(node.span, NO_TRUTH), Ok)
        })
    }

    /// Computes a value that only decides and is not shown. Redacted values are not hidden, even while a message is computed.
    fn unhidden<T>(&self, compute: impl FnOnce() -> EvaluationResult<T>) -> EvaluationResult<T> {
        let hidden = self.for_message.replace(false);
        let outcome = compute();
        self.for_message.set(hidden);
        outcome
    }

    fn concat(&self, operands: &'a [ProgramNode], span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let mut out = String::new();
        for operand in operands {
            if let Some(text) = self.text_of(operand)? {
                append_text(&mut out, &text, span)?;
            }
        }
        Ok(Value::Text(Cow::Owned(out)))
    }
}

/// Appends to a text, up to the size limit.
fn append_text(out: &mut String, part: &str, span: SourceSpan) -> EvaluationResult<()> {
    crate::pattern::push_part(out, part).or_else(|_| too_long(span))
}

/// Reduces a list of one value to that value.
fn single_value(value: Value<'_>, span: SourceSpan) -> EvaluationResult<Value<'_>> {
    match value {
        Value::List(mut values) => match values.len() {
            0 => Ok(Value::Null),
            1 => Ok(values.swap_remove(0)),
            _ => {
                fail_at(span, "one value is needed, and there are several: choose with `Item` or use `Join`")
            }
        },
        other => Ok(other),
    }
}

/// Reads a value as a date. An empty text counts as null.
fn date_of(value: &Value<'_>, span: SourceSpan) -> EvaluationResult<Option<OffsetDateTime>> {
    match value {
        Value::Null => Ok(None),
        Value::Date(date) => Ok(Some(*date)),
        Value::Text(text) if text.trim().is_empty() => Ok(None),
        Value::Text(text) => match library::dates::parse_date(text) {
            Some(date) => Ok(Some(date)),
            None => fail_at(span, "this is not a date"),
        },
        Value::List(values) if values.len() < 2 => {
            values.first().map_or(Ok(None), |value| date_of(value, span))
        }
        other => fail_at(span, format!("a date is needed, and this is {}", other.kind())),
    }
}

/// The error for a condition that does not say whether it holds. It must not count as false.
const NO_TRUTH: &str =
    "this is neither true nor false, and no number: compare it, or name its words with `Switch`";

/// Returns whether a value is true, or a number other than zero, or the text of either. `None` for any other value.
fn truth_of(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(value) => Some(*value),
        Value::Integer(integer) => Some(*integer != 0),
        Value::Null => Some(false),
        Value::Text(text) => match text.trim() {
            "" => Some(false),
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            number => {
                number.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| number != 0.0)
            }
        },
        Value::Date(_) | Value::List(_) => None,
    }
}

/// Returns `true` for true and for its text.
fn says_true(value: &Value<'_>) -> bool {
    match value {
        Value::Boolean(value) => *value,
        Value::Text(text) => text.trim().eq_ignore_ascii_case("true"),
        Value::List(values) => values.len() == 1 && says_true(&values[0]),
        Value::Null | Value::Date(_) | Value::Integer(_) => false,
    }
}
