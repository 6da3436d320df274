//! Functions on text. Most of them also take a list, and treat its values one by one.

use super::{Evaluator, append_text};
use crate::error::SourceSpan;
use crate::library;
use crate::library::random::RandomStream;
use crate::outcome::{EvaluationResult, fail_at};
use crate::program::{FunctionCall, PreparedCall};
use crate::value::Value;
use std::borrow::Cow;

/// The target case of `ToLower` and `ToUpper`.
#[derive(Clone, Copy)]
pub(super) enum LetterCase {
    Lower,
    Upper,
}

impl<'a> Evaluator<'a, '_> {
    /// Implements `Append` and `Prepend`. Null stays null, regardless of the addition.
    pub(super) fn affix(
        &self,
        call: &'a FunctionCall,
        source: usize,
        affix: usize,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let value = self.argument(call, source)?;
        let Some(addition) = self.text(call, affix)? else { return Ok(value) };
        self.map(value, span, |text| {
            let (first, second) = if source < affix { (&*text, &*addition) } else { (&*addition, &*text) };
            let mut out = String::with_capacity(first.len().saturating_add(second.len()));
            append_text(&mut out, first, span)?;
            append_text(&mut out, second, span)?;
            Ok(Cow::Owned(out))
        })
    }

    /// Applies a function of one text. The result is borrowed if the text does not change.
    pub(super) fn each(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
        change: impl for<'t> Fn(&'t str) -> Cow<'t, str>,
    ) -> EvaluationResult<Value<'a>> {
        let value = self.argument(call, 0)?;
        self.map(value, span, |text| Ok(keep_borrowed(text, &change)))
    }

    /// Implements `ToLower` and `ToUpper`. The culture `tr` or `az` selects the Turkic rules.
    pub(super) fn cased(
        &self,
        call: &'a FunctionCall,
        case: LetterCase,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let culture = self.text(call, 1)?;
        let turkic = culture.as_deref().is_some_and(|culture| {
            let language = culture.split('-').next().unwrap_or_default();
            ["tr", "az"].iter().any(|known| language.eq_ignore_ascii_case(known))
        });
        self.each(call, span, |text| change_case(text, case, turkic))
    }

    /// Implements `PCase`.
    pub(super) fn pcase(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let value = self.argument(call, 0)?;
        let separators = self.text(call, 1)?;
        self.map(value, span, |text| Ok(Cow::Owned(library::text::pascal_case(&text, separators.as_deref()))))
    }

    /// Implements `Left`. Null results in `""`.
    pub(super) fn left(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let value = or_empty(self.argument(call, 0)?);
        let Some(count) = self.integer(call, 1)? else { return Ok(value) };
        self.map(value, span, |text| {
            Ok(keep_borrowed(text, |text| library::text::left_part(text, count).into()))
        })
    }

    /// Implements `Mid`. Without a length it returns everything from the start position.
    pub(super) fn mid(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let value = or_empty(self.argument(call, 0)?);
        let Some(start) = self.integer(call, 1)? else { return Ok(value) };
        let length = self.integer(call, 2)?.unwrap_or(i64::MAX);
        self.map(value, span, |text| {
            Ok(keep_borrowed(text, |text| library::text::middle_part(text, start, length).into()))
        })
    }

    /// Implements `InStr`. Null in the text or the search results in 0.
    pub(super) fn in_str(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let (Some(text), Some(search)) = (self.text(call, 0)?, self.text(call, 1)?) else {
            return Ok(Value::Integer(0));
        };
        let start = self.integer(call, 2)?.unwrap_or(1);
        let ignore_case = matches!(self.text(call, 3)?.as_deref(), Some("vbTextCompare" | "1"));
        Ok(Value::Integer(library::text::in_str(&text, &search, start, ignore_case)))
    }

    /// Implements `Word`.
    pub(super) fn word(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let text = self.text(call, 0)?.unwrap_or_default();
        let number = self.integer(call, 1)?.unwrap_or(0);
        let delimiters = self.text(call, 2)?.unwrap_or_default();
        Ok(Value::Text(Cow::Owned(library::text::nth_word(&text, number, &delimiters))))
    }

    /// Implements `ConvertFromBase64`. The default encoding is `Unicode`.
    pub(super) fn base64_decode(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let value = self.argument(call, 0)?;
        let encoding = self.text(call, 1)?.filter(|name| !name.is_empty()).unwrap_or("Unicode".into());
        self.map(value, span, |text| {
            library::text::base64_decode(&text, &encoding)
                .map(Cow::Owned)
                .or_else(|message| fail_at(span, message))
        })
    }

    /// Implements `DNComponent`.
    pub(super) fn dn_component(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let (Some(name), Some(number)) = (self.text(call, 0)?, self.integer(call, 1)?) else {
            return Ok(Value::Null);
        };
        Ok(Value::Text(Cow::Owned(library::text::dn_component(&name, number))))
    }

    /// Implements `StringFromSid`.
    pub(super) fn sid(&self, call: &'a FunctionCall, span: SourceSpan) -> EvaluationResult<Value<'a>> {
        let Some(sid) = self.text(call, 0)?.filter(|sid| !sid.is_empty()) else { return Ok(Value::Null) };
        library::text::string_from_sid(&sid)
            .map(|text| Value::Text(Cow::Owned(text)))
            .or_else(|message| fail_at(span, message))
    }

    /// Implements `Guid`.
    pub(super) fn guid(&self, call: &'a FunctionCall) -> Value<'a> {
        Value::Text(Cow::Owned(library::random::random_guid(&mut self.stream(call))))
    }

    /// Implements `RandomString`.
    pub(super) fn random_string(
        &self,
        call: &'a FunctionCall,
        span: SourceSpan,
    ) -> EvaluationResult<Value<'a>> {
        let mut numbers = [0i64; 5];
        for (position, number) in numbers.iter_mut().enumerate() {
            *number = self.integer(call, position)?.unwrap_or(0);
        }
        let [length, digits, specials, capitals, lowers] = numbers;
        let avoid = self.text(call, 5)?.unwrap_or_default();
        let mut stream = self.stream(call);
        library::random::random_string(&mut stream, length, digits, specials, capitals, lowers, &avoid)
            .map(|text| Value::Text(Cow::Owned(text)))
            .or_else(|message| fail_at(span, message))
    }

    fn stream(&self, call: &FunctionCall) -> RandomStream {
        let position = if let PreparedCall::Random(position) = call.prepared { position } else { 0 };
        RandomStream::new(self.env.seed, position)
    }
}

