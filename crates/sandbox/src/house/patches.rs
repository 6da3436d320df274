//! The operations of PATCH that a profile allows.

use serde_json::{Map, Value};

use super::ProfileRules;
use crate::answer::SandboxRefusal;
use crate::attributes::{attribute_text, get_attribute};
use crate::call::ScimCall;
use crate::{ENTERPRISE_SCHEMA, RequestKind};

impl ProfileRules {
    /// Checks the limits and the form of a PATCH.
    pub(super) fn check_patch(&self, call: &ScimCall) -> Result<(), SandboxRefusal> {
        let limits = &self.membership;
        if limits.body_bytes_max.is_some_and(|most| call.bytes.len() > most) {
            return Err(SandboxRefusal::new(413, None, "the body is too large"));
        }
        let Some(Value::Object(body)) = &call.body else { return Ok(()) };
        let operations =
            get_attribute(body, "Operations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut members = 0;
        for operation in operations.iter().filter_map(Value::as_object) {
            members += self.check_operation(call.route.kind, operation)?;
        }
        if call.route.kind == RequestKind::Group {
            if members > limits.members_per_request_max {
                return Err(SandboxRefusal::new(400, Some("tooMany"), "too many changes of membership"));
            }
            if operations.len() > limits.operations_per_request_max {
                return Err(SandboxRefusal::new(400, Some("tooMany"), "too many operations"));
            }
        }
        Ok(())
    }

    /// Checks an operation, and returns the number of members that it changes.
    fn check_operation(
        &self,
        kind: RequestKind,
        operation: &Map<String, Value>,
    ) -> Result<usize, SandboxRefusal> {
        let op = attribute_text(operation, "op").unwrap_or_default();
        let capital = op.starts_with(|c: char| c.is_ascii_uppercase());
        if capital != (self.patch.op_case.as_deref() == Some("capitalised")) {
            return Err(SandboxRefusal::invalid_syntax(format!(
                "the operation is called differently from {op:?} here"
            )));
        }
        let path = attribute_text(operation, "path");
        let value = operation.get("value");
        let removes = op.eq_ignore_ascii_case("remove");
        let Some(path) = path else {
            if !self.patch.pathless {
                return Err(SandboxRefusal::no_target("an operation needs a path"));
            }
            let Some(Value::Object(attributes)) = value else { return Ok(0) };
            self.check_values(kind, attributes)?;
            return Ok(attributes.get("members").and_then(Value::as_array).map_or(0, Vec::len));
        };
        if self.patch.pathless && !removes && !path.contains('[') {
            return Err(SandboxRefusal::invalid_path("operations name their attributes in the value here"));
        }
        if let Some(rest) = path.strip_prefix(ENTERPRISE_SCHEMA).filter(|rest| !rest.is_empty()) {
            let dotted = self.patch.extension_separator.as_deref() == Some("dot");
            if rest.starts_with('.') != dotted {
                return Err(SandboxRefusal::invalid_path(
                    "the extension's attribute is named differently here",
                ));
            }
        }
        let is_member =
            path.split(['[', '.']).next().is_some_and(|name| name.eq_ignore_ascii_case("members"));
        if is_member {
            let by_filter = path.contains('[');
            if removes && by_filter != (self.membership.remove_form == "filter") {
                return Err(SandboxRefusal::invalid_path("members are removed in another way here"));
            }
            return Ok(value.and_then(Value::as_array).map_or(1, Vec::len));
        }
        self.check_path(kind, path)?;
        if let Some(value) = value {
            self.check_value(value)?;
            if path.eq_ignore_ascii_case("userName") {
                self.check_domain(value.as_str())?;
            }
            if let Some(length) = value.as_str().map(|value| value.chars().count()) {
                self.check_length(kind, path, length)?;
            }
        }
        Ok(0)
    }
}
