//! Bulk requests (RFC 7644, 3.7). An operation may refer to resources that other
//! operations create, by `bulkId:...`, in any order. Only circular references are refused.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{ResourceTree, ResourceType, ScimServiceError, get_value};

/// The maximum number of operations in one request.
pub const BULK_OPERATIONS_MAX: usize = 1_000;

const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const REFERENCE: &str = "bulkId:";

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimBulkRequest {
    /// The operations, in the order of the request.
    pub operations: Vec<ScimBulkOperation>,
    /// The number of errors after which the remaining operations are skipped.
    pub fail_on_errors: Option<usize>,
}

/// One operation of a bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimBulkOperation {
    /// The HTTP method as it was sent.
    pub method: String,
    /// The client's identifier of the operation.
    pub bulk_id: Option<String>,
    /// The parsed operation, or the error in it.
    pub step: Result<BulkStep, ScimServiceError>,
}

/// The action of an operation. Ids may be references.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkStep {
    /// The type of the resource.
    pub kind: ResourceType,
    /// The id of the resource; `None` for a POST.
    pub id: Option<String>,
    /// The body of the operation.
    pub data: Value,
    /// The required version of the resource, as in `If-Match`.
    pub version: Option<String>,
}

impl ScimBulkRequest {
    /// Reads the body of `POST /Bulk`.
    ///
    /// # Errors
    /// Fails if it is not a bulk request, or too large. An invalid operation carries its own error.
    pub fn parse(body: Value) -> Result<Self, ScimServiceError> {
        let wrong = ScimServiceError::invalid_syntax;
        let Value::Object(body) = body else { return Err(wrong("the body must be an object")) };
        let is_bulk = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST));
        if let Some(schemas) = get_value(&body, "schemas")
            && !schemas.as_array().is_some_and(|schemas| schemas.iter().any(is_bulk))
        {
            return Err(wrong("`schemas` must name the schema of bulk requests"));
        }
        let fail_on_errors = match get_value(&body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(number) => match number.as_u64().and_then(|number| usize::try_from(number).ok()) {
                Some(number) if number > 0 => Some(number),
                _ => return Err(ScimServiceError::invalid_value("`failOnErrors` must be a number above 0")),
            },
        };
        let Some(Value::Array(operations)) = get_value(&body, "Operations") else {
            return Err(wrong("`Operations` must be a list"));
        };
        if operations.len() > BULK_OPERATIONS_MAX {
            let detail = format!("a bulk request may have at most {BULK_OPERATIONS_MAX} operations");
            return Err(ScimServiceError::new(413, detail));
        }
        let operations: Vec<ScimBulkOperation> = operations.iter().map(ScimBulkOperation::read).collect();
        let mut names = std::collections::HashSet::new();
        let doubled =
            operations.iter().filter_map(|operation| operation.bulk_id.as_ref()).any(|id| !names.insert(id));
        if doubled {
            return Err(ScimServiceError::invalid_value("two operations have the same `bulkId`"));
        }
        Ok(Self { operations, fail_on_errors })
    }
}

impl ScimBulkOperation {
    fn read(operation: &Value) -> Self {
        let empty = Map::new();
        let fields = operation.as_object().unwrap_or(&empty);
        let text = |name: &str| get_value(fields, name).and_then(Value::as_str).map(str::to_owned);
        let method = text("method").unwrap_or_default().to_ascii_uppercase();
        let bulk_id = text("bulkId").filter(|id| !id.is_empty());
        let step = BulkStep::read(fields, &method, bulk_id.is_some());
        Self { method, bulk_id, step }
    }
}

