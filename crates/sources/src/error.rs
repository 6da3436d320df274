//! The errors of requests and adapters. No error repeats a value.

/// The class of an error, for the status of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The method is not supported (405).
    Method,
    /// The content type is not supported (415).
    MediaType,
    /// The body cannot be read at all (400).
    Unreadable,
    /// A value in the body is invalid (422).
    Invalid,
    /// The body contains more than the limit (413).
    TooMuch,
}

/// The reason that a request cannot be read: the fault, its place, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {fix}")]
pub struct ReadError {
    /// The class of the error.
    pub kind: ErrorKind,
    /// The JSON Pointer into the body, or `header:<name>`; empty for the whole request.
    pub at: String,
    /// The fault.
    pub what: String,
    /// The remedy.
    pub fix: String,
}

impl ReadError {
    pub(crate) fn new(
        kind: ErrorKind,
        at: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { kind, at: at.into(), what: what.into(), fix: fix.into() }
    }

    pub(crate) fn invalid(at: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, at, what, fix)
    }
}

/// The reason that an adapter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {what}; {fix}")]
pub struct AdapterConfigError {
    /// The setting, such as `attributes.department`.
    pub field: String,
    /// The fault of the setting.
    pub what: String,
    /// The remedy.
    pub fix: String,
    /// The expression with the wrong part underlined, if the error is in an expression.
    pub snippet: Option<String>,
}

impl AdapterConfigError {
    pub(crate) fn new(field: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into(), fix: fix.into(), snippet: None }
    }
}
