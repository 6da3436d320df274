//! Errors in a policy file, with their location and a suggested fix.

use expression::SourceSpan;

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}; {fix}")]
pub struct PolicyError {
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// The line, from 1; 0 if the error concerns the file as a whole.
    pub line: u64,
    /// The column, from 1; 0 if the error concerns the file as a whole.
    pub column: u64,
    /// A description of the error.
    pub what: String,
    /// A suggested fix.
    pub fix: String,
    /// The part of an expression or clause that is wrong, if the error is in one.
    pub part: Option<Box<WrongPart>>,
    /// All other errors in the file, ordered by location.
    pub more: Vec<PolicyError>,
}

/// The wrong part of an expression or clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPart {
    /// The range of the part, in bytes of the text.
    pub span: SourceSpan,
    /// The text with the part underlined, for display.
    pub snippet: String,
}

impl PolicyError {
    /// Returns the range of the wrong part of an expression or clause, in bytes of its text.
    pub fn span(&self) -> Option<SourceSpan> {
        self.part.as_ref().map(|part| part.span)
    }

    /// Returns the text with the wrong part underlined, for display.
    pub fn snippet(&self) -> Option<&str> {
        self.part.as_ref().map(|part| part.snippet.as_str())
    }

    /// Returns this error and all others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.more)
    }
}

/// Content of a policy file that is allowed but probably unintended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRemark {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// A description of the suspicious part, and of the probable intention.
    pub text: String,
}

/// An error that is not yet attributed to a file.
#[derive(Debug, Clone)]
pub(crate) struct PolicyFlaw {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) what: String,
    pub(crate) fix: String,
    pub(crate) part: Option<Box<WrongPart>>,
}

impl PolicyFlaw {
    /// Creates a flaw of `value`, at its location in the file.
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
            part: None,
        }
    }

    /// Returns the flaw with the wrong part of the text and a snippet that underlines it.
    pub(crate) fn within(self, span: SourceSpan, snippet: String) -> Self {
        Self { part: Some(Box::new(WrongPart { span, snippet })), ..self }
    }

    /// Returns the flaw at this line and column, if they are known.
    pub(crate) fn at_place(self, place: Option<(u64, u64)>) -> Self {
        let (line, column) = place.unwrap_or((self.line, self.column));
        Self { line, column, ..self }
    }

    /// Returns the error in the file with this name.
    fn in_file(self, file: &str) -> PolicyError {
        let Self { line, column, what, fix, part } = self;
        PolicyError { file: file.to_owned(), line, column, what, fix, part, more: Vec::new() }
    }
}

/// All errors in a file; at least one.
#[derive(Debug)]
pub(crate) struct PolicyFlaws(Vec<PolicyFlaw>);

impl From<PolicyFlaw> for PolicyFlaws {
    fn from(only: PolicyFlaw) -> Self {
        Self(vec![only])
    }
}

impl PolicyFlaws {
    /// Returns `None` if the list is empty.
    pub(crate) fn of(all: Vec<PolicyFlaw>) -> Option<Self> {
        (!all.is_empty()).then_some(Self(all))
    }

    /// Returns the first error by location, which carries all others.
    pub(crate) fn in_file(self, file: &str) -> PolicyError {
        let mut all: Vec<PolicyError> = self.0.into_iter().map(|flaw| flaw.in_file(file)).collect();
        all.sort_by_key(|error| (error.line, error.column));
        let mut all = all.into_iter();
        let first = all.next().expect("there is a first one");
        PolicyError { more: all.collect(), ..first }
    }
}
