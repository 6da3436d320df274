//! PATCH (RFC 7644, 3.5.2): operations result in new attributes and a list of membership
//! changes, or in a refusal. No change is applied here, so a refused PATCH has no effect.

use serde_json::{Map, Value};

use crate::answer::SandboxRefusal;
use crate::attributes::{self, PatchTarget, SandboxAttributes, is_multi_valued};
use crate::{ENTERPRISE_SCHEMA, RequestKind, filter, rules};

mod members;

const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The maximum number of operations in one request.
const OPERATIONS_MAX: usize = 10_000;

/// A change of a group's members, with ids as they were sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SandboxMemberChange {
    Add(Vec<String>),
    Remove(Vec<String>),
    Replace(Vec<String>),
}

/// The result of a PATCH.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PatchPlan {
    pub attributes: SandboxAttributes,
    /// The membership changes, in order.
    pub members: Vec<SandboxMemberChange>,
}

/// The `op` of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SandboxPatchVerb {
    Add,
    Replace,
    Remove,
}

impl SandboxPatchVerb {
    fn parse(operation: &Map<String, Value>) -> Result<Self, SandboxRefusal> {
        let verb = attributes::attribute_text(operation, "op").unwrap_or_default();
        [("add", Self::Add), ("replace", Self::Replace), ("remove", Self::Remove)]
            .into_iter()
            .find_map(|(name, known)| name.eq_ignore_ascii_case(verb).then_some(known))
            .ok_or_else(|| {
                SandboxRefusal::invalid_syntax(format!("op must be add, replace or remove, not {verb:?}"))
            })
    }
}

/// Returns the operations of a PATCH body.
pub(crate) fn patch_operations(body: &Value) -> Result<&Vec<Value>, SandboxRefusal> {
    let body =
        body.as_object().ok_or_else(|| SandboxRefusal::invalid_syntax("the body must be an object"))?;
    let schemas = attributes::get_attribute(body, "schemas").and_then(Value::as_array);
    if !schemas.is_some_and(|list| list.iter().any(|urn| urn == PATCH_SCHEMA)) {
        return Err(SandboxRefusal::invalid_syntax(format!("schemas must name {PATCH_SCHEMA}")));
    }
    let operations = attributes::get_attribute(body, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| SandboxRefusal::invalid_syntax("Operations must be a list"))?;
    match operations.len() {
        0 => Err(SandboxRefusal::invalid_syntax("Operations is empty")),
        1..=OPERATIONS_MAX => Ok(operations),
        _ => Err(SandboxRefusal::new(413, Some("tooMany"), "too many operations")),
    }
}

/// Applies the operations to a copy of the attributes.
pub(crate) fn plan_patch(
    kind: RequestKind,
    current: &SandboxAttributes,
    body: &Value,
) -> Result<PatchPlan, SandboxRefusal> {
    let mut plan = PatchPlan { attributes: current.clone(), members: Vec::new() };
    for operation in patch_operations(body)? {
        let operation = operation
            .as_object()
            .ok_or_else(|| SandboxRefusal::invalid_syntax("an operation must be an object"))?;
        let verb = SandboxPatchVerb::parse(operation)?;
        let value = attributes::get_attribute(operation, "value");
        if value.is_none() && verb != SandboxPatchVerb::Remove {
            return Err(SandboxRefusal::invalid_value("add and replace need a value"));
        }
        match attributes::get_attribute(operation, "path") {
            None => path_less(kind, &mut plan, verb, value)?,
            Some(Value::String(path)) => {
                apply_operation(kind, &mut plan, verb, &PatchTarget::parse(path)?, value)?
            }
            Some(_) => return Err(SandboxRefusal::invalid_path("path must be a text")),
        }
    }
    Ok(plan)
}