fn or_empty(value: Value<'_>) -> Value<'_> {
    if matches!(value, Value::Null) { Value::Text(Cow::Borrowed("")) } else { value }
}

/// Applies a function that may borrow its input to a text that may be borrowed.
fn keep_borrowed<'a>(text: Cow<'a, str>, change: impl for<'t> Fn(&'t str) -> Cow<'t, str>) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => change(text),
        Cow::Owned(text) => Cow::Owned(change(&text).into_owned()),
    }
}

/// Changes the case like .NET, letter by letter: a letter whose other case has several letters
/// (`ß`) stays, and the dotted and dotless i of Turkish change in Turkic cultures only.
fn change_case(text: &str, case: LetterCase, turkic: bool) -> Cow<'_, str> {
    let change = |c: char| match (case, c, turkic) {
        (LetterCase::Lower, 'I', true) => 'ı',
        (LetterCase::Lower, 'İ', true) => 'i',
        (LetterCase::Upper, 'i', true) => 'İ',
        (LetterCase::Upper, 'ı', true) => 'I',
        (_, 'İ' | 'ı', false) => c,
        (LetterCase::Lower, ..) => only_letter(c.to_lowercase()).unwrap_or(c),
        (LetterCase::Upper, ..) => only_letter(c.to_uppercase()).unwrap_or(c),
    };
    if text.chars().all(|c| change(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(change).collect())
}

fn only_letter(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

/// Removes all spaces (U+0020).
pub(super) fn strip_spaces(text: &str) -> Cow<'_, str> {
    if text.contains(' ') { Cow::Owned(text.replace(' ', "")) } else { Cow::Borrowed(text) }
}
