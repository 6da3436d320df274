//! Reading of HR files, and the check of their plausibility.
//!
//! [`CsvReader`] turns bytes into [`FileRow`]s: it detects encoding and separator, streams, and hashes its input. A [`FeedMapping`] turns a
//! row into [`RowStatements`]: the key of the person, the statements about them, and their effective date. A [`RowTally`] counts the rows.
//! The [`FeedGuard`] judges whether a person who is not in a full feed has left, or the file is wrong.
//!
//! Not in this crate: I/O of its own (bytes come from the caller's [`std::io::Read`]), a clock (the caller passes
//! `now`), a panic on any input, a whole file in memory, a value of a person in an error.
//!
//! To add an encoding: nothing, all encodings of the WHATWG are known by name; to detect one, change `csv/encoding.rs`.
//! To add a separator: add a variant in `csv/separator.rs`. To add a guard: 1. a setting in [`FeedGuard`], 2. a
//! function that [`FeedGuard::judge`] calls, 3. its border values in `tests/guard.rs`.

mod completion;
mod csv;
mod error;
mod guard;
mod mapping;
mod repeated;
mod row;
mod tally;

pub use completion::FileCompletion;
pub use csv::encoding::{FileEncoding, UnknownEncoding};
pub use csv::end::{FileCompleteness, FileEnd, MissingFilePart};
pub use csv::separator::FieldSeparator;
pub use csv::{CsvOptions, CsvReader, TrailerRow};
pub use error::{CsvError, MappingError, MappingFault, RowError};
pub use guard::{FeedGuard, FeedLosses, FeedSeen, FeedVerdict};
pub use mapping::{
    BoundMapping, CompiledMapping, FeedMapping, KeyColumns, OperationColumn, RowState, RowStatements,
};
pub use repeated::{REPEATED_ROWS_MAX, RepeatedRows, RowContent};
pub use row::{FileHeader, FileRow};
pub use tally::{KeySet, RowTally};

/// The maximum number of columns.
pub const COLUMNS_MAX: usize = 500;
/// The maximum size of a row in the file (in UTF-8), and of all values that a mapping makes of one row, in bytes.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// The maximum number of rows, including bad ones: more people than the largest employer has.
pub const ROWS_MAX: u64 = 5_000_000;
/// The maximum length of the name of a column or an attribute, and of a key, in characters.
pub const NAME_CHARS_MAX: usize = 512;
