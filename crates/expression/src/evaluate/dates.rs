//! Functions on dates.

use super::Evaluator;
use crate::error::SourceSpan;
use crate::library::dotnet_format::DotnetFormat;
use crate::library::{date_styles, dates};
use crate::outcome::{EvaluationResult, fail_at};
use crate::program::{FunctionCall, PreparedCall};
use crate::value::Value;
use std::borrow::Cow;
use time::{OffsetDateTime, UtcOffset};

impl<'a> Evaluator<'a, '_> {
    /// Implements `CDate`. A constant date was parsed at compilation.
    pub(super) fn cdate(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        if let PreparedCall::Date(date) = call.prepared {
            return Ok(Value::Date(date));
        }
        Ok(self.date(call, 0)?.map_or(Value::Null, Value::Date))
    }

    /// Implements `DateAdd`. Null in the number or the date results in null.
    pub(super) fn date_add(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let interval = self.text(call, 0)?.unwrap_or_default();
        let (Some(count), Some(date)) = (self.integer(call, 1)?, self.date(call, 2)?) else {
            return Ok(Value::Null);
        };
        dates::add_interval(&interval, count, date).map(Value::Date).or_else(|message| fail_at(span, message))
    }

    /// Implements `DateDiff`. Null in either date results in null.
    pub(super) fn date_diff(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let interval = self.text(call, 0)?.unwrap_or_default();
        let (Some(from), Some(to)) = (self.date(call, 1)?, self.date(call, 2)?) else {
            return Ok(Value::Null);
        };
        dates::date_difference(&interval, from, to)
            .map(Value::Integer)
            .or_else(|message| fail_at(span, message))
    }

    /// Implements `DateFromNum`, which reads a FILETIME.
    pub(super) fn date_from_num(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let Some(ticks) = self.integer(call, 0)? else { return Ok(Value::Null) };
        match dates::from_filetime(ticks) {
            Some(date) => Ok(Value::Date(date)),
            None => fail_at(span, "the number is outside of the calendar"),
        }
    }

    /// Implements `NumFromDate`, which returns a FILETIME.
    pub(super) fn num_from_date(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let Some(date) = self.date(call, 0)? else { return Ok(Value::Null) };
        match dates::to_filetime(date) {
            Some(ticks) => Ok(Value::Integer(ticks)),
            None => fail_at(span, "the date cannot be written as a number"),
        }
    }

    /// Formats a date. A date that another function returned is first read from its printed form
    /// (`M/d/yyyy h:mm:ss tt`), as in Entra: an input format that does not match this form is an error.
    pub(super) fn format_date(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let source = super::single_value(self.argument(call, 0)?, span)?;
        if source.is_null_or_empty() {
            return Ok(Value::Null);
        }
        let (input, output) = match &call.prepared {
            PreparedCall::Formats { input, output } => (input.as_ref(), output.as_ref()),
            _ => (None, None),
        };
        let styles = self.text(call, 1)?.unwrap_or_default();
        let to_utc = date_styles::adjusts_to_utc(&styles).or_else(|message| fail_at(span, message))?;
        let date = self.read_date(call, &source, input, span)?;
        let utc = date.checked_to_offset(UtcOffset::UTC).filter(|_| to_utc);
        let date = utc.unwrap_or(date);
        let printed = match (output, self.text(call, 3)?) {
            (Some(format), _) => format.print(date),
            (None, Some(text)) if !text.is_empty() => self.format(call, 3, &text)?.print(date),
            (None, _) => dates::print_date(date),
        };
        Ok(Value::Text(Cow::Owned(printed)))
    }

    /// Reads a date in the input format, or in the formats of `CDate` without one.
    fn read_date(
        &self,
        call: &'a FunctionCall,
        source: &Value<'a>,
        format: Option<&'a DotnetFormat>,
        span: SourceSpan,
    ) -> EvaluationResult<OffsetDateTime> {
        let text = source.to_text().unwrap_or_default();
        let date = match (format, self.text(call, 2)?) {
            (Some(format), _) => format.parse(&text),
            (None, Some(format)) if !format.is_empty() => self.format(call, 2, &format)?.parse(&text),
            (None, _) => dates::parse_date(&text),
        };
        match date {
            Some(date) => Ok(date),
            None => fail_at(span, "the source does not fit the input format"),
        }
    }

    fn format(&self, call: &'a FunctionCall, position: usize, text: &str) -> EvaluationResult<DotnetFormat> {
        let span = call.argument(position).map_or(SourceSpan::new(0, 0), |node| node.span);
        DotnetFormat::compile(text).or_else(|message| fail_at(span, message))
    }
}
