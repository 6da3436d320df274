//! Quarantine items of inputs that could not be processed.

use lifecycle::{ResourceKind, unix_micros};
use store::quarantine::{QuarantineReason, QuarantinedItem};
use telemetry::chain_text;

use super::BatchInput;
use crate::now;
use crate::quarantine::{GROUPS, PEOPLE, describe_item};
use crate::rows::SaveError;

/// Builds the quarantine item of a person, group, membership or record that could not be processed.
pub(super) fn refused_input(input: &BatchInput, error: &SaveError) -> QuarantinedItem {
    let (what, key) = match input {
        BatchInput::Group(key) | BatchInput::Edge { group: key, .. } => (GROUPS, key.clone()),
        BatchInput::Person(key)
        | BatchInput::Cancel { person: key, .. }
        | BatchInput::Order { person: key, .. }
        | BatchInput::Join { person: key, .. } => (PEOPLE, key.clone()),
        BatchInput::Record { source, key } | BatchInput::Verdict { source, key, .. } => {
            ("record", format!("{source}:{key}"))
        }
        BatchInput::Event { event, .. } | BatchInput::Rows { event, .. } => ("event", event.id.to_string()),
        BatchInput::Again(again) if again.kind == ResourceKind::User => (PEOPLE, again.subject.clone()),
        BatchInput::Again(again) => (GROUPS, again.subject.clone()),
    };
    let reason = QuarantineReason::StateUnreadable;
    let mut item = QuarantinedItem::message(what, 0, reason, unix_micros(now()));
    item.id = format!("{what}/{key}");
    (item.subject, item.kind, item.cause) = (key, what.to_owned(), chain_text(error));
    if let BatchInput::Event { event, .. } | BatchInput::Rows { event, .. } = input {
        item.payload = bus::encode_event(event).into_bytes();
        describe_item(&mut item, event);
    }
    item
}
