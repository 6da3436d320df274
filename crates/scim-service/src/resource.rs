//! Whole resources: reads them from requests, checks them, and renders them.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::constraints::check_resource;
use crate::names::is_urn;
use crate::patch::{PatchVerb, PatchedResource, merge_members};
use crate::{ResourceTree, ResourceType, ScimServiceError, entity_tag};

const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The attribute for the status of a person.
const ACTIVE: &str = "active";

/// A resource as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct StoredResource<'a> {
    /// The resource type.
    pub kind: ResourceType,
    /// The identifier.
    pub id: &'a str,
    /// The attributes.
    pub attributes: &'a ResourceTree,
    /// The members of a group, if they must be shown.
    pub members: Option<&'a [GroupMember]>,
    /// The time of creation.
    pub created: OffsetDateTime,
    /// The time of the last change.
    pub modified: OffsetDateTime,
    /// The version. It increases with each change.
    pub version: i64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The identifier of the member.
    pub id: String,
    /// The resource type of the member.
    pub kind: ResourceType,
}

/// Reads the body of a POST.
///
/// # Errors
/// Fails if it is not a resource of this kind.
pub fn read_resource(kind: ResourceType, body: &Value) -> Result<PatchedResource, ScimServiceError> {
    let mut patched = accepted_tree(kind, body)?;
    if kind == ResourceType::User && !patched.attributes.contains_key(ACTIVE) {
        patched.attributes.insert(ACTIVE.to_owned(), Value::Bool(true));
    }
    Ok(patched)
}

/// Reads the body of a PUT that replaces `current`. An absent `active` leaves the status unchanged: a person does
/// not return or leave because a client omitted it. In the same way, a group without `members` keeps its members.
///
/// # Errors
/// Fails if it is not a resource of this kind.
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

/// Renders the whole resource. `base` is the address of the service, without a slash at its end.
pub fn render_resource(record: &StoredResource<'_>, base: &str) -> ResourceTree {
    let kind = record.kind;
    let mut tree = record.attributes.clone();
    let extensions = record.attributes.iter().filter(|(name, value)| is_urn(name) && value.is_object());
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

/// Renders a page of results.
pub fn list_response(total: usize, start_index: usize, resources: Vec<ResourceTree>) -> ResourceTree {
    let mut list = Map::new();
    list.insert("schemas".to_owned(), json!([LIST_RESPONSE]));
    list.insert("totalResults".to_owned(), total.into());
    list.insert("startIndex".to_owned(), start_index.into());
    list.insert("itemsPerPage".to_owned(), resources.len().into());
    list.insert("Resources".to_owned(), resources.into_iter().map(Value::Object).collect());
    list
}
