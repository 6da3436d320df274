//! PATCH (RFC 7644, 3.5.2), in the dialects of real clients: operations in any case, booleans as text, dotted and
//! URN-prefixed keys without a path, members removed by value, and filters that describe an element which does not exist
//! yet.
//!
//! No stored resource is changed here: operations result in a new tree and a list of membership changes, or in an error.

mod change;
mod elements;
mod members;
mod value;

use serde_json::Value;

pub use members::{MemberChange, SettledMembers};

use crate::constraints::check_resource;
use crate::names::is_urn;
use crate::schema::Mutability;
use crate::{ResourceTree, ResourceType, ScimAttributePath, ScimServiceError, get_value};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The maximum number of operations in one request.
const OPERATIONS_MAX: usize = 5_000;

/// The result of a PATCH, POST or PUT request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PatchedResource {
    /// The new attributes, without members.
    pub attributes: ResourceTree,
    /// The changes of a group's members, in order.
    pub members: Vec<MemberChange>,
}

/// The `op` of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchVerb {
    Add,
    Replace,
    Remove,
}

impl PatchVerb {
    fn of(operation: &ResourceTree) -> Result<Self, ScimServiceError> {
        let op = get_value(operation, "op").and_then(Value::as_str).unwrap_or_default();
        [("add", Self::Add), ("replace", Self::Replace), ("remove", Self::Remove)]
            .into_iter()
            .find_map(|(name, verb)| name.eq_ignore_ascii_case(op).then_some(verb))
            .ok_or_else(|| ScimServiceError::invalid_syntax("`op` must be add, replace or remove"))
    }
}

/// The treatment of an attribute that clients may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOnly {
    /// It is ignored, because clients send whole resources as they read them.
    Ignored,
    /// It is refused, because a path names it.
    Refused,
}

/// Applies the body of a PATCH request, completely or not at all.
///
/// # Errors
/// Fails if an operation cannot be parsed or applied.
pub fn patch_resource(
    kind: ResourceType,
    current: &ResourceTree,
    body: &Value,
) -> Result<PatchedResource, ScimServiceError> {
    let mut patched = PatchedResource { attributes: current.clone(), members: Vec::new() };
    for operation in patch_operations(body)? {
        let Value::Object(operation) = operation else {
            return Err(ScimServiceError::invalid_syntax("an operation must be an object"));
        };
        let verb = PatchVerb::of(operation)?;
        let value = get_value(operation, "value");
        match get_value(operation, "path") {
            None | Some(Value::Null) => without_path(kind, &mut patched, verb, value)?,
            Some(Value::String(path)) if path.trim().is_empty() || is_core(kind, path.trim()) => {
                without_path(kind, &mut patched, verb, value)?;
            }
            Some(Value::String(path)) => {
                change::apply_change(
                    kind,
                    &mut patched,
                    verb,
                    &ScimAttributePath::parse(kind, path)?,
                    value,
                    ReadOnly::Refused,
                )?;
            }
            Some(_) => return Err(ScimServiceError::invalid_path("`path` must be a text")),
        }
    }
    check_resource(kind, &patched.attributes)?;
    Ok(patched)
}

/// Returns the operations of a PATCH body.
fn patch_operations(body: &Value) -> Result<&Vec<Value>, ScimServiceError> {
    let wrong = ScimServiceError::invalid_syntax;
    let body = body.as_object().ok_or_else(|| wrong("the body must be an object"))?;
    let is_patch = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_OP));
    match get_value(body, "schemas") {
        None | Some(Value::Null) => {}
        Some(Value::Array(schemas)) if schemas.iter().any(is_patch) => {}
        Some(_) => return Err(wrong("`schemas` must name the schema of PATCH requests")),
    }
    let operations = get_value(body, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| wrong("`Operations` must be a list"))?;
    match operations.len() {
        0 => Err(wrong("`Operations` is empty")),
        1..=OPERATIONS_MAX => Ok(operations),
        _ => {
            Err(ScimServiceError::too_many(format!("a request may have at most {OPERATIONS_MAX} operations")))
        }
    }
}

/// Applies an operation without a path. The value is a part of the resource; its keys may be paths.
fn without_path(
    kind: ResourceType,
    patched: &mut PatchedResource,
    verb: PatchVerb,
    value: Option<&Value>,
) -> Result<(), ScimServiceError> {
    if verb == PatchVerb::Remove {
        return Err(ScimServiceError::no_target("remove needs a `path`"));
    }
    let Some(Value::Object(piece)) = value else {
        return Err(ScimServiceError::invalid_value("without a `path`, the `value` must be an object"));
    };
    merge_members(kind, patched, verb, piece)
}

/// Applies each member of `piece` as a path of its own.
pub(crate) fn merge_members(
    kind: ResourceType,
    patched: &mut PatchedResource,
    verb: PatchVerb,
    piece: &ResourceTree,
) -> Result<(), ScimServiceError> {
    for (name, value) in piece {
        if let Value::Object(core) = value
            && is_core(kind, name)
        {
            // Some clients nest the attributes of the core schema below its URN, as for an extension.
            merge_members(kind, patched, verb, core)?;
            continue;
        }
        let path = match value {
            // The content of an unknown schema cannot be an attribute of another schema.
            Value::Object(_) if is_urn(name) && !is_known(kind, name) => {
                ScimAttributePath { extension: Some(name.clone()), name: None, filter: None, part: None }
            }
            _ => ScimAttributePath::parse(kind, name)?,
        };
        change::apply_change(kind, patched, verb, &path, Some(value), ReadOnly::Ignored)?;
    }
    Ok(())
}

/// Returns `true` if it is the name of the core schema itself.
fn is_core(kind: ResourceType, name: &str) -> bool {
    name.trim_end_matches(':').eq_ignore_ascii_case(kind.schema())
}

fn is_known(kind: ResourceType, name: &str) -> bool {
    let starts = |urn: &str| name.get(..urn.len()).is_some_and(|head| head.eq_ignore_ascii_case(urn));
    starts(kind.schema()) || kind.extensions().iter().any(|urn| starts(urn))
}

/// Returns `Ok(true)` if a client may write `path`, and `Ok(false)` for an attribute that is ignored.
fn may_write(
    kind: ResourceType,
    path: &ScimAttributePath,
    read_only: ReadOnly,
) -> Result<bool, ScimServiceError> {
    let Some(attribute) = path.attribute(kind) else { return Ok(true) };
    let part = path.part.as_deref().and_then(|part| attribute.part(part));
    let is_read_only =
        [Some(attribute), part].into_iter().flatten().any(|one| one.mutability == Mutability::ReadOnly);
    match (is_read_only, read_only) {
        (false, _) => Ok(true),
        (true, ReadOnly::Ignored) => Ok(false),
        // A password is never refused and never stored.
        (true, ReadOnly::Refused) if attribute.name == "password" => Ok(false),
        (true, ReadOnly::Refused) => {
            Err(ScimServiceError::mutability(format!("`{}` cannot be written", path.shown())))
        }
    }
}
