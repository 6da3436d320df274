//! One call, as the server understands it.

use axum::body::Bytes;
use axum::http::{Method, Uri};
use serde_json::Value;
use time::OffsetDateTime;

use crate::RequestKind;

/// The SCIM parts of one request.
#[derive(Debug)]
pub(crate) struct ScimCall {
    pub method: Method,
    pub uri: Uri,
    pub content_type: Option<String>,
    pub bytes: Bytes,
    pub user_agent: Option<String>,
    /// The parsed body; `None` if there is none or it is not JSON.
    pub body: Option<Value>,
    pub route: ScimRoute,
    pub arrived: OffsetDateTime,
}

/// The resource that a path points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScimRoute {
    pub kind: RequestKind,
    /// The first segment.
    pub endpoint: String,
    /// The second segment.
    pub id: Option<String>,
}

impl ScimRoute {
    /// Parses a path below the base path.
    pub(crate) fn parse(path: &str) -> Self {
        let mut segments = path.trim_matches('/').splitn(2, '/');
        let endpoint = segments.next().unwrap_or_default().to_owned();
        let id = segments.next().map(str::to_owned);
        let nested = id.as_ref().is_some_and(|id| id.contains('/'));
        let kind = match endpoint.as_str() {
            _ if nested => RequestKind::Other,
            "Users" => RequestKind::User,
            "Groups" => RequestKind::Group,
            "ServiceProviderConfig" | "ResourceTypes" | "Schemas" => RequestKind::Discovery,
            _ => RequestKind::Other,
        };
        Self { kind, endpoint, id }
    }
}
