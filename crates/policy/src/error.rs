//! What is wrong with a policy file, where, and how to fix it.

use expression::SourceSpan;

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
    /// Where an expression or clause is wrong: which part of it.
    pub part: Option<Box<WrongPart>>,
    /// What else is wrong in the file, in order of place.
    pub more: Vec<PolicyError>,
}

/// The wrong part of an expression or clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPart {
    /// In bytes of its text.
    pub span: SourceSpan,
    /// The text with the part underlined, for people.
    pub snippet: String,
}

impl PolicyError {
    /// The wrong part of an expression or clause, in bytes of its text.
    pub fn span(&self) -> Option<SourceSpan> {
        self.part.as_ref().map(|part| part.span)
    }

    /// That text with the wrong part underlined, for people.
    pub fn snippet(&self) -> Option<&str> {
        self.part.as_ref().map(|part| part.snippet.as_str())
    }

    /// This one and all others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.more)
    }
}

/// Something in a policy file that is allowed, and probably not what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRemark {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What looks wrong, and what was probably meant.
    pub text: String,
}

/// An error that does not know its file yet.
#[derive(Debug, Clone)]
pub(crate) struct PolicyFlaw {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) what: String,
    pub(crate) fix: String,
    pub(crate) part: Option<Box<WrongPart>>,
}

impl PolicyFlaw {
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
            part: None,
        }
    }

    /// The same with the wrong part of the text, and that underlined.
    pub(crate) fn within(self, span: SourceSpan, snippet: String) -> Self {
        Self { part: Some(Box::new(WrongPart { span, snippet })), ..self }
    }

    /// The same at that line and column, if they are known.
    pub(crate) fn at_place(self, place: Option<(u64, u64)>) -> Self {
        let (line, column) = place.unwrap_or((self.line, self.column));
        Self { line, column, ..self }
    }

    fn in_file(self, file: &str) -> PolicyError {
        let Self { line, column, what, fix, part } = self;
        PolicyError { file: file.to_owned(), line, column, what, fix, part, more: Vec::new() }
    }
}

/// Everything that is wrong with a file; at least one thing is.
#[derive(Debug)]
pub(crate) struct PolicyFlaws(Vec<PolicyFlaw>);

impl From<PolicyFlaw> for PolicyFlaws {
    fn from(only: PolicyFlaw) -> Self {
        Self(vec![only])
    }
}

impl PolicyFlaws {
    /// Nothing where nothing is wrong.
    pub(crate) fn of(all: Vec<PolicyFlaw>) -> Option<Self> {
        (!all.is_empty()).then_some(Self(all))
    }

    pub(crate) fn in_file(self, file: &str) -> PolicyError {
        let mut all: Vec<PolicyError> = self.0.into_iter().map(|flaw| flaw.in_file(file)).collect();
        all.sort_by_key(|error| (error.line, error.column));
        let mut all = all.into_iter();
        let first = all.next().expect("there is a first one");
        PolicyError { more: all.collect(), ..first }
    }
}
