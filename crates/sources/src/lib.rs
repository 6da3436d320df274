//! What a notice of an HR system says.
//!
//! [`NoticeAdapter`] is the configuration of one source: which vendor, which time zone, which names. [`NoticeAdapter::compile`]
//! checks it and gives a [`NoticeReader`], and [`NoticeReader::read`] turns the raw body of a webhook into [`SourceNotice`]s: an event
//! with values, somebody whose record has to be fetched, or nothing for us and why. [`NoticeReader::fetched`] says what such a
//! record means.
//!
//! What it never does: I/O, reading a clock (the caller passes `now`), checking signatures, panicking on any input, or
//! repeating a value of a body in an error.
//!
//! Time. Dates are read by the [`readings`] crate, in the source's `time_zone`: a moment with an offset is taken as it is; a
//! moment that the clocks skip becomes as much later as they skip, one that happens twice is the first of the two. A day
//! begins at 00:00 there (or at its first moment, where the clocks skip 00:00): a hire holds from the beginning of its day,
//! a departure from the end of the last day, which is the beginning of the next. A date that is not said, one that says that
//! there is none, and one that cannot be read stay apart: what cannot be read is in [`NoticeEvent::unread`], and the rest counts.
//!
//! To add a vendor: 1. a variant of [`AdapterKind`], 2. a module in `vendor/` with its words and a `notices` function, and a
//! line in `vendor.rs`, 3. its attributes in `mapping/defaults.rs`, 4. samples in `tests/data` with a row in
//! `tests/it`.

mod adapter;
mod body;
mod draft;
mod employment;
mod error;
mod fetched;
mod form;
mod mapping;
mod meaning;
mod node;
mod notice;
mod reader;
mod record;
mod request;
mod row;
mod vendor;

pub use adapter::{AdapterKind, EndDate, NoticeAdapter};
pub use employment::EmploymentMapping;
pub use error::{AdapterConfigError, ErrorKind, ReadError};
pub use mapping::MappedAttributes;
pub use meaning::ConfiguredMeaning;
pub use notice::{NoticeAnswer, NoticeEvent, SourceNotice};
pub use reader::{NoticeReader, answer_options};
pub use readings::{DateForm, DateForms, WordLists};
pub use request::NoticeRequest;
pub use row::{ListRow, RowPresence};

/// Headers that name a notice or say when it was sent, in lower case. Whoever hands over a request leaves out those that
/// anybody on the way could have changed.
pub const NAMING_HEADERS: [&str; 5] =
    ["webhook-id", "webhook-timestamp", "finch-event-id", "finch-timestamp", "x-bamboohr-timestamp"];
/// Most notices in one body, unless the adapter says otherwise.
pub const NOTICES_MAX: usize = 1_000;
/// How deep a body may nest.
pub const DEPTH_MAX: usize = 32;
/// Longest key, id and event type, in characters.
pub const TEXT_CHARS_MAX: usize = 512;
/// Most fields in a form.
pub const FORM_FIELDS_MAX: usize = 10_000;
/// Most attributes that an adapter may map, and most event types that it may name.
pub const MAPPINGS_MAX: usize = 512;
