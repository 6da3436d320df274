//! The documents with which the service describes itself (RFC 7644, 4; RFC 7643, 5 to 7).

use serde_json::{Value, json};

use crate::ResourceType;
use crate::schema::{META_SCHEMAS, ResourceSchema, SCHEMAS};
use crate::{BULK_OPERATIONS_MAX, PAGE_MAX};

const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// The capabilities that depend on the configuration.
#[derive(Debug, Clone, Copy)]
pub struct ServiceFeatures {
    /// The maximum size of the body of a bulk request, in bytes.
    pub bulk_bytes_max: usize,
}

/// Returns the document at `/ServiceProviderConfig`.
pub fn service_provider_config(features: ServiceFeatures, base: &str) -> Value {
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {
            "supported": true, "maxOperations": BULK_OPERATIONS_MAX, "maxPayloadSize": features.bulk_bytes_max,
        },
        "filter": {"supported": true, "maxResults": PAGE_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
            "description": "The source's token in the header Authorization",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
        }],
        "meta": meta_document("ServiceProviderConfig", &format!("{base}/ServiceProviderConfig")),
    })
}

/// Returns the documents at `/ResourceTypes`.
pub fn resource_types(base: &str) -> Vec<Value> {
    ResourceType::ALL.into_iter().map(|kind| resource_type(kind, base)).collect()
}

/// Returns the document of one resource type.
fn resource_type(kind: ResourceType, base: &str) -> Value {
    let extensions: Vec<Value> =
        kind.extensions().iter().map(|urn| json!({"schema": urn, "required": false})).collect();
    let mut document = json!({
        "schemas": [RESOURCE_TYPE],
        "id": kind.name(),
        "name": kind.name(),
        "description": kind.name(),
        "endpoint": format!("/{}", kind.endpoint()),
        "schema": kind.schema(),
        "meta": meta_document("ResourceType", &format!("{base}/ResourceTypes/{}", kind.name())),
    });
    if !extensions.is_empty() {
        document["schemaExtensions"] = extensions.into();
    }
    document
}

/// Returns the documents at `/Schemas`.
pub fn list_schemas(base: &str) -> Vec<Value> {
    SCHEMAS.iter().chain(META_SCHEMAS.iter()).map(|schema| schema_document(schema, base)).collect()
}

fn schema_document(schema: &ResourceSchema, base: &str) -> Value {
    json!({
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.about,
        "attributes": schema.documents(),
        "meta": meta_document("Schema", &format!("{base}/Schemas/{}", schema.id)),
    })
}

fn meta_document(resource_type: &str, location: &str) -> Value {
    json!({"resourceType": resource_type, "location": location})
}
