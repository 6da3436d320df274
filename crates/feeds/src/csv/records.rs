//! Records of a file: `csv_core` with limits, physical lines, and detection of an incomplete end.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::separator::FieldSeparator;
use super::text::Utf8Text;
use crate::{COLUMNS_MAX, ROW_BYTES_MAX};

/// The initial size of the buffer of a record, in bytes.
const RECORD_BYTES: usize = 4 * 1024;
/// The size of the part of a file that is used to detect the separator, in bytes.
const SAMPLE_BYTES: usize = 64 * 1024;

/// The reason that a record has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordFault {
    /// The record has more than [`ROW_BYTES_MAX`] bytes.
    TooLong,
    /// The record has more than [`COLUMNS_MAX`] fields.
    TooManyFields,
    /// The file ended inside of quotes.
    InQuotes,
    /// Reading the bytes failed.
    ReadFailed,
}

/// One record.
pub(super) struct CsvRecord<'r> {
    /// The physical line in which the record begins, from 1.
    pub line: u64,
    pub fields: Result<RecordFields<'r>, RecordFault>,
}

/// The fields of a record. They are not yet validated as UTF-8.
#[derive(Clone, Copy)]
pub(super) struct RecordFields<'r> {
    pub bytes: &'r [u8],
    pub ends: &'r [usize],
}

impl<'r> RecordFields<'r> {
    pub(super) fn iter(self) -> impl Iterator<Item = &'r [u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let field = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            field
        })
    }
}

/// The reader of the records of a file.
pub(super) struct RecordReader<R> {
    pub text: Utf8Text<R>,
    parser: RecordParser,
    lines: LineCounter,
}

/// The parser and its output buffers.
struct RecordParser {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The progress of reading a record.
#[derive(Default)]
struct RecordProgress {
    read_bytes: usize,
    bytes: usize,
    fields: usize,
    fault: Option<RecordFault>,
}

impl<R: Read> RecordReader<R> {
    /// Creates a reader. Detects the separator if it is not given.
    pub(super) fn new(mut text: Utf8Text<R>, separator: FieldSeparator) -> (Self, FieldSeparator) {
        let separator = match separator {
            FieldSeparator::Detect => {
                while text.peek().len() < SAMPLE_BYTES && text.fill() {}
                FieldSeparator::detect(text.peek(), text.has_ended())
            }
            given => given,
        };
        let reader = ReaderBuilder::new().delimiter(separator.byte()).build();
        let bytes = vec![0; RECORD_BYTES];
        let ends = vec![0; COLUMNS_MAX + 1];
        (
            Self { text, parser: RecordParser { reader, bytes, ends }, lines: LineCounter::default() },
            separator,
        )
    }

    /// Returns the next record. Empty lines are skipped.
    pub(super) fn next(&mut self) -> Option<CsvRecord<'_>> {
        if !self.skip_empty_lines() {
            return None;
        }
        let line = self.lines.current();
        let mut progress = RecordProgress::default();
        while !self.text.peek().is_empty() || self.text.fill() {
            if self.read(&mut progress) {
                return Some(self.record(line, &progress));
            }
        }
        self.read_last(&mut progress);
        Some(self.record(line, &progress))
    }

    fn record(&self, line: u64, progress: &RecordProgress) -> CsvRecord<'_> {
        let fields = RecordFields {
            bytes: &self.parser.bytes[..progress.bytes],
            ends: &self.parser.ends[..progress.fields],
        };
        let too_many = (progress.fields > COLUMNS_MAX).then_some(RecordFault::TooManyFields);
        CsvRecord { line, fields: progress.fault.or(too_many).map_or(Ok(fields), Err) }
    }

    /// Skips empty lines. Returns `false` at the end of the file.
    fn skip_empty_lines(&mut self) -> bool {
        while !self.text.peek().is_empty() || self.text.fill() {
            let text = self.text.peek();
            let empty = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.lines.count(&text[..empty]);
            let is_all = empty == text.len();
            self.text.take(empty);
            if !is_all {
                return true;
            }
        }
        false
    }

    /// Continues to read a record. Returns `true` if it is complete.
    fn read(&mut self, progress: &mut RecordProgress) -> bool {
        let input = self.text.peek();
        let (is_complete, read) = self.parser.read(input, progress);
        self.lines.count(&input[..read]);
        self.text.take(read);
        progress.read_bytes = progress.read_bytes.saturating_add(read);
        if progress.read_bytes > ROW_BYTES_MAX {
            progress.give_up(RecordFault::TooLong);
        }
        is_complete
    }

    /// Reads the record at the end of the file. Outside of quotes a line feed ends it.
    fn read_last(&mut self, progress: &mut RecordProgress) {
        if self.text.has_failed() {
            progress.fault = Some(RecordFault::ReadFailed);
            return;
        }
        loop {
            match self.parser.read(b"\n", progress) {
                (true, _) => return,
                (false, 0) => {} // the buffer was enlarged
                (false, _) => {
                    progress.fault = Some(RecordFault::InQuotes);
                    return;
                }
            }
        }
    }
}

impl RecordProgress {
    /// Discards the record. The rest of it is skipped.
    fn give_up(&mut self, fault: RecordFault) {
        self.fault.get_or_insert(fault);
        self.restart();
    }

    fn restart(&mut self) {
        (self.bytes, self.fields) = (0, 0);
    }
}

impl RecordParser {
    /// Parses input. Returns whether the record is complete, and the number of bytes that were read. If that is 0, the buffer was enlarged.
    fn read(&mut self, input: &[u8], progress: &mut RecordProgress) -> (bool, usize) {
        let (bytes, ends) = (&mut self.bytes[progress.bytes..], &mut self.ends[progress.fields..]);
        let (result, read, bytes, fields) = self.reader.read_record(input, bytes, ends);
        progress.bytes += bytes;
        progress.fields += fields;
        match result {
            ReadRecordResult::Record | ReadRecordResult::End => return (true, read),
            ReadRecordResult::OutputEndsFull => progress.give_up(RecordFault::TooManyFields),
            ReadRecordResult::OutputFull if self.bytes.len() <= ROW_BYTES_MAX && progress.fault.is_none() => {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
            ReadRecordResult::OutputFull => progress.give_up(RecordFault::TooLong),
            ReadRecordResult::InputEmpty if progress.fault.is_some() => progress.restart(),
            ReadRecordResult::InputEmpty => {}
        }
        (false, read)
    }
}

/// A counter of physical lines, which end with CR LF, LF or CR.
#[derive(Default)]
struct LineCounter {
    ended: u64,
    after_cr: bool,
}

impl LineCounter {
    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.ended += u64::from(*byte == b'\r' || (*byte == b'\n' && !self.after_cr));
            self.after_cr = *byte == b'\r';
        }
    }

    /// Returns the line of the next byte, from 1.
    fn current(&self) -> u64 {
        self.ended + 1
    }
}
