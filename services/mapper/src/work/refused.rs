//! Quarantine items of inputs that could not be processed.

use lifecycle::{Event, ResourceKind, unix_micros};
use store::quarantine::{QuarantineReason, QuarantinedItem};
use telemetry::chain_text;

use super::BatchInput;
use crate::acts::ActKind;
use crate::now;
use crate::quarantine::describe_item;
use crate::rows::SaveError;
use crate::unreadable::{StateKind, state_item};

/// Builds the quarantine item of a person, group, membership, record or event that could not be processed.
pub(super) fn refused_input(input: &BatchInput, error: &SaveError) -> QuarantinedItem {
    let cause = chain_text(error);
    let (kind, key): (_, &[&str]) = match input {
        BatchInput::Event { event, .. } | BatchInput::Rows { event, .. } => {
            return refused_event(event, cause);
        }
        BatchInput::Departure(departure) => return refused_event(&departure.event, cause),
        BatchInput::Edge { group, member } => (StateKind::Membership, &[group, member]),
        BatchInput::Group(key) => (StateKind::Group, &[key]),
        BatchInput::Person(key)
        | BatchInput::Cancel { person: key, .. }
        | BatchInput::Order { person: key, .. }
        | BatchInput::Join { person: key, .. } => (StateKind::Person, &[key]),
        BatchInput::Record { source, key } | BatchInput::Verdict { source, key, .. } => {
            (StateKind::Record, &[source, key])
        }
        BatchInput::GivenAgain(act) => match &act.kind {
            ActKind::Verdict { source, key, .. } => (StateKind::Record, &[source, key]),
            ActKind::Order { person, .. } | ActKind::Cancel { person, .. } | ActKind::Join { person, .. } => {
                (StateKind::Person, &[person])
            }
            // Neither is an input of a batch.
            ActKind::Feed { .. } | ActKind::Policy { .. } => (StateKind::Person, &[]),
        },
        BatchInput::Again(again) if again.kind == ResourceKind::User => {
            (StateKind::Person, &[&again.subject])
        }
        BatchInput::Again(again) => (StateKind::Group, &[&again.subject]),
    };
    state_item(kind, key, cause)
}

/// Builds the quarantine item of an event that is in no stream.
fn refused_event(event: &Event, cause: String) -> QuarantinedItem {
    let reason = QuarantineReason::StateUnreadable;
    let mut item = QuarantinedItem::message("event", 0, reason, unix_micros(now()));
    (item.id, item.cause) = (format!("event/{}", event.id), cause);
    item.payload = bus::encode_event(event).into_bytes();
    describe_item(&mut item, event);
    item
}
