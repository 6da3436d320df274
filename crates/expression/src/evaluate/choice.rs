//! Functions that choose among values.

use super::Evaluator;
use crate::outcome::{EvaluationResult, EvaluationStop};
use crate::program::{FunctionCall, ProgramNode};
use crate::value::Value;

impl<'a> Evaluator<'a, '_> {
    /// Implements `IIF`. Only the selected branch is evaluated.
    pub(super) fn iif(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let branch = if self.condition(call, 0)? { 1 } else { 2 };
        self.argument(call, branch)
    }

    /// Returns the value of the first key that equals the source, with regard to case;
    /// `""` equals null. It always uses the whole source, not only the changed part.
    pub(super) fn switch(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let source = self.unhidden(|| self.text(call, 0))?.unwrap_or_default();
        for key in (2..call.arguments.len()).step_by(2) {
            if self.unhidden(|| self.text(call, key))?.unwrap_or_default() == source {
                return self.argument(call, key + 1);
            }
        }
        self.argument(call, 1)
    }

    /// Returns the first source that is neither null nor empty; otherwise the last one.
    pub(super) fn coalesce(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let mut last = Value::Null;
        for position in 0..call.arguments.len() {
            last = self.argument(call, position)?;
            if !last.is_null_or_empty() {
                break;
            }
        }
        Ok(last)
    }

    /// Implements `IgnoreFlowIfNullOrEmpty`.
    pub(super) fn unless_empty(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let value = self.argument(call, 0)?;
        if value.is_null_or_empty() { Err(EvaluationStop::IgnoreAttribute) } else { Ok(value) }
    }

    /// Returns the first candidate that no other account has. Rules without a value cannot be unique and are skipped.
    pub(super) fn select_unique(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let mut taken = false;
        for rule in call.arguments.iter().flatten() {
            match self.candidate(rule)? {
                Some(candidate) if !(self.env.is_taken)(&candidate) => return Ok(Value::Text(candidate)),
                Some(_) => taken = true,
                None => {}
            }
        }
        if taken { Err(EvaluationStop::Escrow) } else { Ok(Value::Null) }
    }

    fn candidate(&self, rule: &'a ProgramNode) -> EvaluationResult<Option<std::borrow::Cow<'a, str>>> {
        Ok(self.text_of(rule)?.filter(|candidate| !candidate.is_empty()))
    }
}
