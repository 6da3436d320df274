//! The shapes of SCIM's messages. Only their schemas are used: the parser reports every wrong field, which serde cannot.

#![expect(dead_code, reason = "only the schemas are used")]

use serde_json::Value;
use utoipa::ToSchema;

/// A user or group. Its other attributes are as `/Schemas` describes them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimResourceSchema {
    /// The URIs of its schemas.
    schemas: Vec<String>,
    /// The id, given by the service.
    id: String,
    /// The id, given by the provider.
    external_id: Option<String>,
    /// The login name of a user.
    user_name: Option<String>,
    /// The display name.
    display_name: Option<String>,
    /// `false` for a user whose access ends.
    active: Option<bool>,
    /// The members of a group.
    members: Option<Vec<ScimMemberSchema>>,
    /// The metadata.
    meta: ScimMetaSchema,
}

/// A user or group as a provider sends it. Its other attributes are as `/Schemas` describes them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimResourceBodySchema {
    /// The URIs of its schemas.
    schemas: Option<Vec<String>>,
    /// The id, given by the provider.
    external_id: Option<String>,
    /// The login name, required of a user.
    user_name: Option<String>,
    /// The display name, required of a group.
    display_name: Option<String>,
    /// `false` for a user whose access ends.
    active: Option<bool>,
    /// The members of a group.
    members: Option<Vec<ScimMemberSchema>>,
}

/// A member of a group.
#[derive(ToSchema)]
pub(super) struct ScimMemberSchema {
    /// The id of the member.
    value: String,
    /// The address of the member.
    #[schema(rename = "$ref")]
    reference: Option<String>,
    /// The resource type of the member: `User` or `Group`.
    r#type: Option<String>,
}

/// The metadata of a resource.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimMetaSchema {
    /// The resource type.
    resource_type: String,
    /// The time of its creation (RFC 3339).
    created: Option<String>,
    /// The time of its last change (RFC 3339).
    last_modified: Option<String>,
    /// The address.
    location: String,
    /// The entity tag, for `If-Match` and `If-None-Match`.
    version: Option<String>,
}

/// A page of resources (RFC 7644, section 3.4.2).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimListSchema {
    /// The schema URI of a list.
    schemas: Vec<String>,
    /// The number of resources on all pages.
    total_results: u64,
    /// The index of the first resource on the page, starting at 1.
    start_index: u64,
    /// The number of resources on the page.
    items_per_page: u64,
    /// The resources.
    #[schema(rename = "Resources")]
    resources: Vec<ScimResourceSchema>,
}

/// A list of documents that describe the service.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimDocumentListSchema {
    /// The schema URI of a list.
    schemas: Vec<String>,
    /// The number of documents.
    total_results: u64,
    /// The index of the first document: 1.
    start_index: u64,
    /// The number of documents.
    items_per_page: u64,
    /// The documents (RFC 7643, sections 6 and 7).
    #[schema(rename = "Resources", value_type = Vec<Object>)]
    resources: Vec<Value>,
}

/// A search (RFC 7644, section 3.4.3).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimSearchSchema {
    /// The schema URI of a search.
    schemas: Option<Vec<String>>,
    /// A SCIM filter expression.
    filter: Option<String>,
    /// The index of the first resource on the page, starting at 1.
    start_index: Option<i64>,
    /// The maximum number of resources on the page.
    count: Option<i64>,
    /// The attribute to sort by.
    sort_by: Option<String>,
    /// The sort order: `ascending` or `descending`.
    sort_order: Option<String>,
    /// The names of the attributes to return.
    attributes: Option<Vec<String>>,
    /// The names of the attributes to leave out.
    excluded_attributes: Option<Vec<String>>,
}

/// A change of a resource (RFC 7644, section 3.5.2).
#[derive(ToSchema)]
pub(super) struct ScimPatchSchema {
    /// The schema URI of a change.
    schemas: Option<Vec<String>>,
    /// The operations, in order.
    #[schema(rename = "Operations")]
    operations: Vec<ScimPatchOperationSchema>,
}

/// One operation of a change.
#[derive(ToSchema)]
pub(super) struct ScimPatchOperationSchema {
    /// The operation: `add`, `replace` or `remove`.
    op: String,
    /// The path to the attribute; left out if `value` names attributes.
    path: Option<String>,
    /// The value; left out to remove.
    value: Option<Value>,
}

/// A bulk request of an identity provider (RFC 7644, section 3.7).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimBulkSchema {
    /// The schema URI of a bulk request.
    schemas: Option<Vec<String>>,
    /// The number of errors after which the remaining operations are skipped.
    fail_on_errors: Option<u32>,
    /// The operations.
    #[schema(rename = "Operations")]
    operations: Vec<ScimBulkOperationSchema>,
}

/// One operation of a bulk request of an identity provider.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimBulkOperationSchema {
    /// The method: `POST`, `PUT`, `PATCH` or `DELETE`.
    method: String,
    /// The path: `/Users` or `/Groups`, followed by the id for all methods but `POST`.
    path: String,
    /// An id of the operation, chosen by the caller. Required for `POST`.
    bulk_id: Option<String>,
    /// The entity tag that the resource must have.
    version: Option<String>,
    /// The body of the operation; left out to delete.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// The results of a bulk request, one for each operation, in order.
#[derive(ToSchema)]
pub(super) struct ScimBulkAnswerSchema {
    /// The schema URI of a bulk response.
    schemas: Vec<String>,
    /// The results.
    #[schema(rename = "Operations")]
    operations: Vec<ScimBulkResultSchema>,
}

/// The result of one operation of a bulk request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimBulkResultSchema {
    /// The method of the operation.
    method: String,
    /// The id that the caller gave to the operation.
    bulk_id: Option<String>,
    /// The HTTP status code.
    status: String,
    /// The address of the resource.
    location: Option<String>,
    /// The entity tag of the resource.
    version: Option<String>,
    /// The error, if the operation failed.
    response: Option<super::ScimErrorSchema>,
}

/// The features of the service (RFC 7643, section 5).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ScimServiceSchema {
    /// The schema URI of this document.
    schemas: Vec<String>,
    /// The support for changes with PATCH.
    patch: ScimFeatureSchema,
    /// The support for bulk requests, and their limits.
    #[schema(value_type = Object)]
    bulk: Value,
    /// The support for filters, and the maximum number of results.
    #[schema(value_type = Object)]
    filter: Value,
    /// The support for changes of passwords.
    change_password: ScimFeatureSchema,
    /// The support for sorting.
    sort: ScimFeatureSchema,
    /// The support for entity tags.
    etag: ScimFeatureSchema,
    /// The ways to authenticate.
    #[schema(value_type = Vec<Object>)]
    authentication_schemes: Vec<Value>,
    /// The metadata.
    meta: ScimMetaSchema,
}

/// The support for a feature.
#[derive(ToSchema)]
pub(super) struct ScimFeatureSchema {
    /// `true` if the feature is supported.
    supported: bool,
}
