//! Computes the PATCH operations from the applied to the desired attributes, and the resource to create.
//!
//! The module is pure. Operations have a fixed order: `active` first, then removals, replacements and additions by path.
//! A path that is neither desired nor in `clear` is never in any of them, regardless of the attributes applied before.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::AttributeMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::path::{AttributePath, ValueSelector};
use crate::resource::{UpdateTarget, encode_value, new_element, put_in_element, with_defaults};
use crate::{OpCase, RemoveForm, ScimKind, TargetProfile, UrnSeparator};

/// One operation of a PATCH request (RFC 7644 section 3.5.2). It serialises in the form in which it is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum PatchOp {
    /// Changes a value.
    Replace {
        /// The attribute path.
        path: String,
        /// The new value.
        value: Value,
    },
    /// Adds a value that was absent. For a multi-valued attribute it adds elements.
    Add {
        /// The attribute path.
        path: String,
        /// The value.
        value: Value,
    },
    /// Removes a value.
    Remove {
        /// The attribute path.
        path: String,
    },
    /// Removes elements by their values: [`RemoveForm::ValueList`].
    #[serde(rename = "remove")]
    RemoveValues {
        /// The attribute path.
        path: String,
        /// The elements.
        value: Value,
    },
}

impl PatchOp {
    /// Returns the attribute path.
    pub fn path(&self) -> &str {
        match self {
            Self::Replace { path, .. }
            | Self::Add { path, .. }
            | Self::Remove { path }
            | Self::RemoveValues { path, .. } => path,
        }
    }
}

/// The part of a membership change that one request carries.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberChunk {
    /// The remote ids to add.
    pub add: Vec<String>,
    /// The remote ids to remove.
    pub remove: Vec<String>,
    /// The operations to send.
    pub ops: Vec<PatchOp>,
}

/// Returns the body of a POST that creates `attributes`: see [`crate::ScimClient::create`].
pub fn to_resource(profile: &TargetProfile, kind: ScimKind, attributes: &AttributeMap) -> Value {
    crate::resource::to_resource(profile, kind, attributes)
}

