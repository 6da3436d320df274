//! The result of a SCIM request: an answer, or a refusal with its `scimType`.

use serde_json::json;

/// The answer before a fault changes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SandboxAnswer {
    pub status: u16,
    /// The body; empty means no body.
    pub body: Vec<u8>,
    pub location: Option<String>,
    pub retry_after: Option<String>,
    /// The id of the affected resource, if it is not in the path.
    pub resource_id: Option<String>,
}

impl SandboxAnswer {
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, ..Self::default() }
    }

    /// Returns an answer with a JSON body.
    pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Self {
        Self::new(status, serde_json::to_vec(body).expect("maps with text keys always serialise"))
    }

    /// Returns a SCIM error (RFC 7644, 3.12).
    pub(crate) fn error(status: u16, scim_type: Option<&str>, detail: &str) -> Self {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(),
            "detail": detail,
        });
        if let Some(scim_type) = scim_type {
            body["scimType"] = scim_type.into();
        }
        Self::json(status, &body)
    }
}

/// The reason why a request was refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SandboxRefusal {
    pub status: u16,
    pub scim_type: Option<&'static str>,
    pub detail: String,
}

impl SandboxRefusal {
    pub(crate) fn new(status: u16, scim_type: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { status, scim_type, detail: detail.into() }
    }

    pub(crate) fn invalid_value(detail: impl Into<String>) -> Self {
        Self::new(400, Some("invalidValue"), detail)
    }

    pub(crate) fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::new(400, Some("invalidSyntax"), detail)
    }

    pub(crate) fn invalid_path(detail: impl Into<String>) -> Self {
        Self::new(400, Some("invalidPath"), detail)
    }

    pub(crate) fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::new(400, Some("invalidFilter"), detail)
    }

    pub(crate) fn no_target(detail: impl Into<String>) -> Self {
        Self::new(400, Some("noTarget"), detail)
    }

    pub(crate) fn mutability(detail: impl Into<String>) -> Self {
        Self::new(400, Some("mutability"), detail)
    }

    pub(crate) fn not_found(id: &str) -> Self {
        Self::new(404, None, format!("resource {id} not found"))
    }

    /// Returns the refusal as a SCIM error.
    pub(crate) fn into_answer(self) -> SandboxAnswer {
        SandboxAnswer::error(self.status, self.scim_type, &self.detail)
    }
}
