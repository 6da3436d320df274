//! Errors point at the place in the text that they are about.

use serde::Serialize;

/// A stretch of the expression's text, in bytes; always on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SourceSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl SourceSpan {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn to(self, other: SourceSpan) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// Why a text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: SourceSpan,
    /// What to write instead, when that can be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl CompileError {
    pub(crate) fn new(span: SourceSpan, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error for people: message, the line(s) of `text` it is about with the span underlined, hint. Ends without
    /// a line feed.
    pub fn render(&self, text: &str) -> String {
        render_error(text, &self.message, self.span, self.hint.as_deref())
    }
}

/// Why an expression gives no value for a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong; holds no values of attributes but for what `Error(...)` was told to say.
    pub message: String,
    /// The part of the expression that failed.
    pub span: SourceSpan,
}

impl EvalError {
    pub(crate) fn new(span: SourceSpan, message: impl Into<String>) -> Self {
        Self { message: message.into(), span }
    }

    /// Like [`CompileError::render`].
    pub fn render(&self, text: &str) -> String {
        render_error(text, &self.message, self.span, None)
    }
}

/// Lines that an underlined excerpt shows at most.
const MAX_RENDERED_LINES: usize = 4;
/// Characters of one line that an excerpt shows at most.
const MAX_RENDERED_WIDTH: usize = 100;

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

/// One line with the part of it that the span covers underlined; a long line is shown from shortly before the span.
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
