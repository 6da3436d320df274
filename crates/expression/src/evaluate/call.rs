//! Dispatches calls to the implementation of each function.

use super::text::{LetterCase, strip_spaces};
use super::{Evaluator, says_true};
use crate::error::SourceSpan;
use crate::explain::REDACTED;
use crate::function::Function;
use crate::library;
use crate::outcome::{EvaluationResult, fail_at};
use crate::program::FunctionCall;
use crate::value::Value;
use std::borrow::Cow;

impl<'a> Evaluator<'a, '_> {
    /// Evaluates a call.
    pub(super) fn call(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        match call.function {
            Function::Append => self.affix(call, 0, 1, span),
            Function::AppRoleAssignments => self.role_names(call),
            Function::AppRoleAssignmentsComplex | Function::AssertiveAppRoleAssignmentsComplex => {
                self.complex_roles(call)
            }
            Function::BitAnd => self.bit_and(call),
            Function::CBool => self.condition(call, 0).map(Value::Boolean),
            Function::CDate => self.cdate(call),
            Function::Coalesce => self.coalesce(call),
            Function::Contains => self.contains(call),
            Function::ConvertFromBase64 => self.base64_decode(call, span),
            Function::ConvertToBase64 => {
                self.each(call, span, |text| library::text::utf16_base64(text).into())
            }
            Function::ConvertToUtf8Hex => self.each(call, span, |text| library::text::utf8_hex(text).into()),
            Function::Count => self.count(call),
            Function::CRef | Function::CStr => {
                let value = self.argument(call, 0)?;
                self.map(value, span, Ok)
            }
            Function::DateAdd => self.date_add(call, span),
            Function::DateDiff => self.date_diff(call, span),
            Function::DateFromNum => self.date_from_num(call, span),
            Function::DefaultDomain => Ok(self.default_domain()),
            Function::DnComponent => self.dn_component(call),
            Function::Error => self.error(call, span),
            Function::FormatDateTime => self.format_date(call, span),
            Function::Guid => Ok(self.guid(call)),
            Function::IgnoreFlowIfNullOrEmpty => self.unless_empty(call),
            Function::Iif => self.iif(call),
            Function::InStr => self.in_str(call),
            Function::IsNothing | Function::IsNull => self.test(call, |value| matches!(value, Value::Null)),
            Function::IsNullOrEmpty => self.test(call, Value::is_null_or_empty),
            Function::IsPresent => self.test(call, |value| !value.is_null_or_empty()),
            Function::IsString => self.test(call, |value| matches!(value, Value::Text(_))),
            Function::Item => self.item(call, span),
            Function::Join => self.join(call, span),
            Function::Left => self.left(call, span),
            Function::Mid => self.mid(call, span),
            Function::NormalizeDiacritics => self.each(call, span, library::text::normalize_diacritics),
            Function::Not => self.not(call),
            Function::Now => Ok(Value::Date(self.env.now.to_offset(time::UtcOffset::UTC))),
            Function::NumFromDate => self.num_from_date(call, span),
            Function::PCase => self.pcase(call, span),
            Function::Prepend => self.affix(call, 1, 0, span),
            Function::RandomString => self.random_string(call, span),
            Function::Redact if self.for_message.get() => Ok(Value::Text(Cow::Borrowed(REDACTED))),
            Function::Redact => self.argument(call, 0),
            Function::RemoveDuplicates => self.remove_duplicates(call),
            Function::Replace => self.replace(call, span),
            Function::SelectUniqueValue => self.select_unique(call),
            Function::SingleAppRoleAssignment => self.single_role(call),
            Function::Split => self.split(call, span),
            Function::StringFromSid => self.sid(call, span),
            Function::StripSpaces => self.each(call, span, strip_spaces),
            Function::Switch => self.switch(call),
            Function::ToLower => self.cased(call, LetterCase::Lower, span),
            Function::ToUpper => self.cased(call, LetterCase::Upper, span),
            Function::Trim => self.each(call, span, |text| Cow::Borrowed(text.trim())),
            Function::Word => self.word(call),
        }
    }

    /// Fails with the given text. More people see messages than values, so redacted values are hidden in the text.
    fn error(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        self.for_message.set(true);
        let message = self.text(call, 0);
        self.for_message.set(false);
        fail_at(span, message?.unwrap_or("Error".into()))
    }

    /// Returns false for true, otherwise true: also for `1`, which counts as true elsewhere.
    fn not(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        self.unhidden(|| Ok(Value::Boolean(!says_true(&self.argument(call, 0)?))))
    }

    fn bit_and(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let both = self.integer(call, 0)?.zip(self.integer(call, 1)?);
        Ok(both.map_or(Value::Null, |(left, right)| Value::Integer(left & right)))
    }

    /// Returns null if no default domain is known, so that `Coalesce` can provide another.
    fn default_domain(&self) -> Value<'a> {
        self.env.default_domain.map_or(Value::Null, |domain| Value::Text(Cow::Owned(domain.to_owned())))
    }

    fn test(
        &self,
        call: &'a FunctionCall,
        holds: impl Fn(&Value<'a>) -> bool,
    ) -> EvaluationResult<Value<'a>> {
        Ok(Value::Boolean(holds(&self.argument(call, 0)?)))
    }
}
