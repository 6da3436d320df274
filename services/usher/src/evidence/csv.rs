//! Evidence as comma-separated values: a header, one row per line, and one row per seal (as JSON) that ends its page.

use anyhow::{Context as _, bail};
use lifecycle::export::{EXPORT_COLUMNS, EXPORT_COLUMNS_MIN, ExportLine, ExportPage};

/// First cell of a row with a line of evidence.
const LINE: &str = "line";
/// First cell of a row with a seal.
const SEAL: &str = "seal";

pub(super) fn csv_text(pages: &[ExportPage]) -> String {
    let mut out = String::new();
    let header = std::iter::once("row").chain(EXPORT_COLUMNS).chain(std::iter::once("hash"));
    write_row(&mut out, header);
    for page in pages {
        for line in &page.lines {
            let fields = line.fields.iter().map(String::as_str);
            write_row(
                &mut out,
                std::iter::once(LINE).chain(fields).chain(std::iter::once(line.hash.as_str())),
            );
        }
        let seal = serde_json::to_string(&page.seal).expect("a seal is plain data");
        write_row(&mut out, [SEAL, &seal]);
    }
    out
}

fn write_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    let cells: Vec<String> = cells.into_iter().map(csv_cell).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

/// Quotes a cell if necessary. A leading apostrophe prevents a spreadsheet from reading the cell as a formula.
fn csv_cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\'', '\t', '\r']) { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

pub(super) fn parse_csv(text: &str) -> anyhow::Result<Vec<ExportPage>> {
    let mut rows = csv_rows(text).into_iter();
    let header = rows.next().unwrap_or_default();
    let width = header.len();
    let known = (EXPORT_COLUMNS_MIN + 2)..=(EXPORT_COLUMNS.len() + 2);
    if header.first().map(String::as_str) != Some("row") || !known.contains(&width) {
        bail!("this is no file of evidence");
    }
    let (mut pages, mut lines) = (Vec::new(), Vec::new());
    for (number, mut cells) in rows.enumerate() {
        match cells.first().map(String::as_str) {
            Some(LINE) if cells.len() == width => {
                let hash = cells.pop().unwrap_or_default();
                lines.push(ExportLine { fields: cells.split_off(1), hash });
            }
            Some(SEAL) if cells.len() == 2 => {
                let seal = serde_json::from_str(&cells[1])
                    .with_context(|| format!("row {} is no seal", number + 2))?;
                pages.push(ExportPage { lines: std::mem::take(&mut lines), seal });
            }
            _ => bail!("row {} is neither a line nor a seal", number + 2),
        }
    }
    if !lines.is_empty() {
        bail!("the seal of the last lines is missing");
    }
    Ok(pages)
}

/// Parses RFC 4180, without the apostrophes of [`csv_cell`].
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    let bare = |cell: &mut String| {
        let cell = std::mem::take(cell);
        cell.strip_prefix('\'').map(str::to_owned).unwrap_or(cell)
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(bare(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(bare(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(bare(&mut cell));
        rows.push(row);
    }
    rows
}