/// Returns the body of a PATCH with `ops`.
pub fn patch_body(profile: &TargetProfile, ops: &[PatchOp]) -> Value {
    let operations: Vec<Value> = ops.iter().map(|op| written_operation(profile, op)).collect();
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

/// Returns an operation in the form that the target requires.
fn written_operation(profile: &TargetProfile, op: &PatchOp) -> Value {
    let mut operation = serde_json::to_value(op).expect("an operation has only string keys");
    let form = profile.patch;
    let Some(fields) = operation.as_object_mut() else { return operation };
    if form.op_case == OpCase::Capitalised
        && let Some(Value::String(name)) = fields.get_mut("op")
    {
        name.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
    }
    if form.pathless
        && let PatchOp::Replace { path, value } | PatchOp::Add { path, value } = op
        && let Some(value) = without_path(path, value)
    {
        fields.remove("path");
        fields.insert("value".to_owned(), value);
    } else if form.extension_separator == UrnSeparator::Dot
        && let Some(Value::String(path)) = fields.get_mut("path")
        && let AttributePath { uri: Some(uri), .. } = AttributePath::parse_or_literal(path)
        && path.as_bytes().get(uri.len()) == Some(&b':')
    {
        path.replace_range(uri.len()..=uri.len(), ".");
    }
    operation
}

/// Returns the value of an operation without a path; `None` if the path selects an element, because this requires a path.
fn without_path(path: &str, value: &Value) -> Option<Value> {
    let AttributePath { uri, name, element, sub } = AttributePath::parse(path).ok()?;
    if !element.is_empty() {
        return None;
    }
    let inner = match sub {
        Some(sub) => json!({ name: { sub: value } }),
        None => json!({ name: value }),
    };
    Some(match uri {
        Some(uri) => json!({ uri: inner }),
        None => inner,
    })
}

/// Returns the operations from `applied` to `desired`. The paths in `clear` are removed if `applied` has a
/// value for them. The list is empty if there is no change. Paths in neither are not changed, and neither
/// are members of groups. A path in `clear` that is required and has a default is set to the default.
///
/// A null in `applied` means that the value is known to be absent.
pub fn patch_operations(
    profile: &TargetProfile,
    kind: ScimKind,
    applied: &AttributeMap,
    desired: &AttributeMap,
    clear: &[String],
) -> Vec<PatchOp> {
    let target = UpdateTarget::new(profile, kind, desired, clear);
    let applied = by_place(kind, &with_defaults(profile, kind, applied));
    let desired = by_place(kind, &target.set);
    let mut gone: BTreeMap<AttributePath, BTreeSet<Option<String>>> = BTreeMap::new();
    for path in target.clear.iter().map(|text| AttributePath::parse_or_literal(text)) {
        gone.entry(path.selector()).or_default().insert(path.sub);
    }
    let places: BTreeSet<&AttributePath> = gone.keys().chain(desired.keys()).collect();
    let mut changes = ResourceChanges {
        profile,
        removes: Vec::new(),
        replaces: Vec::new(),
        adds: Vec::new(),
        new: BTreeMap::new(),
    };
    let (none, nothing) = (SubAttributeValues::new(), BTreeSet::new());
    for place in places {
        let (was, is) = (applied.get(place).unwrap_or(&none), desired.get(place).unwrap_or(&none));
        let whole = changes.clear(place, was, is, gone.get(place).unwrap_or(&nothing));
        if place.element.is_empty() {
            changes.attribute(place, was, is)
        } else {
            changes.element(place, if whole { &none } else { was }, is)
        }
    }
    changes.in_order()
}

/// Values by sub-attribute.
type SubAttributeValues = BTreeMap<Option<String>, Value>;

/// Groups attributes by the attribute or element that holds them.
fn by_place(kind: ScimKind, attributes: &AttributeMap) -> BTreeMap<AttributePath, SubAttributeValues> {
    let mut places: BTreeMap<AttributePath, SubAttributeValues> = BTreeMap::new();
    for (text, value) in attributes {
        let path = AttributePath::parse_or_literal(text);
        if kind == ScimKind::Group && path.name.eq_ignore_ascii_case("members") {
            continue;
        }
        places.entry(path.selector()).or_default().insert(path.sub, value.clone());
    }
    places
}

/// Collects the operations of one PATCH by their order.
struct ResourceChanges<'a> {
    profile: &'a TargetProfile,
    removes: Vec<PatchOp>,
    replaces: Vec<PatchOp>,
    adds: Vec<PatchOp>,
    /// New elements, by the attribute that gets them. There is one operation for each
    /// attribute, because some servers treat the last of several operations as the whole list.
    new: BTreeMap<AttributePath, Vec<Value>>,
}

impl ResourceChanges<'_> {
    /// Removes present values that must be cleared. Clearing the value of an element removes
    /// the element. If only another part of it is cleared, the element stays, because others
    /// may own the rest of it. Returns `true` if the whole element is removed.
    fn clear(
        &mut self,
        place: &AttributePath,
        was: &SubAttributeValues,
        is: &SubAttributeValues,
        gone: &BTreeSet<Option<String>>,
    ) -> bool {
        let gone: Vec<&Option<String>> = gone.iter().filter(|sub| was.contains_key(*sub)).collect();
        let is_value = |sub: &Option<String>| match sub {
            None => true,
            Some(sub) => is.is_empty() && sub.eq_ignore_ascii_case("value"),
        };
        if !place.element.is_empty() && gone.iter().any(|sub| is_value(sub)) {
            self.removes.push(PatchOp::Remove { path: place.to_string() });
            return true;
        }
        for sub in gone {
            let path = AttributePath { sub: sub.clone(), ..place.clone() };
            self.removes.push(PatchOp::Remove { path: path.to_string() });
        }
        false
    }

    /// Adds the operations for an attribute without an element selector.
    fn attribute(&mut self, place: &AttributePath, was: &SubAttributeValues, is: &SubAttributeValues) {
        for (sub, new) in is {
            let path = AttributePath { sub: sub.clone(), ..place.clone() };
            let value = || encode_value(self.profile, &path, new.clone());
            match was.get(sub) {
                Some(old) if old == new => {}
                Some(_) => self.replaces.push(PatchOp::Replace { path: path.to_string(), value: value() }),
                // Every account is on or off, even if the target does not show it, and some targets refuse to add a value that is present.
                None if path.to_string().eq_ignore_ascii_case("active") => {
                    self.replaces.push(PatchOp::Replace { path: path.to_string(), value: value() });
                }
                None => self.adds.push(PatchOp::Add { path: path.to_string(), value: value() }),
            }
        }
    }

    /// Adds the operations for one element of a multi-valued attribute.
    fn element(&mut self, place: &AttributePath, was: &SubAttributeValues, is: &SubAttributeValues) {
        if is.is_empty() || is.iter().all(|(sub, value)| was.get(sub) == Some(value)) {
            return;
        }
        if was.is_empty() {
            let element = Value::Object(self.whole(place, is));
            self.new.entry(place.base()).or_default().push(element);
        } else if was.contains_key(&None) || is.contains_key(&None) {
            let value = Value::Object(self.whole(place, is));
            self.replaces.push(PatchOp::Replace { path: place.to_string(), value });
        } else {
            self.attribute(place, was, is);
        }
    }

    fn whole(&self, place: &AttributePath, values: &SubAttributeValues) -> Map<String, Value> {
        let mut element = new_element(self.profile, place);
        for (sub, value) in values {
            put_in_element(&mut element, sub.as_deref(), encode_value(self.profile, place, value.clone()));
        }
        element
    }

    fn in_order(self) -> Vec<PatchOp> {
        let new = self
            .new
            .into_iter()
            .map(|(base, elements)| PatchOp::Add { path: base.to_string(), value: Value::Array(elements) });
        let mut all: Vec<PatchOp> =
            self.removes.into_iter().chain(self.replaces).chain(self.adds).chain(new).collect();
        all.sort_by_key(|op| !op.path().eq_ignore_ascii_case("active"));
        all
    }
}