/// Applies an operation without a path. Its value is a part of the resource.
fn path_less(
    kind: RequestKind,
    plan: &mut PatchPlan,
    verb: SandboxPatchVerb,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    if verb == SandboxPatchVerb::Remove {
        return Err(SandboxRefusal::no_target("remove needs a path"));
    }
    let Some(Value::Object(parts)) = value else {
        return Err(SandboxRefusal::invalid_value("without a path, the value must be an object"));
    };
    for (name, part) in parts {
        if !name.eq_ignore_ascii_case("schemas") {
            apply_operation(kind, plan, verb, &PatchTarget::parse(name)?, Some(part))?;
        }
    }
    Ok(())
}

/// Applies one operation to one path.
fn apply_operation(
    kind: RequestKind,
    plan: &mut PatchPlan,
    verb: SandboxPatchVerb,
    target: &PatchTarget,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    if let Some(name) = target.core_name() {
        if rules::is_read_only(kind, name) {
            return Err(SandboxRefusal::mutability(format!("{name} is read-only")));
        }
        if kind == RequestKind::Group && name == "members" {
            plan.members.push(members::member_change(verb, target, value)?);
            return Ok(());
        }
        if verb == SandboxPatchVerb::Remove && name == rules::name_attribute(kind) {
            return Err(SandboxRefusal::mutability(format!("{name} is required")));
        }
    }
    let Some(urn) = &target.container else {
        return change_attribute(&mut plan.attributes, verb, target, value);
    };
    let Some(_) = &target.name else { return whole_extension(plan, verb, urn, value) };
    let mut extension = match plan.attributes.remove(urn) {
        Some(Value::Object(map)) => map,
        _ => SandboxAttributes::new(),
    };
    change_attribute(&mut extension, verb, target, value)?;
    if !extension.is_empty() {
        plan.attributes.insert(urn.clone(), Value::Object(extension));
    }
    Ok(())
}

/// Changes an extension as a whole.
fn whole_extension(
    plan: &mut PatchPlan,
    verb: SandboxPatchVerb,
    urn: &str,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    debug_assert_eq!(urn, ENTERPRISE_SCHEMA, "only this one is recognised without an attribute");
    if verb == SandboxPatchVerb::Remove {
        plan.attributes.remove(urn);
        return Ok(());
    }
    let Some(Value::Object(parts)) = value else {
        return Err(SandboxRefusal::invalid_value("an extension must be an object"));
    };
    for (name, part) in parts {
        let mut target = PatchTarget::parse(name)?;
        target.container = Some(urn.to_owned());
        apply_operation(RequestKind::User, plan, verb, &target, Some(part))?;
    }
    Ok(())
}

/// Changes one attribute of a resource or of an extension.
fn change_attribute(
    map: &mut SandboxAttributes,
    verb: SandboxPatchVerb,
    target: &PatchTarget,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    let name =
        target.name.as_deref().ok_or_else(|| SandboxRefusal::no_target("the path names no attribute"))?;
    let key = attributes::attribute_key(map, name);
    if target.filter.is_some() {
        return change_elements(map, &key, verb, target, value);
    }
    if let Some(sub) = &target.sub {
        return change_part(map, &key, sub, verb, value);
    }
    let Some(value) = value.filter(|value| verb != SandboxPatchVerb::Remove && !is_unassigned(value)) else {
        map.remove(&key);
        return Ok(());
    };
    match (verb, map.get_mut(&key)) {
        (SandboxPatchVerb::Add, Some(Value::Array(list))) => append_elements(list, value),
        (_, Some(Value::Object(inner))) if value.is_object() => merge_value(inner, value)?,
        _ => {
            let list = is_multi_valued(&key) && !value.is_array();
            let value = if list { Value::Array(vec![value.clone()]) } else { value.clone() };
            map.insert(key, canonical_value(value)?);
        }
    }
    Ok(())
}

