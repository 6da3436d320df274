//! The `data` of an event: its effective time, its attributes, and its members.

use edge::{FieldErrors, JsonPointer};
use lifecycle::{AttributeMap, EventKind, UnreadValue};
use readings::{DateReader, DateReading, class_of};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::intake::limits::EventLimits;
use crate::intake::limits::normalise_manager;

/// The field names that sources use for the time at which an event takes effect.
const EFFECTIVE: [&str; 4] = ["effectiveAt", "effective_at", "effectiveDate", "effective_date"];

/// The parsed data.
#[derive(Debug, Default)]
pub(super) struct EventPayload {
    pub(super) effective_at: Option<OffsetDateTime>,
    /// A date field that holds no date. Such an event takes no effect by itself.
    pub(super) unread: Option<UnreadValue>,
    pub(super) attributes: AttributeMap,
    /// The member keys. `None` if the data has no list of members.
    pub(super) members: Option<Vec<String>>,
}

/// Reads the data of an event of `kind`. If the type is wrong, `kind` is `None` and only the rules common to all types are checked.
pub(super) fn read_data(
    kind: Option<EventKind>,
    data: Option<Value>,
    at: &JsonPointer,
    limits: &EventLimits,
    dates: &DateReader,
    errors: &mut FieldErrors,
) -> EventPayload {
    let mut fields = match data {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            errors.add(at, "must be an object");
            return EventPayload::default();
        }
    };
    let (effective_at, unread) = effective_at(&mut fields, at, dates, errors);
    let is_departure = kind.is_some_and(EventKind::is_departure);
    let unread = unread.map(|value| if is_departure { value.of_departure() } else { value });
    let members = read_members(kind, &mut fields, at, limits, errors);
    let (mut attributes, attributes_at) = match fields.remove("attributes") {
        None => (fields.into_iter().collect(), at.clone()),
        Some(Value::Object(attributes)) => {
            // A misspelt `effectiveAt` would make a future change take effect immediately.
            for name in fields.keys() {
                errors.add(
                    at.key(name),
                    "is unknown beside `attributes`: move it into `attributes` if it is one",
                );
            }
            (AttributeMap::from_iter(attributes), at.key("attributes"))
        }
        Some(_) => {
            errors.add(at.key("attributes"), "must be an object");
            (AttributeMap::new(), at.key("attributes"))
        }
    };
    limits.check_attributes(&attributes, &attributes_at, errors);
    if kind.is_some_and(EventKind::is_worker) {
        normalise_manager(&mut attributes, &attributes_at, errors);
    }
    EventPayload { effective_at, unread, attributes, members }
}

/// Reads the moment at which the event takes effect. A whole day begins at 00:00 in the time zone
/// of the source. A field that says that there is no date differs from a field that is left out.
fn effective_at(
    fields: &mut Map<String, Value>,
    at: &JsonPointer,
    dates: &DateReader,
    errors: &mut FieldErrors,
) -> (Option<OffsetDateTime>, Option<UnreadValue>) {
    let (mut found, mut unread) = (None, None);
    for name in EFFECTIVE {
        let Some(value) = fields.remove(name) else { continue };
        let moment = match dates.read(&value) {
            DateReading::At(when) => dates.begin(when),
            DateReading::NoDate | DateReading::NotSaid => {
                let class = format!("no date: {}", class_of(&value));
                unread = Some(UnreadValue::new(at.key(name).to_string(), class));
                continue;
            }
            DateReading::Unreadable(_) => None,
        };
        if moment.is_none() {
            let form =
                "must be a date or a time, such as 2026-03-01 or 2026-03-01T08:30:00Z; leave it out for now";
            errors.add(at.key(name), form);
        } else if found.is_some() && found != moment {
            errors.add(at.key(name), "differs from the same field under another name");
        }
        found = found.or(moment);
    }
    (found, if found.is_some() { None } else { unread })
}

/// Reads the member keys of a group event. `None` if the data has neither `members` nor `member`.
fn read_members(
    kind: Option<EventKind>,
    fields: &mut Map<String, Value>,
    at: &JsonPointer,
    limits: &EventLimits,
    errors: &mut FieldErrors,
) -> Option<Vec<String>> {
    let is_edge = matches!(kind, Some(EventKind::GroupMemberAdded | EventKind::GroupMemberRemoved));
    let may_list = is_edge || kind == Some(EventKind::GroupUpserted);
    let list = fields.remove("members").filter(|list| !list.is_null());
    let single = fields.remove("member").filter(|single| !single.is_null());
    if kind.is_some() && !may_list && list.is_some() {
        errors.add(at.key("members"), "an event of this type has no members");
    }
    if kind.is_some() && !is_edge && single.is_some() {
        errors.add(at.key("member"), "only group.member.added and group.member.removed have a single member");
    }
    let mut keys = Vec::new();
    match &list {
        Some(Value::Array(list)) => {
            let list_at = at.key("members");
            keys = limits.members(list, |index| list_at.index(index), &list_at, errors);
        }
        Some(_) => errors.add(at.key("members"), "must be an array of keys of people"),
        None => {}
    }
    if let Some(single) = &single {
        let more = limits.members(std::slice::from_ref(single), |_| at.key("member"), at, errors);
        keys.extend(more.into_iter().filter(|key| !keys.contains(key)).collect::<Vec<_>>());
    }
    if is_edge
        && keys.is_empty()
        && single.is_none()
        && !list.as_ref().is_some_and(|list| *list != Value::Array(vec![]))
    {
        errors.add(at.key("members"), "must name at least one member");
    }
    (list.is_some() || single.is_some()).then_some(keys)
}
