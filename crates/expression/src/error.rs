//! Errors, with the part of the text that they refer to.

use serde::Serialize;

/// A range of the expression's text, in bytes. It always lies on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SourceSpan {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl SourceSpan {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Returns the span from the start of this one to the end of `other`.
    pub(crate) fn to(self, other: SourceSpan) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// The reason why a text is not a valid expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// A description of the error.
    pub message: String,
    /// The part of the text that is wrong.
    pub span: SourceSpan,
    /// A suggested fix, if one can be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl CompileError {
    pub(crate) fn new(span: SourceSpan, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    /// Adds a suggested fix.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Formats the error for display: the message, the affected lines of `text` with
    /// the span underlined, and the hint. The result does not end with a line feed.
    pub fn render(&self, text: &str) -> String {
        render_error(text, &self.message, self.span, self.hint.as_deref())
    }
}

/// The reason why an expression has no value for a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// A description of the error. It contains no attribute values, except those that the expression passes to `Error(...)`.
    pub message: String,
    /// The part of the expression that failed.
    pub span: SourceSpan,
}

impl EvalError {
    pub(crate) fn new(span: SourceSpan, message: impl Into<String>) -> Self {
        Self { message: message.into(), span }
    }

    /// Formats the error in the same way as [`CompileError::render`].
    pub fn render(&self, text: &str) -> String {
        render_error(text, &self.message, self.span, None)
    }
}

/// The maximum number of lines in an underlined excerpt.
const MAX_RENDERED_LINES: usize = 4;
/// The maximum number of characters of one line in an excerpt.
const MAX_RENDERED_WIDTH: usize = 100;

/// Formats an error with an excerpt of the text and the hint.
fn render_error(text: &str, message: &str, span: SourceSpan, hint: Option<&str>) -> String {
    let mut out = format!("error: {message}");
    let mut shown = 0;
    let mut start = 0;
    for (number, line) in text.split('\n').enumerate() {
        let end = start + line.len();
        let touches = span.start <= end && (span.end > start || span.start >= start);
        if touches && shown < MAX_RENDERED_LINES {
            render_line(&mut out, line, number + 1, start, span);
            shown += 1;
        }
        start = end + 1;
    }
    if let Some(hint) = hint {
        out.push_str("\n  = hint: ");
        out.push_str(hint);
    }
    out
}

/// Formats one line with the span underlined. A long line is shown from shortly before the span.
fn render_line(out: &mut String, line: &str, number: usize, line_start: usize, span: SourceSpan) {
    let column = |at: usize| line.char_indices().take_while(|(i, _)| line_start + i < at).count();
    let from = column(span.start);
    let to = column(span.end).max(from + 1);
    let skip = from.saturating_sub(MAX_RENDERED_WIDTH / 2);
    let visible: String = line
        .chars()
        .skip(skip)
        .take(MAX_RENDERED_WIDTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let ellipsis = if skip > 0 { "..." } else { "" };
    let gutter = format!("{number:>4} | ");
    let indent = " ".repeat(ellipsis.len() + from - skip);
    let carets = "^".repeat((to - from).min(MAX_RENDERED_WIDTH + skip - from));
    out.push_str(&format!("\n{gutter}{ellipsis}{visible}\n     | {indent}{carets}"));
}
