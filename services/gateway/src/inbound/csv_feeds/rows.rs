//! Reads a file into batches of events, on a thread that may block.

use std::io::Read;
use std::sync::Arc;

use edge::{JsonPointer, Problem};
use feeds::{BoundMapping, CsvReader, FileCompletion, FileEnd, FileRow, MissingFilePart, RowError, RowTally};
use lifecycle::{Event, EventId, FeedRun};
use time::OffsetDateTime;

use super::events::FeedEvents;
use super::report::{FAULTS_MAX, FeedReport};
use super::{CsvFeed, RowFault};
use crate::intake::limits::EventLimits;
use crate::intake::received::{EventPlace, ReceivedEvent};
use crate::intake::streamed::{BatchWriter, ReceiverGone};

/// A file to read and its settings.
pub(super) struct FileReading {
    pub(super) feed: Arc<CsvFeed>,
    pub(super) run: FeedRun,
    pub(super) limits: EventLimits,
    /// The time of acceptance of the events.
    pub(super) accepted_at: OffsetDateTime,
    /// The expected SHA-256 of the file, in hexadecimal digits.
    pub(super) sha256: Option<String>,
    pub(super) batches: BatchWriter,
}

/// The result of a file that was read, completely or as far as it goes.
pub(super) struct WasRead {
    pub(super) report: FeedReport,
    pub(super) completion: FileCompletion,
}

/// The reason why a file was not read.
pub(super) enum FileNotRead {
    /// The file as a whole is invalid.
    Malformed(Problem),
    /// The bytes ended early, or the receiver of the batches is gone.
    Stopped,
}

impl From<ReceiverGone> for FileNotRead {
    fn from(ReceiverGone: ReceiverGone) -> Self {
        Self::Stopped
    }
}

impl FileReading {
    /// Reads the whole file.
    pub(super) fn read(mut self, bytes: impl Read) -> Result<WasRead, FileNotRead> {
        let feed = Arc::clone(&self.feed);
        let mut csv = CsvReader::open(bytes, &feed.csv).map_err(|error| match error {
            feeds::CsvError::Read(_) => FileNotRead::Stopped,
            error => malformed_file(&error),
        })?;
        let header = Arc::clone(csv.header());
        let bound = feed.mapping.bind(&header).map_err(|error| malformed_file(&error))?;
        let mut rows = RowEvents {
            maker: FeedEvents {
                feed: &feed,
                run: &self.run,
                limits: &self.limits,
                accepted_at: self.accepted_at,
                no_id: EventId::of(&feed.source, ""),
                repeats: 0,
            },
            bound,
            tally: RowTally::default(),
            batches: &mut self.batches,
            faults: Vec::new(),
            ignored: 0,
        };
        for row in csv.by_ref() {
            rows.take(row)?;
        }
        rows.batches.flush()?;
        let RowEvents { tally, faults, ignored, .. } = rows;
        let (encoding, separator) = (csv.encoding(), csv.separator());
        let end = csv.finish();
        if let feeds::FileCompleteness::Incomplete(MissingFilePart::ReadFailed(_)) = end.completeness {
            return Err(FileNotRead::Stopped);
        }
        let sha256 = self.sha256.as_deref();
        let completion = FileCompletion {
            seen: tally.seen(&end, sha256),
            people: tally.people(),
            guard: feed.guard.clone(),
            replaces: feed.replaces.clone(),
        };
        let mut report = completion_report(&self, &completion, &end, faults);
        (report.encoding, report.separator, report.ignored) = (encoding, separator, ignored);
        Ok(WasRead { report, completion })
    }
}

/// The state of one file's reading: its events, faults and counts so far.
struct RowEvents<'a> {
    maker: FeedEvents<'a>,
    bound: BoundMapping<'a>,
    tally: RowTally,
    batches: &'a mut BatchWriter,
    /// The listed faults, at most [`FAULTS_MAX`].
    faults: Vec<RowFault>,
    /// The number of good rows that the mapping ignores.
    ignored: u64,
}

