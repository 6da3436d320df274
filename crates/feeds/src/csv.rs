//! Reading of rows from a CSV file.

pub(crate) mod encoding;
pub(crate) mod end;
mod records;
pub(crate) mod separator;
mod text;

use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{CsvError, RowError};
use crate::row::{FileHeader, FileRow};
use crate::{COLUMNS_MAX, ROW_BYTES_MAX, ROWS_MAX};
use encoding::FileEncoding;
use end::{FileCompleteness, FileEnd, MissingFilePart};
use records::{RecordFault, RecordFields, RecordReader};
use separator::FieldSeparator;
use text::Utf8Text;

/// The format of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// The encoding; detected if not given.
    pub encoding: FileEncoding,
    /// The separator of fields; detected if not given.
    pub separator: FieldSeparator,
    /// The maximum length of a cell, in bytes of UTF-8.
    pub field_bytes_max: usize,
    /// The form of a last row that is not about a person. If it is set, a file without this row is incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailer: Option<TrailerRow>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        let (encoding, separator) = (FileEncoding::Detect, FieldSeparator::Detect);
        Self { encoding, separator, field_bytes_max: 64 * 1024, trailer: None }
    }
}

/// A last row of the form `TRAILER,<number of rows before it>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailerRow {
    /// The exact content of its first cell.
    pub marker: String,
}

/// Reads rows from bytes, one at a time, with a bounded amount of memory.
///
/// Empty lines and rows with only empty cells are skipped; line breaks are CR LF, LF or CR. After the last row,
/// [`CsvReader::finish`] returns whether the file was complete.
pub struct CsvReader<R> {
    records: RecordReader<R>,
    header: Arc<FileHeader>,
    separator: FieldSeparator,
    field_bytes_max: usize,
    trailer: Option<TrailerRow>,
    trailer_seen: Option<TrailerSeen>,
    rows: u64,
    over: bool,
    incomplete: Option<MissingFilePart>,
}

/// The trailer that was read, with its count.
struct TrailerSeen {
    count: Option<u64>,
}

impl<R: Read> CsvReader<R> {
    /// Opens a file and reads its header row.
    pub fn open(read: R, options: &CsvOptions) -> Result<Self, CsvError> {
        let (mut records, separator) =
            RecordReader::new(Utf8Text::new(read, options.encoding), options.separator);
        let (line, cells) = loop {
            match records.next().map(|record| (record.line, record.fields.map(record_cells))) {
                None | Some((_, Err(RecordFault::ReadFailed))) => return Err(no_header(records.text)),
                Some((line, Err(fault))) => {
                    let (what, fix) = of_record(fault);
                    return Err(CsvError::Header { line, what, fix });
                }
                Some((_, Ok(cells))) if cells.iter().all(Vec::is_empty) => {}
                Some((line, Ok(cells))) => break (line, cells),
            }
        };
        let header = file_header(&cells).map_err(|(what, fix)| CsvError::Header { line, what, fix })?;
        Ok(Self {
            records,
            header: Arc::new(header),
            separator,
            field_bytes_max: options.field_bytes_max.min(ROW_BYTES_MAX),
            trailer: options.trailer.clone(),
            trailer_seen: None,
            rows: 0,
            over: false,
            incomplete: None,
        })
    }

    /// Returns the header with the names of the columns.
    pub fn header(&self) -> &Arc<FileHeader> {
        &self.header
    }