/// Returns the requests that add and remove members of a group, by remote id. Additions come first. Each request
/// is within the limits of the profile. No request has both, so that a refused addition does not delay a removal.
pub fn member_ops(profile: &TargetProfile, add: &[String], remove: &[String]) -> Vec<Vec<PatchOp>> {
    member_chunks(profile, add, remove).into_iter().map(|chunk| chunk.ops).collect()
}

/// Returns the requests like [`member_ops`], together with the members that each request concerns.
pub fn member_chunks(profile: &TargetProfile, add: &[String], remove: &[String]) -> Vec<MemberChunk> {
    let limits = &profile.membership;
    let members = limits.members_per_request_max.max(1);
    let removed_by_one = match limits.remove_form {
        RemoveForm::Filter => members.min(limits.operations_per_request_max.max(1)),
        RemoveForm::ValueList => members,
    };
    let adds = sized_chunks(add, members, limits.body_bytes_max).into_iter().map(|ids| MemberChunk {
        add: ids.to_vec(),
        remove: Vec::new(),
        ops: vec![PatchOp::Add { path: "members".to_owned(), value: member_values(ids) }],
    });
    let removes =
        sized_chunks(remove, removed_by_one, limits.body_bytes_max).into_iter().map(|ids| MemberChunk {
            add: Vec::new(),
            remove: ids.to_vec(),
            ops: match limits.remove_form {
                RemoveForm::Filter => {
                    ids.iter().map(|id| PatchOp::Remove { path: member_path(id) }).collect()
                }
                RemoveForm::ValueList => {
                    vec![PatchOp::RemoveValues { path: "members".to_owned(), value: member_values(ids) }]
                }
            },
        });
    adds.chain(removes).collect()
}

/// Splits ids into chunks with at most `most` ids each, whose bodies have at most `bytes_max` bytes.
fn sized_chunks(ids: &[String], most: usize, bytes_max: Option<usize>) -> Vec<&[String]> {
    let room = bytes_max.unwrap_or(usize::MAX).saturating_sub(BODY_BYTES).max(1);
    let mut chunks = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |id: &&String| {
            bytes += id.len() + MEMBER_BYTES;
            bytes <= room
        };
        let count = rest.iter().take(most).take_while(fits).count().max(1);
        let (chunk, others) = rest.split_at(count);
        chunks.push(chunk);
        rest = others;
    }
    chunks
}

/// The size of one member in a body without its id, in bytes. The longest form is an operation of its own.
const MEMBER_BYTES: usize = r#"{"op":"Remove","path":"members[value eq \"\"]"},"#.len();
/// The size of a body without its members, in bytes.
const BODY_BYTES: usize = 256;

fn member_values(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({ "value": id })).collect()
}

fn member_path(id: &str) -> String {
    let element = vec![("value".to_owned(), ValueSelector::Text(id.to_owned()))];
    AttributePath { uri: None, name: "members".to_owned(), element, sub: None }.to_string()
}

#[cfg(test)]
mod tests;