impl RowEvents<'_> {
    /// Turns one row into events, or records its fault.
    fn take(&mut self, row: Result<FileRow, RowError>) -> Result<(), ReceiverGone> {
        let row = match row {
            Ok(row) => row,
            Err(fault) => {
                self.tally.count_key(None);
                self.note(fault);
                return Ok(());
            }
        };
        match self.read(&row) {
            Ok((Some(event), line, key)) => {
                let is_first = self.count(&event, line, &key);
                let as_of_the_file = FeedEvents::as_of_the_file(&event);
                self.keep(event, line, is_first)?;
                as_of_the_file.map_or(Ok(()), |event| self.keep(event, line, is_first))
            }
            Ok((None, _, key)) => {
                self.tally.count_key(Some(&key));
                self.ignored += 1;
                Ok(())
            }
            Err(fault) => self.take_wrong(&row, fault),
        }
    }

    /// Counts a row. A row with an unreadable value counts as wrong, although the rest of it has effect.
    fn count(&mut self, event: &Event, line: u64, key: &str) -> bool {
        let Some(value) = event.unread.first() else { return self.tally.count_key(Some(key)) };
        telemetry::metrics::value_unread(&self.maker.feed.name);
        let what = format!("`{}` cannot be read or used: {}", value.field, value.class);
        let fix = "correct the cell, or add its format to `dates`".to_owned();
        self.note(RowError { line, column: None, what, fix });
        self.tally.count_bad_key(key)
    }

    /// Handles a wrong row. If its key is readable, the row still shows that its person is in the file, and nothing else.
    fn take_wrong(&mut self, row: &FileRow, fault: RowError) -> Result<(), ReceiverGone> {
        telemetry::metrics::value_unread(&self.maker.feed.name);
        let Ok(key) = self.bound.key(row) else {
            self.tally.count_key(None);
            self.note(fault);
            return Ok(());
        };
        let is_first = self.tally.count_bad_key(&key);
        let event = self.maker.listed(key, &fault);
        self.note(fault);
        self.keep(event, row.line(), is_first)
    }

    /// Lists a fault, up to the maximum number of listed faults.
    fn note(&mut self, fault: RowError) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault.into());
        }
    }

    /// Reads a row and returns its event, if it makes one, its line and its key.
    fn read(&mut self, row: &FileRow) -> Result<(Option<Event>, u64, String), RowError> {
        let line = row.line();
        // As of the run's start, so that reading the same file again makes the same statements.
        let said = self.bound.read(row, self.maker.run.begun_at)?;
        let (key, is_ignored) = (said.key.clone(), said.state == feeds::RowState::Ignored);
        let event = self.maker.event(said, line)?;
        if is_ignored && event.is_some() {
            self.ignored += 1;
        }
        Ok((event, line, key))
    }

    /// Names the event and adds it to the current batch.
    fn keep(&mut self, event: Event, line: u64, is_first: bool) -> Result<(), ReceiverGone> {
        let event = self.maker.named(event, line, is_first);
        self.batches.push(ReceivedEvent {
            event,
            place: EventPlace::Operation(JsonPointer::root()),
            trace: None,
            content: None,
        })
    }
}

fn malformed_file(error: &dyn std::fmt::Display) -> FileNotRead {
    FileNotRead::Malformed(Problem::bad_request("malformed_csv", error.to_string()))
}

/// Builds the report on a file whose rows were read.
fn completion_report(
    reading: &FileReading,
    completion: &FileCompletion,
    end: &FileEnd,
    faults: Vec<RowFault>,
) -> FeedReport {
    let seen = &completion.seen;
    let mut notes = Vec::new();
    if let feeds::FileCompleteness::Incomplete(why) = &end.completeness {
        notes.push(why.to_string());
    }
    if seen.checksum_ok == Some(false) {
        notes.push("the SHA-256 of the file is not the one that was given".to_owned());
    }
    if let Some(counted) = seen.trailer_count.filter(|counted| *counted != seen.rows) {
        notes.push(format!("the trailer counts {counted} rows, and the file has {}", seen.rows));
    }
    FeedReport {
        feed: reading.feed.name.clone(),
        run: reading.run.run.clone(),
        mode: reading.feed.mode,
        rows: seen.rows,
        bad_rows: seen.bad_rows,
        ignored: 0,
        people: seen.keys_distinct,
        events: 0,
        duplicates: 0,
        unchanged: 0,
        complete: seen.complete && notes.is_empty(),
        notes,
        bytes: end.bytes,
        sha256: end.sha256_hex(),
        encoding: "",
        separator: feeds::FieldSeparator::Detect,
        errors_unlisted: seen.bad_rows - faults.len() as u64,
        errors: faults,
        buffered_max: 0,
    }
}
