//! The size limits of one event, and the checks that every format shares.

use edge::{FieldErrors, JsonPointer};
use lifecycle::{AttributeMap, Event, SubjectKey};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The maximum nesting depth of JSON in a request.
pub(crate) const DEPTH_MAX: usize = 32;
/// The maximum length of an id, source, subject, member key or attribute name, in characters.
pub(crate) const TEXT_CHARS_MAX: usize = 512;
/// The maximum length of the key of a person or group, in bytes of UTF-8. Two of them fit into an index entry of every database.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;
/// The range of years of a valid time, in UTC.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// The size limits of one request's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The maximum number of events in one request.
    pub batch_max: usize,
    /// The maximum number of attributes in one event.
    pub attributes_max: usize,
    /// The maximum length of one attribute's value as JSON, in bytes.
    pub attribute_bytes_max: usize,
    /// The maximum number of members in one event.
    pub members_max: usize,
    /// The maximum length of an event as it is stored, in bytes.
    pub event_bytes_max: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            batch_max: 5_000,
            attributes_max: 512,
            attribute_bytes_max: 64 * 1024,
            members_max: 10_000,
            // A NATS server takes 1 MiB unless configured otherwise; the rest is reserved for headers.
            event_bytes_max: 1024 * 1024 - 4 * 1024,
        }
    }
}

impl EventLimits {
    /// Checks the number, names and sizes of attributes.
    pub(crate) fn check_attributes(
        &self,
        attributes: &AttributeMap,
        at: &JsonPointer,
        errors: &mut FieldErrors,
    ) {
        if attributes.len() > self.attributes_max {
            errors.add(at, format!("an event may have at most {} attributes", self.attributes_max));
            return;
        }
        self.check_values(attributes, at, errors);
    }

    /// Checks the names and sizes of values.
    pub(crate) fn check_values<'a>(
        &self,
        values: impl IntoIterator<Item = (&'a String, &'a Value)>,
        at: &JsonPointer,
        errors: &mut FieldErrors,
    ) {
        for (name, value) in values {
            if let Some(fault) = text_fault(name) {
                errors.add(at.key(name), format!("the name {fault}"));
            } else if json_bytes(value) > self.attribute_bytes_max {
                let max = self.attribute_bytes_max;
                errors.add(at.key(name), format!("a value may have at most {max} bytes as JSON"));
            } else if has_nul(value) {
                errors.add(at.key(name), "a text may not contain U+0000");
            }
        }
    }

    /// Returns the keys of people in `members`, without duplicates, in order.
    pub(crate) fn members(
        &self,
        members: &[Value],
        at: impl Fn(usize) -> JsonPointer,
        list_at: &JsonPointer,
        errors: &mut FieldErrors,
    ) -> Vec<String> {
        if members.len() > self.members_max {
            errors.add(list_at, format!("an event may have at most {} members", self.members_max));
            return Vec::new();
        }
        let mut seen = std::collections::HashSet::new();
        let mut keys = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            match check_key(member.as_str()) {
                Ok(key) if seen.insert(key) => keys.push(key.to_owned()),
                Ok(_) => {}
                Err(fault) => errors.add(at(index), format!("the key of a person {fault}")),
            }
        }
        keys
    }

    /// Returns whether the event is longer than the maximum.
    pub(crate) fn is_too_large(&self, event: &Event) -> bool {
        json_bytes(event) > self.event_bytes_max
    }
}

/// Returns the key in `subject`, or the reason why it has none.
pub(crate) fn check_key(subject: Option<&str>) -> Result<&str, String> {
    let Some(subject) = subject else { return Err("must be a string".to_owned()) };
    let key = SubjectKey::key_of(subject).trim();
    text_fault(key).map_or(Ok(key), Err)
}

/// Returns the fault of an id, a key or a name, if any.
pub(crate) fn text_fault(text: &str) -> Option<String> {
    if text.is_empty() {
        Some("must not be empty".to_owned())
    } else if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        Some(format!("must have at most {TEXT_CHARS_MAX} characters"))
    } else {
        text.contains(char::is_control).then(|| "must not contain control characters".to_owned())
    }
}

