//! The attributes and values that a profile allows and requires.

use serde_json::{Map, Value};

use super::ProfileRules;
use super::words::RequiredAttribute;
use crate::RequestKind;
use crate::answer::SandboxRefusal;
use crate::attributes::{attribute_text, get_attribute};

impl ProfileRules {
    /// Checks a whole resource. Required attributes are only checked if it is new.
    pub(super) fn check_resource(
        &self,
        kind: RequestKind,
        body: &Map<String, Value>,
        is_new: bool,
    ) -> Result<(), SandboxRefusal> {
        self.check_values(kind, body)?;
        for RequiredAttribute { path } in self.required.of(kind).iter().filter(|_| is_new) {
            if !is_there(body, path) {
                return Err(SandboxRefusal::invalid_value(format!("{path} is required")));
            }
        }
        if kind == RequestKind::User {
            self.check_domain(attribute_text(body, "userName"))?;
        }
        for path in self.lengths_max.of(kind).keys() {
            if let Some(value) = value_at(body, path).and_then(Value::as_str) {
                self.check_length(kind, path, value.chars().count())?;
            }
        }
        Ok(())
    }

    /// Checks the names and values of attributes.
    pub(super) fn check_values(
        &self,
        kind: RequestKind,
        attributes: &Map<String, Value>,
    ) -> Result<(), SandboxRefusal> {
        for (name, value) in attributes {
            let is_envelope =
                ["schemas", "id", "meta", "members"].iter().any(|n| n.eq_ignore_ascii_case(name));
            if is_envelope {
                continue;
            }
            match value {
                Value::Object(inner) if name.starts_with("urn:") => {
                    for inner in inner.keys() {
                        self.check_path(kind, &format!("{name}:{inner}"))?;
                    }
                }
                _ => self.check_path(kind, name)?,
            }
            self.check_value(value)?;
        }
        Ok(())
    }

    /// Refuses attributes that the profile does not list.
    pub(super) fn check_path(&self, kind: RequestKind, path: &str) -> Result<(), SandboxRefusal> {
        let allowed = self.attributes.of(kind);
        let base = path.split(['[', '.']).next().unwrap_or(path);
        let fits = |known: &String| {
            let known_base = known.split('[').next().unwrap_or(known);
            known.eq_ignore_ascii_case(path)
                || known_base.eq_ignore_ascii_case(base)
                || known_base.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(path))
        };
        if allowed.is_empty() || path.eq_ignore_ascii_case("active") || allowed.iter().any(fits) {
            return Ok(());
        }
        Err(SandboxRefusal::invalid_path(format!("{path} is not known here")))
    }

    /// Refuses values that are not in the form of the profile.
    pub(super) fn check_value(&self, value: &Value) -> Result<(), SandboxRefusal> {
        match value {
            Value::Bool(_) if self.string_booleans => {
                Err(SandboxRefusal::invalid_value("booleans are written as text here"))
            }
            Value::Number(_) if self.string_numbers => {
                Err(SandboxRefusal::invalid_value("numbers are written as text here"))
            }
            Value::Array(values) if self.single_valued && values.len() > 1 => {
                Err(SandboxRefusal::invalid_value("an attribute has one value at most here"))
            }
            Value::Array(values) => values.iter().try_for_each(|value| self.check_value(value)),
            Value::Object(inner) => inner.values().try_for_each(|value| self.check_value(value)),
            _ => Ok(()),
        }
    }

    pub(super) fn check_domain(&self, user_name: Option<&str>) -> Result<(), SandboxRefusal> {
        let domain = user_name.and_then(|name| name.rsplit_once('@')).map_or("", |(_, domain)| domain);
        if self.domains.is_empty() || self.domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Ok(());
        }
        Err(SandboxRefusal::invalid_value("the domain is not registered"))
    }

    pub(super) fn check_length(
        &self,
        kind: RequestKind,
        path: &str,
        length: usize,
    ) -> Result<(), SandboxRefusal> {
        let most = self.lengths_max.of(kind).iter().find(|(known, _)| known.eq_ignore_ascii_case(path));
        if most.is_some_and(|(_, most)| length > *most) {
            return Err(SandboxRefusal::invalid_value(format!("{path} is too long")));
        }
        Ok(())
    }
}

/// Returns the value at a plain path, which may include the URN of an extension.
fn value_at<'a>(body: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some((urn, name)) = path.rsplit_once(':') {
        return get_attribute(get_attribute(body, urn)?.as_object()?, name);
    }
    let mut parts = path.split('.');
    let first = get_attribute(body, parts.next()?.split('[').next()?)?;
    match parts.next() {
        Some(sub) => get_attribute(first.as_object()?, sub),
        None => Some(first),
    }
}

fn is_there(body: &Map<String, Value>, path: &str) -> bool {
    let base = path.split('[').next().unwrap_or(path);
    let path = if base.len() < path.len() { base } else { path };
    match value_at(body, path) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(values)) => !values.is_empty(),
        Some(_) => true,
    }
}