    /// Returns the name of the encoding. It is UTF-8 while a file without a byte order mark has contained only ASCII.
    pub fn encoding(&self) -> &'static str {
        self.records.text.encoding()
    }

    /// Returns the separator of fields.
    pub fn separator(&self) -> FieldSeparator {
        self.separator
    }

    /// Returns the end of the file. Call it after the last row.
    pub fn finish(self) -> FileEnd {
        let rows = self.rows;
        let in_character = self.records.text.ended_in_character();
        let (sha256, bytes, ended) = self.records.text.finish();
        let incomplete = match ended {
            Some(Err(error)) => Some(MissingFilePart::ReadFailed(error)),
            _ if self.incomplete.is_some() => self.incomplete,
            _ if !self.over => Some(MissingFilePart::NotReadToEnd),
            _ if in_character => Some(MissingFilePart::InCharacter),
            _ => match (self.trailer, &self.trailer_seen) {
                (Some(TrailerRow { marker }), None) => Some(MissingFilePart::TrailerMissing { marker }),
                _ => None,
            },
        };
        let completeness = incomplete.map_or(FileCompleteness::Complete, FileCompleteness::Incomplete);
        let trailer_count = self.trailer_seen.and_then(|trailer| trailer.count);
        FileEnd { completeness, rows, trailer_count, sha256, bytes }
    }

    /// Reads one row. The inner `None` is a record that is not about a person.
    fn read(&mut self) -> Option<Option<Result<FileRow, RowError>>> {
        let record = self.records.next()?;
        let line = record.line;
        let fields = match record.fields {
            Ok(fields) if fields.bytes.is_empty() => return Some(None),
            Ok(fields) => fields,
            Err(fault) => {
                if fault == RecordFault::InQuotes {
                    self.incomplete.get_or_insert(MissingFilePart::InQuotes { line });
                }
                self.rows += 1;
                let (what, fix) = of_record(fault);
                return Some(Some(Err(RowError::new(line, what, fix))));
            }
        };
        if let Some(count) = trailer_count(self.trailer.as_ref(), fields) {
            if count.is_none() {
                self.incomplete.get_or_insert(MissingFilePart::TrailerWithoutCount { line });
            } else if self.trailer_seen.is_some() {
                self.incomplete.get_or_insert(MissingFilePart::RowsAfterTrailer { line });
            }
            self.trailer_seen = Some(TrailerSeen { count });
            return Some(None);
        }
        if self.trailer_seen.is_some() {
            self.incomplete.get_or_insert(MissingFilePart::RowsAfterTrailer { line });
        }
        self.rows += 1;
        Some(Some(file_row(&self.header, line, fields, self.field_bytes_max)))
    }
}

impl<R: Read> Iterator for CsvReader<R> {
    type Item = Result<FileRow, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.read() {
                Some(Some(_)) if self.rows > ROWS_MAX => {
                    self.rows = ROWS_MAX;
                    self.over = true;
                    self.incomplete.get_or_insert(MissingFilePart::TooManyRows);
                }
                Some(Some(row)) => return Some(row),
                Some(None) => {}
                None => self.over = true,
            }
        }
        None
    }
}

/// Returns the error for a file that ends before a header row.
fn no_header<R: Read>(text: Utf8Text<R>) -> CsvError {
    match text.finish() {
        (_, _, Some(Err(error))) => CsvError::Read(error),
        _ => CsvError::NoHeader,
    }
}

fn record_cells(fields: RecordFields<'_>) -> Vec<Vec<u8>> {
    fields.iter().map(<[u8]>::to_vec).collect()
}

/// Returns the header, or its fault and the remedy.
fn file_header(cells: &[Vec<u8>]) -> Result<FileHeader, (String, String)> {
    if cells.iter().any(|cell| cell.contains(&0)) {
        let fix = "save it as UTF-8, or say its encoding (`encoding: utf-16le`)";
        return Err(("has U+0000 in it, as UTF-16 without a byte order mark has".to_owned(), fix.to_owned()));
    }
    let names: Result<Vec<&str>, _> = cells.iter().map(|cell| std::str::from_utf8(cell)).collect();
    match names {
        Ok(names) => FileHeader::new(names.into_iter()),
        Err(_) => Err(("is not in the encoding of the file".to_owned(), SAY_THE_ENCODING.to_owned())),
    }
}

const SAY_THE_ENCODING: &str = "save the file as UTF-8, or say its encoding (`encoding: windows-1252`)";

