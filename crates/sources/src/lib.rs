//! Reading of notices from HR systems.
//!
//! [`NoticeAdapter`] is the configuration of one source: the vendor, the time zone, the attribute names.
//! [`NoticeAdapter::compile`] checks it and returns a [`NoticeReader`]. [`NoticeReader::read`] turns the raw body of a
//! webhook into [`SourceNotice`]s: an event with values, a person whose record must be fetched, or an ignored notice
//! with the reason. [`NoticeReader::fetched`] reads such a record.
//!
//! This crate never does I/O, reads a clock (the caller passes `now`), checks signatures, panics on any input, or
//! repeats a value of a body in an error.
//!
//! Time: the [`readings`] crate reads dates in the source's `time_zone`. A moment with an offset is used as it is. A local time that the
//! clocks skip moves later by the skipped duration; of a time that occurs twice, the first counts. A day begins at 00:00 there (or at its
//! first moment, if the clocks skip 00:00). A hire takes effect at the beginning of its day, a departure at the end of the last day, which
//! is the beginning of the next. An absent date, the statement that there is no date, and an unreadable date are distinguished: unreadable
//! values are in [`NoticeEvent::unread`], and the rest of the notice counts.
//!
//! To add a vendor: 1. add a variant of [`AdapterKind`], 2. add a module in `vendor/` with its words and a `notices`
//! function, and a line in `vendor.rs`, 3. add its attributes in `mapping/defaults.rs`, 4. add samples in `tests/data`
//! with a row in `tests/it`.

mod adapter;
mod body;
mod context;
mod draft;
mod employment;
mod error;
mod fetched;
mod form;
mod kind;
mod mapping;
mod meaning;
mod node;
mod notice;
mod reader;
mod record;
mod request;
mod row;
mod rules;
mod vendor;

pub use adapter::NoticeAdapter;
pub use employment::EmploymentMapping;
pub use error::{AdapterConfigError, ErrorKind, ReadError};
pub use kind::{AdapterKind, EndDate};
pub use mapping::MappedAttributes;
pub use meaning::ConfiguredMeaning;
pub use notice::{NoticeAnswer, NoticeEvent, SourceNotice};
pub use reader::{NoticeReader, answer_options};
pub use readings::{DateForm, DateForms, WordLists};
pub use request::NoticeRequest;
pub use row::{ListRow, RowPresence};

/// The headers with the id of a notice or the time at which it was sent, in lower case. The caller must remove those
/// that are not signed, because they could have been changed in transit.
pub const NAMING_HEADERS: [&str; 5] =
    ["webhook-id", "webhook-timestamp", "finch-event-id", "finch-timestamp", "x-bamboohr-timestamp"];
/// The default maximum number of notices in one body.
pub const NOTICES_MAX: usize = 1_000;
/// The maximum nesting depth of a body.
pub const DEPTH_MAX: usize = 32;
/// The maximum length of a key, an id and an event type, in characters.
pub const TEXT_CHARS_MAX: usize = 512;
/// The maximum number of fields in a form.
pub const FORM_FIELDS_MAX: usize = 10_000;
/// The maximum number of attributes that an adapter may map, and of event types that it may name.
pub const MAPPINGS_MAX: usize = 512;
