//! What an HR file says, and whether it can be believed.
//!
//! [`CsvReader`] turns bytes into [`FileRow`]s: it finds out encoding and separator, streams, and hashes what it reads. A
//! [`FeedMapping`] turns a row into [`RowStatements`]: whose row it is, what it says of the person, and from when on. A [`RowTally`]
//! counts, and the [`FeedGuard`] judges whether a person who is not in a full feed has left, or the file is wrong.
//!
//! Never here: I/O of its own (bytes come from the caller's [`std::io::Read`]), a clock (the caller passes `now`), a
//! panic on any input, a whole file in memory, a value of a person in an error.
//!
//! To add an encoding: nothing, all of the WHATWG's are known by name; to detect one, `csv/encoding.rs`. To add a
//! separator: a variant in `csv/separator.rs`. To add a guard: 1. a setting in [`FeedGuard`], 2. a function among those
//! that [`FeedGuard::judge`] asks, 3. its border values in `tests/guard.rs`.

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
pub use guard::{FeedGuard, FeedSeen, FeedVerdict};
pub use mapping::{
    BoundMapping, CompiledMapping, FeedMapping, KeyColumns, OperationColumn, RowState, RowStatements,
};
pub use repeated::{REPEATED_ROWS_MAX, RepeatedRows, RowContent};
pub use row::{FileHeader, FileRow};
pub use tally::{KeySet, RowTally};

/// Most columns.
pub const COLUMNS_MAX: usize = 500;
/// Longest row as it stands in the file (in UTF-8), and the longest sum of what a mapping makes of one, in bytes.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// Most rows, bad ones included: more people than the largest employer has.
pub const ROWS_MAX: u64 = 5_000_000;
/// Longest name of a column or an attribute, and longest key, in characters.
pub const NAME_CHARS_MAX: usize = 512;
