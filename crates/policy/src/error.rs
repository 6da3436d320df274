//! What is wrong with a policy file, where, and how to fix it.

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}; {fix}")]
pub struct PolicyError {
    /// Name of the file, as the caller gave it.
    pub file: String,
    /// Line, from 1; 0 when the error is about the file as a whole.
    pub line: u64,
    /// Column, from 1; 0 when the error is about the file as a whole.
    pub column: u64,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
    /// The text that it is about with the wrong part underlined, where an expression is wrong. For people.
    pub snippet: Option<String>,
}

/// Something in a policy file that is allowed, and probably not what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What looks wrong, and what was probably meant.
    pub text: String,
}

/// An error that does not know its file yet.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) what: String,
    pub(crate) fix: String,
    pub(crate) snippet: Option<String>,
}

impl Flaw {
    /// A flaw of `value`, at the place where it is written.
    pub(crate) fn at<T>(
        value: &serde_saphyr::Spanned<T>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            line: value.referenced.line(),
            column: value.referenced.column(),
            what: what.into(),
            fix: fix.into(),
            snippet: None,
        }
    }

    /// The same with the underlined text.
    pub(crate) fn with_snippet(self, snippet: String) -> Self {
        Self { snippet: Some(snippet), ..self }
    }

    pub(crate) fn in_file(self, file: &str) -> PolicyError {
        let Self { line, column, what, fix, snippet } = self;
        PolicyError { file: file.to_owned(), line, column, what, fix, snippet }
    }
}