/// Returns the fault in the keys of an event, if any. Events that remove access are
/// always valid: a key that was known before this limit was introduced stays usable.
pub(crate) fn keys_fault(event: &Event) -> Option<String> {
    if event.takes_away() {
        return None;
    }
    let manager = event.attributes.get("manager").and_then(Value::as_str);
    let mut keys = std::iter::once(event.subject.as_str())
        .chain(manager)
        .chain(event.members.iter().flatten().map(String::as_str));
    let bytes = keys.find(|key| key.len() > KEY_BYTES_MAX)?.len();
    Some(format!(
        "a key may have at most {KEY_BYTES_MAX} bytes in UTF-8, and one has {bytes}: use a shorter one"
    ))
}

/// Replaces the `manager` attribute by the person's key in it.
pub(crate) fn normalise_manager(attributes: &mut AttributeMap, at: &JsonPointer, errors: &mut FieldErrors) {
    let Some(manager) = attributes.get_mut("manager").filter(|manager| !manager.is_null()) else { return };
    match check_key(manager.as_str()) {
        Ok(key) => *manager = Value::String(key.to_owned()),
        Err(fault) => errors.add(at.key("manager"), format!("the key of the manager {fault}; null for none")),
    }
}

/// Parses an RFC 3339 time and converts it to UTC.
pub(crate) fn parse_moment(text: &str) -> Option<OffsetDateTime> {
    in_range(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

/// Converts a time to UTC. `None` if its year is out of range.
fn in_range(at: OffsetDateTime) -> Option<OffsetDateTime> {
    at.checked_to_offset(UtcOffset::UTC).filter(|at| YEARS.contains(&at.year()))
}

/// Returns whether a text contains U+0000, which PostgreSQL can store neither in text nor in JSON.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the length of a value as JSON, in bytes.
pub(crate) fn json_bytes(value: &impl serde::Serialize) -> usize {
    let mut counter = SizeCounter(0);
    serde_json::to_writer(&mut counter, value)
        .expect("values with text keys are always JSON, and counting cannot fail");
    counter.0
}

/// A writer that counts bytes and discards them.
struct SizeCounter(usize);

impl std::io::Write for SizeCounter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_moment_is_within_the_years_that_can_be_written() {
        assert_eq!(parse_moment("2026-02-28T01:00:00+01:00"), Some(datetime!(2026-02-28 0:00 UTC)));
        assert_eq!(parse_moment("9999-12-31T23:59:59-23:00"), None, "the year 10000 cannot be written");
    }

    #[test]
    fn a_key_is_limited_in_bytes_unless_access_is_taken_away() {
        let event = |kind: &str, subject: String, members: Vec<String>| -> Event {
            serde_json::from_value(serde_json::json!({
                "id": lifecycle::EventId::of("hr", "1"), "source": "hr", "sourceEventId": "1", "type": kind,
                "subject": subject, "time": "2026-01-01T00:00:00Z", "effectiveAt": "2026-01-01T00:00:00Z",
                "acceptedAt": "2026-01-01T00:00:00Z", "attributes": {}, "members": members,
            }))
            .unwrap()
        };
        let (fits, long) = ("x".repeat(KEY_BYTES_MAX), "\u{4eba}".repeat(KEY_BYTES_MAX / 3 + 1));
        assert_eq!(keys_fault(&event("worker.joined", fits.clone(), vec![fits])), None);
        assert!(keys_fault(&event("worker.joined", long.clone(), vec![])).unwrap().contains("1024 bytes"));
        assert!(keys_fault(&event("group.upserted", "G".into(), vec![long.clone()])).is_some());
        assert_eq!(keys_fault(&event("worker.left", long.clone(), vec![])), None);
        assert_eq!(keys_fault(&event("group.member.removed", "G".into(), vec![long])), None);
    }

    #[test]
    fn a_key_has_no_prefix_and_no_blanks_around_it() {
        assert_eq!(check_key(Some(" worker/ E-1 ")), Ok("E-1"));
        for wrong in [None, Some("worker/"), Some(" "), Some("a\u{7}b")] {
            assert!(check_key(wrong).is_err(), "{wrong:?}");
        }
        assert!(check_key(Some(&"é".repeat(TEXT_CHARS_MAX))).is_ok());
        assert!(check_key(Some(&"é".repeat(TEXT_CHARS_MAX + 1))).is_err());
    }
}
