//! The header and the rows under it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::text_fault;

/// The names of the columns, in order; each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    names: Vec<String>,
    positions: HashMap<String, usize>,
}

impl FileHeader {
    /// Trims the names; what is wrong with them otherwise, and what to do.
    pub(crate) fn new(cells: impl Iterator<Item = impl AsRef<str>>) -> Result<Self, (String, String)> {
        let names: Vec<String> = cells.map(|cell| cell.as_ref().trim().to_owned()).collect();
        let mut positions = HashMap::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            let number = position + 1;
            if let Some(fault) = text_fault(name) {
                let fix = "give each column a name in one line, and remove separators after the last one";
                return Err((format!("has a wrong name: that of column {number} {fault}"), fix.to_owned()));
            }
            if let Some(first) = positions.insert(name.clone(), position) {
                let what = format!("names the columns {} and {number} alike (`{name}`)", first + 1);
                return Err((what, "give each column a name of its own".to_owned()));
            }
        }
        Ok(Self { names, positions })
    }

    /// The names, trimmed, in the case of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a column stands, from 0. Case counts.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }
}

/// One row: as many cells as the header has names, as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    header: Arc<FileHeader>,
    line: u64,
    text: String,
    /// Where each cell ends in `text`; always on a character boundary, and as many as there are names.
    ends: Vec<usize>,
}

impl FileRow {
    pub(crate) fn new(header: Arc<FileHeader>, line: u64, text: String, ends: Vec<usize>) -> Self {
        Self { header, line, text, ends }
    }

    /// The physical line in which it begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The header that it stands under.
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Whether it stands under this header.
    pub(crate) fn is_under(&self, header: &Arc<FileHeader>) -> bool {
        Arc::ptr_eq(&self.header, header) || self.header == *header
    }

    /// The cell of a column by position, from 0.
    pub fn cell(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)?;
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// The cell of a column by name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cell(self.header.position(name)?)
    }

    /// All cells with the names of their columns, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.header.names.iter().enumerate();
        names.map(|(position, name)| (name.as_str(), self.cell(position).unwrap_or_default()))
    }
}
