//! Values as HR systems write them: days, moments and statuses.
//!
//! [`DateReader`] is the one reader of dates for everything that comes in. It keeps four answers apart: a date
//! ([`DateReading::At`]), the word that there is none ([`DateReading::NoDate`]), no word at all ([`DateReading::NotSaid`])
//! and a value that cannot be read ([`DateReading::Unreadable`]). `docs/dates.md` has the table of forms, and a test runs it.
//!
//! [`StatusWords`] maps the words of a vendor to [`EmploymentStatus`]. A word that is not in the table is unreadable; it
//! never passes for a departure.
//!
//! What it never does: I/O, reading a clock, guessing, or repeating a value: [`class_of`] tells its form alone.

mod class;
mod date;
mod forms;
mod months;
mod numbers;
mod parse;
mod status;
mod zone;

pub use class::class_of;
pub use date::{DateReader, DateReading, ReadDate, possible_days};
pub use forms::{DateForm, DateForms, DateFormsError, YEARS};
pub use status::{EmploymentStatus, StatusReading, StatusTable, StatusWords, WordLists};
pub use zone::SourceZone;
