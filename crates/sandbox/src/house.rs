//! The rules of a target profile, enforced by the server. The server refuses everything
//! that the target cannot do according to the profile, and requires everything that the
//! target requires. A client that follows the profile is therefore never refused.
//!
//! The rules are read from the same file as the client reads, with separate code.

mod rate;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::SandboxRefusal;
use crate::attributes::{attribute_text, get_attribute};
use crate::call::ScimCall;
use crate::{ENTERPRISE_SCHEMA, RequestKind};
use rate::RateRules;
pub(crate) use rate::RequestLimit;
use words::{LookupRules, MembershipRules, PatchRules, RequiredAttribute, RulesPerKind, UpdateMethods};

/// The fields of a profile that a server can enforce. Their names are those of profile files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileRules {
    page_size: usize,
    update_method: UpdateMethods,
    patch: PatchRules,
    string_booleans: bool,
    string_numbers: bool,
    attributes: RulesPerKind<Vec<String>>,
    single_valued: bool,
    lookups: RulesPerKind<Option<LookupRules>>,
    filter_terms_max: Option<usize>,
    paging: String,
    membership: MembershipRules,
    delete: String,
    hides_disabled: bool,
    lengths_max: RulesPerKind<BTreeMap<String, usize>>,
    domains: Vec<String>,
    required: RulesPerKind<Vec<RequiredAttribute>>,
    rate: RateRules,
}

impl Default for ProfileRules {
    fn default() -> Self {
        Self {
            page_size: 100,
            update_method: UpdateMethods::Both("patch".to_owned()),
            patch: PatchRules::default(),
            string_booleans: false,
            string_numbers: false,
            attributes: RulesPerKind::default(),
            single_valued: false,
            lookups: RulesPerKind::default(),
            filter_terms_max: None,
            paging: "index".to_owned(),
            membership: MembershipRules::default(),
            delete: "hard".to_owned(),
            hides_disabled: false,
            lengths_max: RulesPerKind::default(),
            domains: Vec::new(),
            required: RulesPerKind::default(),
            rate: RateRules::default(),
        }
    }
}

impl ProfileRules {
    /// Reads a profile file.
    ///
    /// # Errors
    /// A description of the error in the file.
    pub fn read(yaml: &str) -> Result<Self, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    /// Returns the rate limits.
    pub(crate) fn limits(&self) -> Vec<RequestLimit> {
        self.rate.limits()
    }

    /// Returns the maximum number of resources on a page.
    pub(crate) fn page_size(&self) -> usize {
        self.page_size
    }

    /// Returns `true` if reading a group returns its members.
    pub(crate) fn shows_members(&self) -> bool {
        self.membership.readable
    }

    /// Returns `true` if groups may be members of groups.
    pub(crate) fn nests(&self) -> bool {
        self.membership.nested == "keep"
    }

    /// Returns `true` if a disabled account is answered with 404.
    pub(crate) fn hides_disabled(&self) -> bool {
        self.hides_disabled
    }

    /// Returns `true` if lists are paged by cursor.
    pub(crate) fn pages_by_cursor(&self) -> bool {
        self.paging == "cursor"
    }

    /// Returns `true` if a list is one answer.
    pub(crate) fn has_one_page(&self) -> bool {
        self.paging == "none"
    }

    /// Refuses requests that the profile does not allow.
    pub(crate) fn check(&self, call: &ScimCall) -> Result<(), SandboxRefusal> {
        if call.user_agent.is_none() {
            return Err(SandboxRefusal::new(403, None, "requests need a User-Agent"));
        }
        let kind = call.route.kind;
        if !matches!(kind, RequestKind::User | RequestKind::Group) {
            return Ok(());
        }
        let query = call.uri.query().unwrap_or_default();
        let asks_for = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
        match call.method {
            Method::GET => {
                if asks_for("startIndex") && self.paging != "index" {
                    return Err(SandboxRefusal::invalid_value("there are no pages by index here"));
                }
                Ok(())
            }
            Method::DELETE if self.delete != "hard" => {
                Err(SandboxRefusal::new(405, None, "nothing can be deleted here"))
            }
            Method::PATCH if kind == RequestKind::User && self.update_method.is_put(kind) => {
                Err(SandboxRefusal::new(405, None, "accounts are changed by PUT here"))
            }
            Method::PATCH if self.membership.method == "put" && kind == RequestKind::Group => {
                Err(SandboxRefusal::new(405, None, "groups are changed by PUT here"))
            }
            Method::PUT if !self.update_method.is_put(kind) && !self.changes_members_by_put(kind) => {
                Err(SandboxRefusal::new(405, None, "resources are changed by PATCH here"))
            }
            Method::PATCH => self.check_patch(call),
            Method::POST | Method::PUT => {
                let Some(Value::Object(body)) = &call.body else { return Ok(()) };
                self.check_resource(kind, body, call.method == Method::POST)
            }
            _ => Ok(()),
        }
    }

