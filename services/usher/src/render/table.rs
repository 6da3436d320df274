//! Aligned columns.

use std::fmt::Write as _;

use super::clean_text;

const GAP: &str = "  ";

/// Rows under a header, each column as wide as its widest cell.
#[derive(Debug)]
pub struct TextTable {
    rows: Vec<Vec<String>>,
    columns: usize,
}

impl TextTable {
    /// Creates a table with these column names.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(str::to_owned).to_vec()], columns: N }
    }

    /// Creates a table without a header.
    pub fn plain(columns: usize) -> Self {
        Self { rows: Vec::new(), columns }
    }

    /// Adds a row; surplus cells are dropped.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> =
            cells.into_iter().take(self.columns).map(|cell| clean_text(cell.as_ref()).into_owned()).collect();
        row.resize(self.columns, String::new());
        self.rows.push(row);
    }

    /// Renders the table, without trailing spaces.
    pub fn render(&self) -> String {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}{GAP}").expect("writing to a String never fails");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_have_no_blanks_at_the_end() {
        let mut table = TextTable::new(["NAME", "STATE"]);
        table.row(["Zoë Ångström", "open"]);
        table.row(["x"]);
        assert_eq!(table.render(), "NAME          STATE\nZoë Ångström  open\nx\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let mut table = TextTable::plain(1);
        table.row(["a\x1b[2Jb\nc"]);
        assert_eq!(table.render(), "a [2Jb c\n");
    }
}
