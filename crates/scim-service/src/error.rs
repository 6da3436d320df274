//! SCIM errors (RFC 7644, 3.12).

use serde_json::{Value, json};

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The reason why a request is refused. The detail names attributes, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct ScimServiceError {
    /// The HTTP status.
    pub status: u16,
    /// The keyword of RFC 7644, table 9, if one matches.
    pub scim_type: Option<&'static str>,
    /// A description of the error for display.
    pub detail: String,
}

impl ScimServiceError {
    /// Creates an error of `status` without a keyword.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    fn keyed(status: u16, scim_type: &'static str, detail: impl Into<String>) -> Self {
        Self { status, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// The filter is not valid, or compares values that cannot be compared.
    pub fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::keyed(400, "invalidFilter", detail)
    }

    /// There are more results or operations than the service processes.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::keyed(400, "tooMany", detail)
    }

    /// Another resource has the value.
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self::keyed(409, "uniqueness", detail)
    }

    /// The attribute cannot be changed in this way.
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::keyed(400, "mutability", detail)
    }

    /// The body does not have the required form.
    pub fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::keyed(400, "invalidSyntax", detail)
    }

    /// The path of a PATCH operation is not valid.
    pub fn invalid_path(detail: impl Into<String>) -> Self {
        Self::keyed(400, "invalidPath", detail)
    }

    /// The path of a PATCH operation selects nothing.
    pub fn no_target(detail: impl Into<String>) -> Self {
        Self::keyed(400, "noTarget", detail)
    }

    /// A required value is missing, or a value is of the wrong type.
    pub fn invalid_value(detail: impl Into<String>) -> Self {
        Self::keyed(400, "invalidValue", detail)
    }

    /// There is no such resource or endpoint.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, detail)
    }

    /// Returns the body of the answer.
    pub fn body(&self) -> Value {
        let mut body = json!({"schemas": [ERROR], "status": self.status.to_string(), "detail": self.detail});
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = scim_type.into();
        }
        body
    }
}
