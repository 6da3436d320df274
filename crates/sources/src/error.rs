//! What is wrong with a request or with an adapter. Never repeats a value.

/// What class of mistake it is, for the status of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The method is not taken (405).
    Method,
    /// The content type is not taken (415).
    MediaType,
    /// The body cannot be read at all (400).
    Unreadable,
    /// Something in the body is not as it must be (422).
    Invalid,
    /// The body holds more than is taken (413).
    TooMuch,
}

/// Why a request says nothing: what is wrong, where, and how to put it right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {fix}")]
pub struct ReadError {
    /// The class.
    pub kind: ErrorKind,
    /// JSON Pointer into the body, or `header:<name>`; empty for the whole.
    pub at: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
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

/// Why an adapter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {what}; {fix}")]
pub struct AdapterConfigError {
    /// The setting, such as `attributes.department`.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub fix: String,
    /// The expression with the wrong part underlined, if it is about one.
    pub snippet: Option<String>,
}

impl AdapterConfigError {
    pub(crate) fn new(field: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { field: field.into(), what: what.into(), fix: fix.into(), snippet: None }
    }
}
