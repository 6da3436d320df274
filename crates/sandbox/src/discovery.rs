//! `ServiceProviderConfig`, `ResourceTypes` and `Schemas`.

use serde_json::{Value, json};

use crate::answer::{SandboxAnswer, SandboxRefusal};
use crate::behaviour::SandboxBehaviour;
use crate::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA};

/// Returns the answer for a discovery path: its first segment and the one after it.
pub(crate) fn answer_discovery(
    endpoint: &str,
    name: Option<&str>,
    behaviour: &SandboxBehaviour,
) -> Result<SandboxAnswer, SandboxRefusal> {
    let all = match endpoint {
        "ServiceProviderConfig" => return Ok(SandboxAnswer::json(200, &provider_config(behaviour))),
        "ResourceTypes" => resource_types(),
        _ => list_schemas(),
    };
    match name {
        None => Ok(SandboxAnswer::json(200, &list_response(&all))),
        Some(name) => {
            let found =
                all.iter().find(|one| one["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(name)));
            found.map(|one| SandboxAnswer::json(200, one)).ok_or_else(|| SandboxRefusal::not_found(name))
        }
    }
}

fn list_response(all: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(), "startIndex": 1, "itemsPerPage": all.len(), "Resources": all,
    })
}

/// Returns the `ServiceProviderConfig`.
fn provider_config(behaviour: &SandboxBehaviour) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": behaviour.count_max },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": false },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "description": "RFC 6750", "primary": true,
        }],
    })
}

fn resource_types() -> Vec<Value> {
    let schema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    vec![
        json!({
            "schemas": [schema], "id": "User", "name": "User", "endpoint": "/Users", "schema": USER_SCHEMA,
            "schemaExtensions": [{ "schema": ENTERPRISE_SCHEMA, "required": false }],
        }),
        json!({ "schemas": [schema], "id": "Group", "name": "Group", "endpoint": "/Groups", "schema": GROUP_SCHEMA }),
    ]
}

/// Returns the schemas.
fn list_schemas() -> Vec<Value> {
    let text = |name: &str| attribute_document(name, "string", false, &[]);
    let list = |name: &str| attribute_document(name, "complex", true, &["value", "type", "display"]);
    let mut user: Vec<Value> = ["externalId", "displayName", "title", "userType"].map(text).to_vec();
    user.push(required_attribute(text("userName")));
    user.push(attribute_document("active", "boolean", false, &[]));
    user.push(attribute_document("name", "complex", false, &["formatted", "familyName", "givenName"]));
    user.extend(["emails", "phoneNumbers", "addresses", "groups"].map(list));
    let group = vec![text("externalId"), required_attribute(text("displayName")), list("members")];
    let mut enterprise: Vec<Value> =
        ["employeeNumber", "costCenter", "organization", "division", "department"].map(text).to_vec();
    enterprise.push(attribute_document("manager", "complex", false, &["value", "displayName"]));
    vec![
        schema_document(USER_SCHEMA, "User", &user),
        schema_document(GROUP_SCHEMA, "Group", &group),
        schema_document(ENTERPRISE_SCHEMA, "EnterpriseUser", &enterprise),
    ]
}

fn schema_document(id: &str, name: &str, attributes: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id, "name": name, "description": name, "attributes": attributes,
    })
}

fn required_attribute(mut attribute: Value) -> Value {
    attribute["required"] = true.into();
    attribute["uniqueness"] = "server".into();
    attribute
}

fn attribute_document(name: &str, kind: &str, multi_valued: bool, parts: &[&str]) -> Value {
    let mut attribute = json!({
        "name": name, "type": kind, "multiValued": multi_valued, "required": false, "caseExact": name == "externalId",
        "mutability": if name == "groups" { "readOnly" } else { "readWrite" },
        "returned": "default", "uniqueness": "none",
    });
    if !parts.is_empty() {
        attribute["subAttributes"] =
            parts.iter().map(|part| self::attribute_document(part, "string", false, &[])).collect();
    }
    attribute
}
