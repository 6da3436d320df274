//! The errors of the crate. No error contains the content of a cell.

use std::fmt;

/// The reason that a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// Reading the bytes failed.
    #[error("reading the file failed before its header row was complete")]
    Read(#[source] std::io::Error),
    /// The file is empty.
    #[error("the file has no header row: send a file whose first row names the columns")]
    NoHeader,
    /// The first row is not a valid header.
    #[error("line {line}: the header row {what}: {fix}")]
    Header {
        /// The physical line in which the header begins, from 1.
        line: u64,
        /// The fault of the header.
        what: String,
        /// The remedy.
        fix: String,
    },
}

/// The reason that a row cannot be used. The rows after it are read all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RowError {
    /// The physical line in which the row begins, from 1.
    pub line: u64,
    /// The column with the fault, if it is in one column.
    pub column: Option<String>,
    /// The fault, without the value.
    pub what: String,
    /// The remedy.
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

/// The reason that a mapping cannot be used: the list of all its faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// The faults; at least one.
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

/// One fault of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    /// The place in the mapping, for example `attributes.mail`.
    pub place: String,
    /// The fault.
    pub what: String,
    /// The remedy.
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

/// Returns the fault of a name or a key, if there is one. Events have the same restrictions.
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
