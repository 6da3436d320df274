//! `ServiceProviderConfig`, `ResourceTypes` and `Schemas`.

use serde_json::{Value, json};

use crate::answer::{Answer, Refusal};
use crate::behaviour::Behaviour;
use crate::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA};

/// The answer for a discovery path (first segment, and the one behind it).
pub(crate) fn answer(endpoint: &str, name: Option<&str>, behaviour: &Behaviour) -> Result<Answer, Refusal> {
    let all = match endpoint {
        "ServiceProviderConfig" => return Ok(Answer::json(200, &provider(behaviour))),
        "ResourceTypes" => resource_types(),
        _ => schemas(),
    };
    match name {
        None => Ok(Answer::json(200, &list(&all))),
        Some(name) => {
            let found =
                all.iter().find(|one| one["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(name)));
            found.map(|one| Answer::json(200, one)).ok_or_else(|| Refusal::not_found(name))
        }
    }
}

fn list(all: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(), "startIndex": 1, "itemsPerPage": all.len(), "Resources": all,
    })
}

fn provider(behaviour: &Behaviour) -> Value {
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

fn schemas() -> Vec<Value> {
    let text = |name: &str| attribute(name, "string", false, &[]);
    let list = |name: &str| attribute(name, "complex", true, &["value", "type", "display"]);
    let mut user: Vec<Value> = ["externalId", "displayName", "title", "userType"].map(text).to_vec();
    user.push(required(text("userName")));
    user.push(attribute("active", "boolean", false, &[]));
    user.push(attribute("name", "complex", false, &["formatted", "familyName", "givenName"]));
    user.extend(["emails", "phoneNumbers", "addresses", "groups"].map(list));
    let group = vec![text("externalId"), required(text("displayName")), list("members")];
    let mut enterprise: Vec<Value> =
        ["employeeNumber", "costCenter", "organization", "division", "department"].map(text).to_vec();
    enterprise.push(attribute("manager", "complex", false, &["value", "displayName"]));
    vec![
        schema(USER_SCHEMA, "User", &user),
        schema(GROUP_SCHEMA, "Group", &group),
        schema(ENTERPRISE_SCHEMA, "EnterpriseUser", &enterprise),
    ]
}

fn schema(id: &str, name: &str, attributes: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id, "name": name, "description": name, "attributes": attributes,
    })
}

fn required(mut attribute: Value) -> Value {
    attribute["required"] = true.into();
    attribute["uniqueness"] = "server".into();
    attribute
}

fn attribute(name: &str, kind: &str, multi_valued: bool, parts: &[&str]) -> Value {
    let mut attribute = json!({
        "name": name, "type": kind, "multiValued": multi_valued, "required": false, "caseExact": name == "externalId",
        "mutability": if name == "groups" { "readOnly" } else { "readWrite" },
        "returned": "default", "uniqueness": "none",
    });
    if !parts.is_empty() {
        attribute["subAttributes"] =
            parts.iter().map(|part| self::attribute(part, "string", false, &[])).collect();
    }
    attribute
}