    fn changes_members_by_put(&self, kind: RequestKind) -> bool {
        kind == RequestKind::Group && self.membership.method == "put"
    }

    /// Returns `true` if a filter tests for a group with a member. This is allowed although neither attribute is filterable.
    fn asks_for_member(&self, name: &str) -> bool {
        let attribute = self.membership.asked_by.as_deref();
        attribute.is_some_and(|attribute| name.eq_ignore_ascii_case(attribute) || name == "id")
    }

    /// Refuses filters on other attributes, and filters with too many terms.
    pub(crate) fn check_filter(&self, kind: RequestKind, filter: &str) -> Result<(), SandboxRefusal> {
        let usual = || LookupRules {
            filterable: vec!["externalId".into(), "userName".into(), "displayName".into()],
            or: false,
        };
        let lookup = self.lookups.of(kind).clone().unwrap_or_else(usual);
        let terms: Vec<&str> = filter.split(" or ").flat_map(|part| part.split(" and ")).collect();
        if filter.contains(" or ") && !lookup.or {
            return Err(SandboxRefusal::invalid_filter("`or` is not supported"));
        }
        if self.filter_terms_max.is_some_and(|most| terms.len() > most) {
            return Err(SandboxRefusal::invalid_filter("the filter has too many terms"));
        }
        for term in terms {
            let name = term.trim().split(' ').next().unwrap_or_default();
            let is_known = lookup.filterable.iter().any(|known| known.eq_ignore_ascii_case(name));
            let asks_for_member = kind == RequestKind::Group && self.asks_for_member(name);
            if !is_known && !asks_for_member {
                return Err(SandboxRefusal::invalid_filter(format!("{name} cannot be filtered by")));
            }
            if !term.contains(" eq ") {
                return Err(SandboxRefusal::invalid_filter("only `eq` is supported"));
            }
        }
        Ok(())
    }

    /// Converts the body from the profile's notation to that of RFC 7644.
    pub(crate) fn plain<'b>(&self, body: &'b Value) -> Cow<'b, Value> {
        let has_dots = self.patch.extension_separator.as_deref() == Some("dot");
        if !self.string_booleans && !has_dots {
            return Cow::Borrowed(body);
        }
        let mut body = body.clone();
        if self.string_booleans {
            make_truths(&mut body);
        }
        for operation in body.get_mut("Operations").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(Value::String(path)) = operation.get_mut("path")
                && has_dots
                && path.starts_with(ENTERPRISE_SCHEMA)
                && path.as_bytes().get(ENTERPRISE_SCHEMA.len()) == Some(&b'.')
            {
                path.replace_range(ENTERPRISE_SCHEMA.len()..=ENTERPRISE_SCHEMA.len(), ":");
            }
            let is_flag = operation.get("path").and_then(Value::as_str) == Some("active");
            if let Some(value) = operation.get_mut("value").filter(|_| is_flag && self.string_booleans) {
                make_truth(value);
            }
        }
        Cow::Owned(body)
    }

    /// Checks the limits and the form of a PATCH.
    fn check_patch(&self, call: &ScimCall) -> Result<(), SandboxRefusal> {
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

    /// Checks a whole resource. Required attributes are only checked if it is new.
    fn check_resource(
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
    fn check_values(&self, kind: RequestKind, attributes: &Map<String, Value>) -> Result<(), SandboxRefusal> {
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
    fn check_path(&self, kind: RequestKind, path: &str) -> Result<(), SandboxRefusal> {
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
    fn check_value(&self, value: &Value) -> Result<(), SandboxRefusal> {
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

    fn check_domain(&self, user_name: Option<&str>) -> Result<(), SandboxRefusal> {
        let domain = user_name.and_then(|name| name.rsplit_once('@')).map_or("", |(_, domain)| domain);
        if self.domains.is_empty() || self.domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Ok(());
        }
        Err(SandboxRefusal::invalid_value("the domain is not registered"))
    }

    fn check_length(&self, kind: RequestKind, path: &str, length: usize) -> Result<(), SandboxRefusal> {
        let most = self.lengths_max.of(kind).iter().find(|(known, _)| known.eq_ignore_ascii_case(path));
        if most.is_some_and(|(_, most)| length > *most) {
            return Err(SandboxRefusal::invalid_value(format!("{path} is too long")));
        }
        Ok(())
    }
}

/// Converts text to booleans where an attribute is boolean.
fn make_truths(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if ["active", "primary"].iter().any(|flag| flag.eq_ignore_ascii_case(name)) {
                    make_truth(value);
                } else {
                    make_truths(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_truths),
        _ => {}
    }
}

fn make_truth(value: &mut Value) {
    match value.as_str() {
        Some("true" | "True") => *value = Value::Bool(true),
        Some("false" | "False") => *value = Value::Bool(false),
        _ => {}
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
