//! Readers of values from HR systems: days, moments and statuses.
//!
//! [`DateReader`] is the only reader of dates for all input. It distinguishes four answers: a date ([`DateReading::At`]), the statement
//! that there is none ([`DateReading::NoDate`]), no statement ([`DateReading::NotSaid`]), and a value that cannot be read
//! ([`DateReading::Unreadable`]). `docs/dates.md` has the table of forms, and a test runs it.
//!
//! [`StatusWords`] maps the words of a vendor to [`EmploymentStatus`]. A word that is not in the table is unreadable;
//! it never counts as a departure.
//!
//! This crate never does I/O, reads a clock, guesses, or repeats a value: [`class_of`] returns only its shape.

mod class;
mod date;
mod forms;
mod months;
mod numbers;
mod parse;
mod pieces;
mod read_date;
mod status;
mod zone;

pub use class::class_of;
pub use date::{DateReader, DateReading, possible_days};
pub use forms::{DateForm, DateForms, DateFormsError, YEARS};
pub use read_date::ReadDate;
pub use status::{EmploymentStatus, StatusReading, StatusTable, StatusWords, WordLists};
pub use zone::SourceZone;
