//! Time zones, from the database that is compiled into the program.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::read_date::ReadDate;

/// The time zone of a source, which defines the beginning and end of its days.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceZone(TimeZone);

impl Default for SourceZone {
    fn default() -> Self {
        Self::utc()
    }
}

impl SourceZone {
    /// Returns the zone UTC.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Returns the zone with that IANA name.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// Returns the moment; for a day, its beginning.
    pub fn begin(&self, when: ReadDate) -> Option<OffsetDateTime> {
        match when {
            ReadDate::Moment(at) => Some(at.to_offset(UtcOffset::UTC)),
            ReadDate::Local(at) => self.moment(at),
            ReadDate::Day(date) => self.moment(date.midnight()),
            ReadDate::EndOf { day, offset } => {
                let midnight = day.next_day()?.midnight();
                match offset {
                    Some(offset) => midnight.assume_offset(offset).checked_to_offset(UtcOffset::UTC),
                    None => self.moment(midnight),
                }
            }
        }
    }

    /// Returns the moment; for a day, its end.
    pub fn end(&self, when: ReadDate) -> Option<OffsetDateTime> {
        match when {
            ReadDate::Day(date) => self.moment(date.next_day()?.midnight()),
            other => self.begin(other),
        }
    }

    /// Returns the day that begins at this moment in the zone, if there is one.
    pub(crate) fn day_that_begins(&self, at: OffsetDateTime) -> Option<Date> {
        let stamp = jiff::Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()?;
        let local = self.0.to_datetime(stamp).date();
        let month = time::Month::try_from(u8::try_from(local.month()).ok()?).ok()?;
        let date =
            Date::from_calendar_date(i32::from(local.year()), month, u8::try_from(local.day()).ok()?).ok()?;
        (self.moment(date.midnight())? == at).then_some(date)
    }

    /// Converts a local time. A time that the clocks skip moves later by the skipped duration; of a time that occurs
    /// twice, the first counts.
    fn moment(&self, at: PrimitiveDateTime) -> Option<OffsetDateTime> {
        let part = |number: u8| i8::try_from(number).ok();
        let local = jiff::civil::DateTime::new(
            i16::try_from(at.year()).ok()?,
            part(at.month().into())?,
            part(at.day())?,
            part(at.hour())?,
            part(at.minute())?,
            part(at.second())?,
            i32::try_from(at.nanosecond()).ok()?,
        );
        let stamp = self.0.to_ambiguous_timestamp(local.ok()?).compatible().ok()?;
        OffsetDateTime::from_unix_timestamp_nanos(stamp.as_nanosecond()).ok()
    }
}
