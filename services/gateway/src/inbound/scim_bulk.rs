//! A SCIM BulkRequest as Entra's inbound provisioning API accepts it: each operation is a complete record.
//!
//! The request is read operation by operation while it arrives ([`scan`]) and stored batch by batch ([`upload`]), so that any
//! number of operations needs the same memory. A wrong operation is reported by its position and does not affect the others.

mod config;
mod group;
mod scan;
#[cfg(test)]
mod tests;
mod upload;
mod user;

pub use config::ScimBulkConfig;
pub(crate) use upload::{BulkReport, BulkUpload, OperationFault, take_upload};
pub(crate) use user::user_attributes;

use edge::{FieldErrors, JsonPointer};
use lifecycle::{AttributeMap, Event, EventId, EventKind};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::intake::limits::EventLimits;
use crate::intake::limits::{check_key, text_fault};
use crate::intake::received::{EventPlace, ReceivedEvent};

/// The suffix after the authenticated source's name in the source of these events.
const FEED: &str = "/scim-bulk";
/// The resource type of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkResource {
    User,
    Group,
}

/// The statement of an operation.
struct BulkStatement {
    kind: EventKind,
    key: String,
    attributes: AttributeMap,
    members: Option<Vec<String>>,
}

/// Reads one operation: its bulk id, if it has one, and its statement.
fn read_operation(
    operation: Value,
    at: &JsonPointer,
    limits: &EventLimits,
    errors: &mut FieldErrors,
) -> Option<(Option<String>, BulkStatement)> {
    let Value::Object(mut operation) = operation else {
        errors.add(at, "an operation is an object");
        return None;
    };
    let bulk_id = match operation.remove("bulkId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if text_fault(&id).is_none() => Some(id),
        Some(_) => {
            errors.add(at.key("bulkId"), "must be a text of 1 to 512 characters without control characters");
            None
        }
    };
    let method = operation.get("method").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase();
    let path = parse_path(operation.get("path").and_then(Value::as_str).unwrap_or_default());
    if path.is_none() {
        errors.add(at.key("path"), "must be /Users or /Groups, or one of them and /{externalId}");
    }
    let statement = match method.as_str() {
        "POST" | "PUT" => {
            let (resource, in_path) = path?;
            upsert_events(resource, in_path, operation.remove("data"), at, limits, errors)
        }
        "DELETE" => delete_events(path?, at, errors),
        _ => {
            errors.add(at.key("method"), "must be POST, PUT or DELETE");
            None
        }
    };
    statement.map(|statement| (bulk_id, statement))
}

/// Parses `/Users` or `/Groups`, optionally followed by a percent-encoded id.
fn parse_path(path: &str) -> Option<(BulkResource, Option<String>)> {
    let mut segments = path.strip_prefix('/')?.splitn(2, '/');
    let resource = match segments.next()? {
        "Users" => BulkResource::User,
        "Groups" => BulkResource::Group,
        _ => return None,
    };
    let id = match segments.next().filter(|id| !id.is_empty()) {
        None => None,
        Some(id) => Some(percent_decoded(id)?),
    };
    Some((resource, id))
}

/// Decodes percent-encoding. `None` if it is malformed or not UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are at most 255"));
    }
    String::from_utf8(decoded).ok()
}

/// Reads a DELETE operation.
fn delete_events(
    (resource, id): (BulkResource, Option<String>),
    at: &JsonPointer,
    errors: &mut FieldErrors,
) -> Option<BulkStatement> {
    let kind = match resource {
        BulkResource::User => EventKind::WorkerDeleted,
        BulkResource::Group => EventKind::GroupDeleted,
    };
    match check_key(id.as_deref()) {
        Ok(key) => {
            Some(BulkStatement { kind, key: key.to_owned(), attributes: AttributeMap::new(), members: None })
        }
        Err(_) => {
            errors.add(at.key("path"), "must end with the externalId of what is deleted");
            None
        }
    }
}

