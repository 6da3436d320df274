//! Events for tests.

use bus::OutgoingMessage;
use lifecycle::{AttributeMap, Event, EventId, EventKind, TraceContext};
use serde_json::Value;
use time::OffsetDateTime;

/// Returns `event` as a message with a different value in one field.
pub(crate) fn altered(event: &Event, field: &str, value: &str) -> OutgoingMessage {
    let mut message = serde_json::to_value(OutgoingMessage::event(event, TraceContext::root())).unwrap();
    message[field] = Value::from(value);
    serde_json::from_value(message).unwrap()
}

/// Returns an event that was stated, and is effective, `said` seconds after an hour ago.
pub(crate) fn event(kind: EventKind, subject: &str, said: i64, attributes: Value) -> Event {
    let time = start() + time::Duration::seconds(said);
    let source_event_id = format!("{kind}/{subject}/{said}");
    Event {
        id: EventId::of("hr", &source_event_id),
        source: "hr".to_owned(),
        source_event_id,
        kind,
        subject: subject.to_owned(),
        time,
        effective_at: time,
        accepted_at: time,
        sender: String::new(),
        dated: None,
        attributes: serde_json::from_value::<AttributeMap>(attributes).unwrap(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

/// Returns an event about members of a group.
pub(crate) fn members(kind: EventKind, group: &str, said: i64, members: &[&str]) -> Event {
    let mut event = event(kind, group, said, serde_json::json!({}));
    event.members = Some(members.iter().map(ToString::to_string).collect());
    event
}

/// Returns an event about a group and its name.
pub(crate) fn group(key: &str, said: i64, name: &str) -> Event {
    event(EventKind::GroupUpserted, key, said, serde_json::json!({ "displayName": name }))
}

/// Returns an hour ago, in whole seconds. It is the same in all events of a process.
fn start() -> OffsetDateTime {
    static START: std::sync::OnceLock<OffsetDateTime> = std::sync::OnceLock::new();
    *START.get_or_init(|| {
        let seconds = OffsetDateTime::now_utc().unix_timestamp() - 3_600;
        OffsetDateTime::from_unix_timestamp(seconds).expect("an hour ago is a date")
    })
}

/// Returns an event about a joiner of the department.
pub(crate) fn joined(person: &str, said: i64, department: &str) -> Event {
    let attributes =
        serde_json::json!({ "userPrincipalName": format!("{person}@example.org"), "department": department });
    event(EventKind::WorkerJoined, person, said, attributes)
}
