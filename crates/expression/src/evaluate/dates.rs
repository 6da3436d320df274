//! Functions about dates.

use super::{Evaluator, Outcome, fail};
use crate::error::Span;
use crate::library::dotnet_format::Format;
use crate::library::{date_styles, dates};
use crate::program::{Call, Prepared};
use crate::value::Value;
use std::borrow::Cow;
use time::{OffsetDateTime, UtcOffset};

impl<'a> Evaluator<'a, '_> {
    pub(super) fn cdate(&self, call: &'a Call) -> Outcome<Value<'a>> {
        if let Prepared::Date(date) = call.prepared {
            return Ok(Value::Date(date));
        }
        Ok(self.date(call, 0)?.map_or(Value::Null, Value::Date))
    }

    pub(super) fn date_add(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let interval = self.text(call, 0)?.unwrap_or_default();
        let (Some(count), Some(date)) = (self.integer(call, 1)?, self.date(call, 2)?) else {
            return Ok(Value::Null);
        };
        dates::add(&interval, count, date).map(Value::Date).or_else(|message| fail(span, message))
    }

    pub(super) fn date_diff(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let interval = self.text(call, 0)?.unwrap_or_default();
        let (Some(from), Some(to)) = (self.date(call, 1)?, self.date(call, 2)?) else {
            return Ok(Value::Null);
        };
        dates::diff(&interval, from, to).map(Value::Integer).or_else(|message| fail(span, message))
    }

    pub(super) fn date_from_num(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let Some(ticks) = self.integer(call, 0)? else { return Ok(Value::Null) };
        match dates::from_filetime(ticks) {
            Some(date) => Ok(Value::Date(date)),
            None => fail(span, "the number is outside of the calendar"),
        }
    }

    pub(super) fn num_from_date(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let Some(date) = self.date(call, 0)? else { return Ok(Value::Null) };
        match dates::to_filetime(date) {
            Some(ticks) => Ok(Value::Integer(ticks)),
            None => fail(span, "the date cannot be written as a number"),
        }
    }

    /// What another function gave as a date is read from its printed form (`M/d/yyyy h:mm:ss tt`), as Entra does: an
    /// input format that does not fit it is an error.
    pub(super) fn format_date(&self, call: &'a Call, span: Span) -> Outcome<Value<'a>> {
        let source = super::single(self.argument(call, 0)?, span)?;
        if source.is_null_or_empty() {
            return Ok(Value::Null);
        }
        let (input, output) = match &call.prepared {
            Prepared::Formats { input, output } => (input.as_ref(), output.as_ref()),
            _ => (None, None),
        };
        let styles = self.text(call, 1)?.unwrap_or_default();
        let to_utc = date_styles::adjusts_to_utc(&styles).or_else(|message| fail(span, message))?;
        let date = self.read_date(call, &source, input, span)?;
        let utc = date.checked_to_offset(UtcOffset::UTC).filter(|_| to_utc);
        let date = utc.unwrap_or(date);
        let printed = match (output, self.text(call, 3)?) {
            (Some(format), _) => format.print(date),
            (None, Some(text)) if !text.is_empty() => self.format(call, 3, &text)?.print(date),
            (None, _) => dates::print(date),
        };
        Ok(Value::Text(Cow::Owned(printed)))
    }

    fn read_date(
        &self,
        call: &'a Call,
        source: &Value<'a>,
        format: Option<&'a Format>,
        span: Span,
    ) -> Outcome<OffsetDateTime> {
        let text = source.to_text().unwrap_or_default();
        let date = match (format, self.text(call, 2)?) {
            (Some(format), _) => format.parse(&text),
            (None, Some(format)) if !format.is_empty() => self.format(call, 2, &format)?.parse(&text),
            (None, _) => dates::parse(&text),
        };
        match date {
            Some(date) => Ok(date),
            None => fail(span, "the source does not fit the input format"),
        }
    }

    fn format(&self, call: &'a Call, position: usize, text: &str) -> Outcome<Format> {
        let span = call.argument(position).map_or(Span::new(0, 0), |node| node.span);
        Format::compile(text).or_else(|message| fail(span, message))
    }
}