/// Returns `true` for null and the empty list, which mean that an attribute has no value (RFC 7643, 2.5).
fn is_unassigned(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn canonical_value(value: Value) -> Result<Value, SandboxRefusal> {
    match value {
        Value::Object(map) => Ok(Value::Object(attributes::canonicalise_names(&map)?)),
        other => Ok(other),
    }
}

fn merge_value(into: &mut SandboxAttributes, value: &Value) -> Result<(), SandboxRefusal> {
    let parts =
        value.as_object().ok_or_else(|| SandboxRefusal::invalid_value("the value must be an object"))?;
    for (name, part) in parts {
        let key = attributes::attribute_key(into, name);
        if part.is_null() {
            into.remove(&key);
        } else {
            into.insert(key, part.clone());
        }
    }
    Ok(())
}

/// Adds elements to a list. An element that is already present is not
/// added again; a new primary element replaces the old one as primary.
fn append_elements(list: &mut Vec<Value>, value: &Value) {
    let new = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    for element in new {
        if list.contains(element) {
            continue;
        }
        if element["primary"] == true {
            for old in list.iter_mut().filter(|old| old["primary"] == true) {
                old["primary"] = false.into();
            }
        }
        list.push(element.clone());
    }
}

/// Changes `name.givenName`, or `emails.value` for every element.
fn change_part(
    map: &mut SandboxAttributes,
    key: &str,
    sub: &str,
    verb: SandboxPatchVerb,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    let value = value.filter(|value| verb != SandboxPatchVerb::Remove && !is_unassigned(value));
    match map.get_mut(key) {
        Some(Value::Array(list)) => list.iter_mut().for_each(|element| set_part(element, sub, value)),
        Some(whole) if whole.is_object() => set_part(whole, sub, value),
        Some(_) => return Err(SandboxRefusal::invalid_path(format!("{key} has no parts"))),
        None if value.is_none() => return Ok(()),
        None if is_multi_valued(key) => {
            return Err(SandboxRefusal::no_target(format!("{key} has no element to change")));
        }
        None => {
            map.insert(key.to_owned(), Value::Object(Map::new()));
            map.get_mut(key).into_iter().for_each(|whole| set_part(whole, sub, value));
        }
    }
    if map.get(key).and_then(Value::as_object).is_some_and(Map::is_empty) {
        map.remove(key);
    }
    Ok(())
}

fn set_part(element: &mut Value, sub: &str, value: Option<&Value>) {
    let Value::Object(parts) = element else { return };
    let key = attributes::attribute_key(parts, sub);
    match value {
        Some(value) => drop(parts.insert(key, value.clone())),
        None => drop(parts.remove(&key)),
    }
}

/// Changes `emails[type eq "work"]` and `emails[type eq "work"].value`.
fn change_elements(
    map: &mut SandboxAttributes,
    key: &str,
    verb: SandboxPatchVerb,
    target: &PatchTarget,
    value: Option<&Value>,
) -> Result<(), SandboxRefusal> {
    let picks = |element: &Value| target.filter.as_ref().is_none_or(|f| filter::element_matches(f, element));
    let Some(list) = map.get_mut(key).and_then(Value::as_array_mut) else {
        return missing_target(key, verb);
    };
    if verb == SandboxPatchVerb::Remove && target.sub.is_none() {
        list.retain(|element| !picks(element));
        if list.is_empty() {
            map.remove(key);
        }
        return Ok(());
    }
    let mut found = false;
    for element in list.iter_mut().filter(|element| picks(element)) {
        found = true;
        match (&target.sub, value, element) {
            (Some(sub), value, element) => {
                set_part(element, sub, value.filter(|_| verb != SandboxPatchVerb::Remove))
            }
            (None, Some(value), Value::Object(parts)) if verb == SandboxPatchVerb::Add => {
                merge_value(parts, value)?
            }
            (None, Some(value), element) => *element = value.clone(),
            (None, None, _) => {}
        }
    }
    if found { Ok(()) } else { missing_target(key, verb) }
}

/// Handles a filter that selects no element. It is an error, except for a removal, which has no work to do.
fn missing_target(key: &str, verb: SandboxPatchVerb) -> Result<(), SandboxRefusal> {
    if verb == SandboxPatchVerb::Remove {
        return Ok(());
    }
    Err(SandboxRefusal::no_target(format!("no element of {key} fulfils the filter")))
}