/// Returns what is wrong with a record, and the remedy.
fn of_record(fault: RecordFault) -> (String, String) {
    let (what, fix) = match fault {
        RecordFault::TooLong => (
            format!("is longer than {ROW_BYTES_MAX} bytes"),
            "look for a quote that is not closed, and shorten what is too long",
        ),
        RecordFault::TooManyFields => {
            (format!("has more than {COLUMNS_MAX} fields"), "leave out columns that are not needed")
        }
        RecordFault::InQuotes => (
            "ends with the file inside of a quoted field".to_owned(),
            "close the quote, or send the whole file again",
        ),
        RecordFault::ReadFailed => {
            ("ends where reading the file failed".to_owned(), "send the whole file again")
        }
    };
    (what, fix.to_owned())
}

/// Returns the count of the trailer, if it has one. Returns `None` if the record is not the trailer.
fn trailer_count(trailer: Option<&TrailerRow>, fields: RecordFields<'_>) -> Option<Option<u64>> {
    let mut cells = fields.iter().map(<[u8]>::trim_ascii);
    let is_marker = cells.next()? == trailer?.marker.trim().as_bytes();
    let count = || std::str::from_utf8(cells.next()?).ok()?.parse().ok();
    is_marker.then(count)
}

/// Returns a row with the right number of valid cells.
fn file_row(
    header: &Arc<FileHeader>,
    line: u64,
    fields: RecordFields<'_>,
    field_bytes_max: usize,
) -> Result<FileRow, RowError> {
    let (has, needs) = (fields.ends.len(), header.names().len());
    if has != needs {
        let what = format!("has {has} fields, and the header has {needs} columns");
        let fix =
            "quote what has a separator, a quote or a line break in it, and double quotes inside of quotes";
        return Err(RowError::new(line, what, fix));
    }
    let too_long = fields.iter().any(|field| field.len() > field_bytes_max);
    let text = std::str::from_utf8(fields.bytes).ok();
    let text = text.filter(|text| fields.ends.iter().all(|end| text.is_char_boundary(*end)));
    match text.filter(|text| !too_long && !text.as_bytes().contains(&0)) {
        Some(text) => Ok(FileRow::new(header.clone(), line, text.to_owned(), fields.ends.to_vec())),
        None => Err(of_cells(header, line, fields, field_bytes_max)),
    }
}

/// Returns the first fault of a cell.
fn of_cells(header: &FileHeader, line: u64, fields: RecordFields<'_>, field_bytes_max: usize) -> RowError {
    let fault = |cell: &[u8]| {
        if cell.len() > field_bytes_max {
            let what = format!("has {} bytes, and the limit is {field_bytes_max}", cell.len());
            Some((what, "shorten it, or raise `field_bytes_max`"))
        } else if std::str::from_utf8(cell).is_err() {
            Some(("is not in the encoding of the file".to_owned(), SAY_THE_ENCODING))
        } else {
            cell.contains(&0).then(|| ("has U+0000 in it".to_owned(), "remove it"))
        }
    };
    let faults = fields.iter().zip(header.names()).find_map(|(cell, name)| Some((fault(cell)?, name)));
    match faults {
        Some(((what, fix), name)) => RowError::new(line, what, fix).column(name),
        None => RowError::new(line, "is not in the encoding of the file", SAY_THE_ENCODING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_more_than_may_be_is_not_read() {
        for (rows, complete) in [(2, true), (3, false)] {
            let text = format!("a,b\n{}", "1,2\n".repeat(rows));
            let mut csv = CsvReader::open(text.as_bytes(), &CsvOptions::default()).expect("a header");
            csv.rows = ROWS_MAX - 2;
            assert_eq!(csv.by_ref().count(), 2);
            let end = csv.finish();
            assert_eq!((end.rows, end.completeness.is_complete()), (ROWS_MAX, complete));
        }
    }
}
