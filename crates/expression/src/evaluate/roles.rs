//! The functions on app role assignments.
//!
//! The source is a list of role names, or of objects with `value` (or `id`) and `displayName`.

use super::Evaluator;
use crate::outcome::EvaluationResult;
use crate::program::{FunctionCall, NodeKind};
use crate::value::Value;
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// One app role assignment.
struct AppRole<'a> {
    value: Cow<'a, str>,
    display: Cow<'a, str>,
}

impl<'a> Evaluator<'a, '_> {
    /// Returns the names of all roles.
    pub(super) fn role_names(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let Some(roles) = self.roles(call)? else { return Ok(Value::Null) };
        Ok(Value::List(roles.into_iter().map(|role| Value::Text(role.value)).collect()))
    }

    /// Returns the name of the role. Of several roles, it returns the first in
    /// alphabetical order, so that the result does not change from day to day.
    pub(super) fn single_role(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let names = self.roles(call)?.unwrap_or_default().into_iter().map(|role| role.value);
        Ok(names.min().map_or(Value::Null, Value::Text))
    }

    /// Returns all roles as JSON of SCIM's complex `roles` values.
    pub(super) fn complex_roles(&self, call: &'a FunctionCall) -> EvaluationResult<Value<'a>> {
        let Some(roles) = self.roles(call)? else { return Ok(Value::Null) };
        let roles = roles.into_iter().map(|role| {
            let complex = json!({
                "primary": false,
                "type": "WindowsAzureActiveDirectoryRole",
                "display": role.display,
                "value": role.value,
            });
            Value::Text(Cow::Owned(complex.to_string()))
        });
        Ok(Value::List(roles.collect()))
    }

    /// Returns the roles of the argument, or `None` if it is null.
    fn roles(&self, call: &'a FunctionCall) -> EvaluationResult<Option<Vec<AppRole<'a>>>> {
        let value = self.argument(call, 0)?;
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        if let Some(NodeKind::Attribute(name)) = call.argument(0).map(|node| &node.kind) {
            // The values no longer have the other members of their objects, so the roles are read from the attribute itself.
            return Ok(Some(match self.source.attribute(name) {
                Some(Json::Array(items)) => items.iter().filter_map(parse_role).collect(),
                Some(item) => parse_role(item).into_iter().collect(),
                None => Vec::new(),
            }));
        }
        let values = match value {
            Value::List(values) => values,
            value => vec![value],
        };
        let names = values.into_iter().filter_map(Value::into_text).filter(|name| !name.is_empty());
        Ok(Some(names.map(|name| AppRole { display: name.clone(), value: name }).collect()))
    }
}

fn parse_role(json: &Json) -> Option<AppRole<'_>> {
    let Json::Object(members) = json else {
        let name = Value::from_json(json).into_text().filter(|name| !name.is_empty())?;
        return Some(AppRole { display: name.clone(), value: name });
    };
    let member = |name| members.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let value = member("value").or_else(|| member("id")).or_else(|| member("displayName"))?;
    Some(AppRole { value: value.into(), display: member("displayName").unwrap_or(value).into() })
}
