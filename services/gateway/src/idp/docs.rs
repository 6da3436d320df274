//! The part of the OpenAPI document for identity providers. SCIM's own documents, such as `/Schemas`, describe the
//! resources.

mod schemas;

use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

use schemas::{
    ScimBulkAnswerSchema, ScimBulkSchema, ScimDocumentListSchema, ScimListSchema, ScimPatchSchema,
    ScimResourceBodySchema, ScimResourceSchema, ScimSearchSchema, ScimServiceSchema,
};

/// The paths below `/scim/v2`.
#[derive(OpenApi)]
#[openapi(
    paths(
        list, create, search, get, replace, patch, remove, bulk, service_provider_config, schemas, resource_types
    ),
    components(schemas(ScimErrorSchema)),
    tags((name = "scim", description = "Identity providers that treat Usher as an application (RFC 7644)"))
)]
pub(crate) struct ScimApi;

/// A SCIM error.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ScimErrorSchema {
    schemas: Vec<String>,
    /// The HTTP status code.
    status: String,
    /// The SCIM error keyword (RFC 7644, table 9).
    #[schema(rename = "scimType")]
    scim_type: Option<String>,
    /// A description of the error.
    detail: String,
}

/// The query parameters of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used")]
struct ListParameters {
    /// A SCIM filter expression.
    filter: Option<String>,
    /// The index of the first resource on the page, starting at 1.
    #[param(rename = "startIndex")]
    start_index: Option<i64>,
    /// The maximum number of resources on the page.
    count: Option<i64>,
    /// The attribute to sort by.
    #[param(rename = "sortBy")]
    sort_by: Option<String>,
    /// The sort order: `ascending` or `descending`.
    #[param(rename = "sortOrder")]
    sort_order: Option<String>,
    /// The names of the attributes to return.
    attributes: Option<String>,
    /// The names of the attributes to leave out.
    #[param(rename = "excludedAttributes")]
    excluded_attributes: Option<String>,
}

/// The responses of a refused SCIM request.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
enum ScimRefusalResponses {
    /// The body, the filter or a path is invalid; `scimType` says which.
    #[response(status = 400, content_type = "application/scim+json")]
    Wrong(ScimErrorSchema),
    /// The token is missing or unknown.
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthorised(ScimErrorSchema),
    /// The resource does not exist.
    #[response(status = 404, content_type = "application/scim+json")]
    Missing(ScimErrorSchema),
    /// Another resource has the same name.
    #[response(status = 409, content_type = "application/scim+json")]
    Taken(ScimErrorSchema),
    /// The resource's version differs from that in `If-Match`.
    #[response(status = 412, content_type = "application/scim+json")]
    Changed(ScimErrorSchema),
    /// The body or the resource is too large.
    #[response(status = 413, content_type = "application/scim+json")]
    TooLarge(ScimErrorSchema),
    /// The content type is not supported.
    #[response(status = 415, content_type = "application/scim+json")]
    MediaType(ScimErrorSchema),
    /// Too many events per second or concurrent requests. Retry after `Retry-After`.
    #[response(status = 429, content_type = "application/scim+json")]
    TooFast(ScimErrorSchema),
    /// The change is not known to be stored. Repeat the request after `Retry-After`.
    #[response(status = 503, content_type = "application/scim+json")]
    Unavailable(ScimErrorSchema),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $method:ident $path:literal $id:literal $name:ident
        ($($parameter:tt)*) [$($more:tt)*] ($status:literal, $answer:literal $(, $body:ident)? $(, $bare:literal)?);)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            $method, path = $path, operation_id = $id, tag = "scim",
            params(("source" = String, Path, description = "The provider's name in the configuration; may be left out."),
                   $($parameter)*),
            $($more)*
            responses((status = $status, description = $answer $(, content_type = "application/scim+json", body = $body)?),
                      $((status = $bare, description = "The change is applied; the response has no body."),)? ScimRefusalResponses)
        )]
        #[expect(dead_code, reason = "only its description is used")]
        fn $name() {}
    )*};
}

operations! {
    /// List users or groups
    get "/scim/v2/{source}/{resources}" "scimList" list
        (("resources" = String, Path, description = "`Users` or `Groups`."), ListParameters)
        [security(("bearer" = [])),] (200, "A ListResponse.", ScimListSchema);
    /// Create a user or group
    ///
    /// Returns 201 only after the events are durably stored. Repeating the request after a 503 is safe: see docs/sources/scim-inbound.md.
    post "/scim/v2/{source}/{resources}" "scimCreate" create
        (("resources" = String, Path, description = "`Users` or `Groups`."))
        [security(("bearer" = [])), request_body(content = ScimResourceBodySchema, content_type = "application/scim+json"),] (201, "The resource.", ScimResourceSchema);
    /// Search users or groups
    post "/scim/v2/{source}/{resources}/.search" "scimSearch" search
        (("resources" = String, Path, description = "`Users` or `Groups`."))
        [security(("bearer" = [])), request_body(content = ScimSearchSchema, content_type = "application/scim+json"),] (200, "A ListResponse.", ScimListSchema);
    /// Get a user or group
    get "/scim/v2/{source}/{resources}/{id}" "scimGet" get
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "The id of the resource."))
        [security(("bearer" = [])),] (200, "The resource.", ScimResourceSchema);
    /// Replace a user or group
    ///
    /// A request without `active` or `members` leaves them unchanged.
    put "/scim/v2/{source}/{resources}/{id}" "scimReplace" replace
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "The id of the resource."))
        [security(("bearer" = [])), request_body(content = ScimResourceBodySchema, content_type = "application/scim+json"),] (200, "The resource.", ScimResourceSchema);
    /// Update a user or group
    ///
    /// Applies all operations or none. Returns 204 for a group unless attributes are requested.
    patch "/scim/v2/{source}/{resources}/{id}" "scimPatch" patch
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "The id of the resource."))
        [security(("bearer" = [])), request_body(content = ScimPatchSchema, content_type = "application/scim+json"),] (200, "The resource.", ScimResourceSchema, 204);
    /// Delete a user or group
    delete "/scim/v2/{source}/{resources}/{id}" "scimDelete" remove
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "The id of the resource."))
        [security(("bearer" = [])),] (204, "The resource is deleted.");
    /// Submit a bulk request
    ///
    /// Operations may refer to each other by `bulkId`, in any order. Each operation succeeds or fails on its own.
    post "/scim/v2/{source}/Bulk" "scimBulk" bulk
        () [security(("bearer" = [])), request_body(content = ScimBulkSchema, content_type = "application/scim+json"),] (200, "A BulkResponse.", ScimBulkAnswerSchema);
    /// Get the service provider configuration
    get "/scim/v2/{source}/ServiceProviderConfig" "scimServiceProviderConfig" service_provider_config
        () [security(()),] (200, "A ServiceProviderConfig; no token is needed.", ScimServiceSchema);
    /// List the schemas
    get "/scim/v2/{source}/Schemas" "scimSchemas" schemas
        () [security(()),] (200, "A ListResponse of schemas; no token is needed.", ScimDocumentListSchema);
    /// List the resource types
    get "/scim/v2/{source}/ResourceTypes" "scimResourceTypes" resource_types
        () [security(()),] (200, "A ListResponse of resource types; no token is needed.", ScimDocumentListSchema);
}