impl BulkStep {
    /// Reads the action of an operation.
    fn read(fields: &ResourceTree, method: &str, has_bulk_id: bool) -> Result<Self, ScimServiceError> {
        let wrong = ScimServiceError::invalid_syntax;
        if !["POST", "PUT", "PATCH", "DELETE"].contains(&method) {
            return Err(wrong("`method` must be POST, PUT, PATCH or DELETE"));
        }
        let path = get_value(fields, "path").and_then(Value::as_str).unwrap_or_default();
        let mut segments = path.trim_start_matches('/').splitn(2, '/');
        let kind = segments.next().and_then(ResourceType::at);
        let kind = kind.ok_or_else(|| wrong("`path` must begin with /Users or /Groups"))?;
        let id = segments.next().filter(|id| !id.is_empty()).map(str::to_owned);
        match (method, &id) {
            ("POST", Some(_)) => return Err(wrong("a POST has no id in its `path`")),
            ("POST", None) if !has_bulk_id => return Err(wrong("a POST needs a `bulkId`")),
            ("PUT" | "PATCH" | "DELETE", None) => return Err(wrong("`path` must end with an id")),
            _ => {}
        }
        let data = get_value(fields, "data").cloned().unwrap_or_default();
        if method != "DELETE" && !data.is_object() {
            return Err(wrong("`data` must be an object"));
        }
        let version = get_value(fields, "version").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { kind, id, data, version })
    }

    /// Returns the identifiers of the other operations that it refers to.
    pub fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect_ids(&self.data, &mut found);
        found.extend(self.id.as_deref().and_then(|id| id.strip_prefix(REFERENCE)).map(str::to_owned));
        found
    }

    /// Replaces references with ids. Unknown references stay.
    #[must_use]
    pub fn resolved(mut self, ids: &HashMap<String, String>) -> Self {
        resolve_ids(&mut self.data, ids);
        let id = self.id.as_deref().and_then(|id| id.strip_prefix(REFERENCE)).and_then(|name| ids.get(name));
        if let Some(id) = id {
            self.id = Some(id.clone());
        }
        self
    }
}

fn collect_ids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text.strip_prefix(REFERENCE).map(str::to_owned)),
        Value::Array(list) => list.iter().for_each(|element| collect_ids(element, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect_ids(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn resolve_ids(value: &mut Value, ids: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix(REFERENCE).and_then(|name| ids.get(name)) {
                *text = id.clone();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|element| resolve_ids(element, ids)),
        Value::Object(fields) => fields.values_mut().for_each(|value| resolve_ids(value, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the answer to a bulk request, built from the answers to its operations.
pub fn bulk_answer(operations: Vec<Value>) -> Value {
    json!({"schemas": [BULK_RESPONSE], "Operations": operations})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(operations: Value) -> Result<ScimBulkRequest, ScimServiceError> {
        ScimBulkRequest::parse(
            json!({"schemas": [BULK_REQUEST], "failOnErrors": 1, "Operations": operations}),
        )
    }

    #[test]
    fn references_are_found_and_resolved_wherever_they_stand() {
        let request = parse(json!([
            {"method": "post", "path": "/Groups", "bulkId": "g", "data": {"members": [{"value": "bulkId:u"}]}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [{"value": "bulkId:u"}]}},
        ]))
        .unwrap();
        assert_eq!(request.fail_on_errors, Some(1));
        let step = |at: usize| request.operations[at].step.clone().unwrap();
        assert_eq!(step(0).references(), ["u"]);
        assert_eq!(step(1).references(), ["u", "g"]);
        let ids = HashMap::from([("u".to_owned(), "1".to_owned()), ("g".to_owned(), "2".to_owned())]);
        let done = step(1).resolved(&ids);
        assert_eq!((done.id.as_deref(), &done.data["Operations"][0]["value"]), (Some("2"), &json!("1")));
    }

    #[test]
    fn a_wrong_operation_does_not_spoil_the_others() {
        let request = parse(json!([
            {"method": "GET", "path": "/Users"}, {"method": "POST", "path": "/Users", "data": {}},
            {"method": "PUT", "path": "/Users", "data": {}}, {"method": "POST", "path": "/x", "bulkId": "a", "data": {}},
            {"method": "POST", "path": "/Users", "bulkId": "b"}, 7, {"method": "DELETE", "path": "/Users/1"},
        ]))
        .unwrap();
        let fine: Vec<bool> = request.operations.iter().map(|operation| operation.step.is_ok()).collect();
        assert_eq!(fine, [false, false, false, false, false, false, true]);
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        assert!(ScimBulkRequest::parse(json!([])).is_err());
        assert!(ScimBulkRequest::parse(json!({"Operations": {}})).is_err());
        assert!(ScimBulkRequest::parse(json!({"schemas": ["x"], "Operations": []})).is_err());
        let many = vec![json!({"method": "DELETE", "path": "/Users/1"}); BULK_OPERATIONS_MAX + 1];
        assert_eq!(parse(many.into()).unwrap_err().status, 413);
        let twice = json!([
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}},
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}},
        ]);
        assert_eq!(parse(twice).unwrap_err().scim_type, Some("invalidValue"));
    }
}