/// Reads a POST or PUT operation.
fn upsert_events(
    resource: BulkResource,
    in_path: Option<String>,
    data: Option<Value>,
    at: &JsonPointer,
    limits: &EventLimits,
    errors: &mut FieldErrors,
) -> Option<BulkStatement> {
    let data_at = at.key("data");
    let Some(Value::Object(mut data)) = data else {
        errors.add(data_at, "must be the complete user or group");
        return None;
    };
    let key = external_id(&mut data, in_path, at, errors);
    // Checked here, where the pointers are still those of the request. Members have their own limit.
    limits.check_values(data.iter().filter(|(name, _)| *name != "members"), &data_at, errors);
    let (kind, attributes, members) = match resource {
        BulkResource::User => {
            (EventKind::WorkerSnapshot, user::user_attributes(data, &data_at, errors), None)
        }
        BulkResource::Group => {
            let (attributes, members) = group::group_attributes(data, &data_at, limits, errors);
            (EventKind::GroupUpserted, attributes, members)
        }
    };
    if errors.is_empty() {
        limits.check_attributes(&attributes, &data_at, errors);
    }
    Some(BulkStatement { kind, key: key?, attributes, members })
}

/// Removes and returns the externalId, which must equal the id in the path if there is one.
fn external_id(
    data: &mut Map<String, Value>,
    in_path: Option<String>,
    at: &JsonPointer,
    errors: &mut FieldErrors,
) -> Option<String> {
    let id = data.remove("externalId");
    match check_key(id.as_ref().and_then(Value::as_str)) {
        Ok(key) if in_path.as_deref().is_some_and(|path| path != key) => {
            errors.add(at.key("path"), "names another externalId than the data");
            None
        }
        Ok(key) => Some(key.to_owned()),
        Err(fault) => {
            errors.add(at.key("data").key("externalId"), format!("is required: the key {fault}"));
            None
        }
    }
}

/// Turns statements into events.
///
/// SCIM gives events no id, so each upload makes new events: a row that returns to an earlier content (left, came
/// back, left again) must never count as a duplicate. Only a repeated `upload` key makes a repeated row a duplicate.
struct BulkEvents {
    /// The authenticated source.
    sender: String,
    /// The source of the events: the authenticated source with a suffix.
    source: String,
    /// The key of the upload.
    upload: String,
    /// The time of the upload's first event.
    now: OffsetDateTime,
}

impl BulkEvents {
    fn new(name: &str, upload: Option<&str>, now: OffsetDateTime) -> Self {
        let upload = upload.map_or_else(|| now.unix_timestamp_nanos().to_string(), str::to_owned);
        Self { sender: name.to_owned(), source: format!("{name}{FEED}"), upload, now }
    }

    /// Builds the event of the operation `index`. Its id depends on its content and position, so
    /// that the third of A, B, A is not a duplicate of the first. Its time is a microsecond (the
    /// resolution of versions) after that of the previous one, which is less than it takes to read.
    fn event(
        &self,
        bulk_id: Option<String>,
        statement: BulkStatement,
        index: usize,
        at: JsonPointer,
    ) -> ReceivedEvent {
        let BulkStatement { kind, key, attributes, members } = statement;
        let content = serde_json::to_vec(&(kind, &key, &attributes, &members, &self.upload, index))
            .expect("values with text keys are always JSON");
        let hash = Sha256::digest(content);
        let digits = hex::encode(&hash[..16]);
        let id = format!("{}#{digits}", bulk_id.as_deref().unwrap_or(&key));
        let time = self.now + time::Duration::microseconds(i64::try_from(index).unwrap_or(i64::MAX));
        let event = Event {
            id: EventId::of(&self.source, &id),
            source: self.source.clone(),
            source_event_id: id,
            kind,
            subject: key,
            time,
            effective_at: time,
            accepted_at: time,
            sender: self.sender.clone(),
            dated: None,
            attributes,
            members,
            feed: None,
            withdraws: false,
            unread: Vec::new(),
        };
        ReceivedEvent { event, place: EventPlace::Operation(at), trace: None, content: None }
    }
}
