//! Whole resources: read from a request, checked, and shown.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::patch::{PatchVerb, PatchedResource, merge_members};
use crate::{ResourceTree, ResourceType, ScimServiceError, entity_tag, get_value};

const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Largest resource as JSON, in bytes, members not counted.
const RESOURCE_BYTES_MAX: usize = 256 * 1024;
/// Longest `userName`, `displayName` of a group, `externalId` and attribute name, in characters.
const NAME_CHARS_MAX: usize = 512;
/// What says whether a person is here.
const ACTIVE: &str = "active";

/// A resource as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct StoredResource<'a> {
    /// What it is.
    pub kind: ResourceType,
    /// Its identifier.
    pub id: &'a str,
    /// Its attributes.
    pub attributes: &'a ResourceTree,
    /// The members of a group, if they are to be shown.
    pub members: Option<&'a [GroupMember]>,
    /// When it was created.
    pub created: OffsetDateTime,
    /// When it was last changed.
    pub modified: OffsetDateTime,
    /// Rises with each change.
    pub version: i64,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Their identifier.
    pub id: String,
    /// What they are.
    pub kind: ResourceType,
}

/// Reads the body of a POST.
///
/// # Errors
/// When it is no resource of this kind.
pub fn read_resource(kind: ResourceType, body: &Value) -> Result<PatchedResource, ScimServiceError> {
    let mut patched = accepted_tree(kind, body)?;
    if kind == ResourceType::User && !patched.attributes.contains_key(ACTIVE) {
        patched.attributes.insert(ACTIVE.to_owned(), Value::Bool(true));
    }
    Ok(patched)
}

/// Reads the body of a PUT that takes the place of `current`. What says nothing of `active` leaves it as it is: nobody comes
/// back, or leaves, because a client forgot to say. In the same way a group without `members` keeps its members.
///
/// # Errors
/// When it is no resource of this kind.
pub fn replace_resource(
    kind: ResourceType,
    current: &ResourceTree,
    body: &Value,
) -> Result<PatchedResource, ScimServiceError> {
    let mut patched = accepted_tree(kind, body)?;
    if kind == ResourceType::User
        && !patched.attributes.contains_key(ACTIVE)
        && let Some(active) = current.get(ACTIVE)
    {
        patched.attributes.insert(ACTIVE.to_owned(), active.clone());
    }
    Ok(patched)
}

fn accepted_tree(kind: ResourceType, body: &Value) -> Result<PatchedResource, ScimServiceError> {
    let Value::Object(body) = body else {
        return Err(ScimServiceError::invalid_syntax("the body must be an object"));
    };
    let mut patched = PatchedResource::default();
    merge_members(kind, &mut patched, PatchVerb::Replace, body)?;
    check_resource(kind, &patched.attributes)?;
    Ok(patched)
}

/// Checks what must hold for a resource as a whole.
pub(crate) fn check_resource(kind: ResourceType, attributes: &ResourceTree) -> Result<(), ScimServiceError> {
    let name = kind.name_attribute();
    let required = get_value(attributes, name).and_then(Value::as_str).unwrap_or_default();
    if required.trim().is_empty() {
        return Err(ScimServiceError::invalid_value(format!("`{name}` is required")));
    }
    for name in [name, "externalId"] {
        let text = get_value(attributes, name).and_then(Value::as_str).unwrap_or_default();
        if text.chars().nth(NAME_CHARS_MAX).is_some() || text.contains(char::is_control) {
            let detail = format!(
                "`{name}` may have at most {NAME_CHARS_MAX} characters, none of them a control character"
            );
            return Err(ScimServiceError::invalid_value(detail));
        }
    }
    let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
    if bytes > RESOURCE_BYTES_MAX {
        let detail = format!("a resource may have at most {RESOURCE_BYTES_MAX} bytes as JSON");
        return Err(ScimServiceError::new(413, detail));
    }
    if attributes.iter().any(|(name, value)| is_unfit(name, value)) {
        let detail = format!("a text may not contain U+0000, and a name at most {NAME_CHARS_MAX} characters");
        return Err(ScimServiceError::invalid_value(detail));
    }
    Ok(())
}

/// Not every database can keep U+0000.
fn is_unfit(name: &str, value: &Value) -> bool {
    if name.contains('\0') || name.chars().nth(NAME_CHARS_MAX).is_some() {
        return true;
    }
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(|element| is_unfit("", element)),
        Value::Object(fields) => fields.iter().any(|(name, value)| is_unfit(name, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The whole resource as it is shown; `base` is the address of the service, without a slash at its end.
pub fn render_resource(record: &StoredResource<'_>, base: &str) -> ResourceTree {
    let kind = record.kind;
    let mut tree = record.attributes.clone();
    let extensions =
        record.attributes.iter().filter(|(name, value)| crate::path::is_urn(name) && value.is_object());
    let schemas = std::iter::once(kind.schema()).chain(extensions.map(|(urn, _)| urn.as_str()));
    tree.insert("schemas".to_owned(), schemas.collect());
    tree.insert("id".to_owned(), record.id.into());
    if let Some(members) = record.members.filter(|members| !members.is_empty()) {
        tree.insert("members".to_owned(), members.iter().map(|member| show_member(member, base)).collect());
    }
    let meta = json!({
        "resourceType": kind.name(),
        "created": format_moment(record.created),
        "lastModified": format_moment(record.modified),
        "location": resource_location(kind, record.id, base),
        "version": entity_tag(record.version),
    });
    tree.insert("meta".to_owned(), meta);
    tree
}

fn show_member(member: &GroupMember, base: &str) -> Value {
    json!({
        "value": member.id,
        "$ref": resource_location(member.kind, &member.id, base),
        "type": member.kind.name(),
    })
}

fn resource_location(kind: ResourceType, id: &str, base: &str) -> String {
    format!("{base}/{}/{id}", kind.endpoint())
}

fn format_moment(at: OffsetDateTime) -> Value {
    at.format(&Rfc3339).map_or(Value::Null, Value::String)
}

/// A page of what was found.
pub fn list_response(total: usize, start_index: usize, resources: Vec<ResourceTree>) -> ResourceTree {
    let mut list = Map::new();
    list.insert("schemas".to_owned(), json!([LIST_RESPONSE]));
    list.insert("totalResults".to_owned(), total.into());
    list.insert("startIndex".to_owned(), start_index.into());
    list.insert("itemsPerPage".to_owned(), resources.len().into());
    list.insert("Resources".to_owned(), resources.into_iter().map(Value::Object).collect());
    list
}
