//! A date as it was read.

use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// The time of a date, as precisely as the source states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadDate {
    /// An exact moment.
    Moment(OffsetDateTime),
    /// A local time on the clocks of the source.
    Local(PrimitiveDateTime),
    /// A day.
    Day(Date),
    /// The end of a day, which was written as 24:00.
    EndOf {
        /// The day.
        day: Date,
        /// The offset from UTC; `None` means the clocks of the source.
        offset: Option<UtcOffset>,
    },
}

impl ReadDate {
    /// Returns the day as it is written.
    pub(crate) fn written_day(self) -> Date {
        match self {
            Self::Moment(at) => at.date(),
            Self::Local(at) => at.date(),
            Self::Day(day) | Self::EndOf { day, .. } => day,
        }
    }
}
