//! What can be wrong. No error holds what stood in a cell.

use std::fmt;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The bytes did not come.
    #[error("reading the file failed before its header row was complete")]
    Read(#[source] std::io::Error),
    /// There is nothing in it.
    #[error("the file has no header row: send a file whose first row names the columns")]
    NoHeader,
    /// The first row does not name columns.
    #[error("line {line}: the header row {what}: {fix}")]
    Header {
        /// Physical line in which the header begins, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
}

/// Why a row says nothing. The rows after it are read all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RowError {
    /// Physical line in which the row begins, from 1.
    pub line: u64,
    /// The column that it is about, if it is about one.
    pub column: Option<String>,
    /// What is wrong, without the value.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl RowError {
    pub(crate) fn new(line: u64, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line, column: None, what: what.into(), fix: fix.into() }
    }

    pub(crate) fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}: {}", self.what, self.fix)
    }
}

/// Why a mapping cannot be used: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// At least one.
    pub faults: Vec<MappingFault>,
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    /// Where it stands: `attributes.mail`.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl MappingFault {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for MappingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.what, self.fix)
    }
}

/// What is wrong with a name or a key, if anything: what an event may not hold either.
pub(crate) fn text_fault(text: &str) -> Option<String> {
    if text.is_empty() {
        Some("is empty".to_owned())
    } else if text.chars().nth(crate::NAME_CHARS_MAX).is_some() {
        Some(format!("has more than {} characters", crate::NAME_CHARS_MAX))
    } else {
        text.contains(char::is_control)
            .then(|| "has a line break or another control character in it".to_owned())
    }
}
