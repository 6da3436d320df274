//! The header and the rows of a file.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::text_fault;

/// The unique names of the columns, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    names: Vec<String>,
    positions: HashMap<String, usize>,
}

impl FileHeader {
    /// Creates a header with trimmed names. Returns the fault of the names and its remedy, if there is one.
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

    /// Returns the names, trimmed, in the case of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the position of a column, from 0. Case counts.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }
}

/// One row, with as many cells as the header has names. The cells are as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    header: Arc<FileHeader>,
    line: u64,
    text: String,
    /// The end of each cell in `text`. Always on a character boundary, and as many as there are names.
    ends: Vec<usize>,
}

impl FileRow {
    pub(crate) fn new(header: Arc<FileHeader>, line: u64, text: String, ends: Vec<usize>) -> Self {
        Self { header, line, text, ends }
    }

    /// Returns the physical line in which the row begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns the header of the row.
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Returns whether the row belongs to this header.
    pub(crate) fn is_under(&self, header: &Arc<FileHeader>) -> bool {
        Arc::ptr_eq(&self.header, header) || self.header == *header
    }

    /// Returns the cell of a column by position, from 0.
    pub fn cell(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)?;
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// Returns the cell of a column by name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cell(self.header.position(name)?)
    }

    /// Returns all cells with the names of their columns, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.header.names.iter().enumerate();
        names.map(|(position, name)| (name.as_str(), self.cell(position).unwrap_or_default()))
    }
}
