//! The part of the OpenAPI document that is about identity providers. SCIM's own documents, `/Schemas` and the rest, say
//! what resources look like.

use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

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
    /// The HTTP status.
    status: String,
    /// The keyword of RFC 7644, table 9.
    #[schema(rename = "scimType")]
    scim_type: Option<String>,
    /// What is wrong.
    detail: String,
}

/// What a list is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used")]
struct ListParameters {
    /// A SCIM filter.
    filter: Option<String>,
    /// The first resource of the page, from 1.
    #[param(rename = "startIndex")]
    start_index: Option<i64>,
    /// Most resources on the page.
    count: Option<i64>,
    /// An attribute.
    #[param(rename = "sortBy")]
    sort_by: Option<String>,
    /// `ascending` or `descending`.
    #[param(rename = "sortOrder")]
    sort_order: Option<String>,
    /// Names of the attributes to show.
    attributes: Option<String>,
    /// Names of the attributes to leave out.
    #[param(rename = "excludedAttributes")]
    excluded_attributes: Option<String>,
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
enum ScimRefusalResponses {
    /// The body, the filter or a path is wrong: `scimType` says which.
    #[response(status = 400, content_type = "application/scim+json")]
    Wrong(ScimErrorSchema),
    /// No token, or one that is not known.
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthorised(ScimErrorSchema),
    /// There is no such resource.
    #[response(status = 404, content_type = "application/scim+json")]
    Missing(ScimErrorSchema),
    /// Another resource has the name.
    #[response(status = 409, content_type = "application/scim+json")]
    Taken(ScimErrorSchema),
    /// The resource is not the version that `If-Match` names.
    #[response(status = 412, content_type = "application/scim+json")]
    Changed(ScimErrorSchema),
    /// The body or the resource is too large.
    #[response(status = 413, content_type = "application/scim+json")]
    TooLarge(ScimErrorSchema),
    /// Another content type is needed.
    #[response(status = 415, content_type = "application/scim+json")]
    MediaType(ScimErrorSchema),
    /// Too many events a second, or requests at the same time: see `Retry-After`.
    #[response(status = 429, content_type = "application/scim+json")]
    TooFast(ScimErrorSchema),
    /// The change is not known to be stored: repeat the request after `Retry-After`.
    #[response(status = 503, content_type = "application/scim+json")]
    Unavailable(ScimErrorSchema),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $method:ident $path:literal $id:literal $name:ident
        ($($parameter:tt)*) [$($more:tt)*] ($status:literal, $answer:literal $(, $bare:literal)?);)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            $method, path = $path, operation_id = $id, tag = "scim",
            params(("source" = String, Path, description = "The provider's name in the configuration; may be left out."),
                   $($parameter)*),
            $($more)*
            responses((status = $status, description = $answer, content_type = "application/scim+json", body = Value),
                      $((status = $bare, description = "It is done, and nothing is shown."),)? ScimRefusalResponses)
        )]
        #[expect(dead_code, reason = "only its description is used")]
        fn $name() {}
    )*};
}

operations! {
    /// List users or groups
    get "/scim/v2/{source}/{resources}" "scimList" list
        (("resources" = String, Path, description = "`Users` or `Groups`."), ListParameters)
        [security(("bearer" = [])),] (200, "A ListResponse.");
    /// Create a user or group
    ///
    /// 201 only after the events are durably stored. Repeating it after a 503 is safe: see docs/sources/scim-inbound.md.
    post "/scim/v2/{source}/{resources}" "scimCreate" create
        (("resources" = String, Path, description = "`Users` or `Groups`."))
        [security(("bearer" = [])), request_body(content = Value, content_type = "application/scim+json"),] (201, "The resource.");
    /// Search users or groups
    post "/scim/v2/{source}/{resources}/.search" "scimSearch" search
        (("resources" = String, Path, description = "`Users` or `Groups`."))
        [security(("bearer" = [])), request_body(content = Value, content_type = "application/scim+json"),] (200, "A ListResponse.");
    /// Read a user or group
    get "/scim/v2/{source}/{resources}/{id}" "scimGet" get
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "Its id."))
        [security(("bearer" = [])),] (200, "The resource.");
    /// Replace a user or group
    ///
    /// What says nothing of `active` or `members` leaves them as they are.
    put "/scim/v2/{source}/{resources}/{id}" "scimReplace" replace
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "Its id."))
        [security(("bearer" = [])), request_body(content = Value, content_type = "application/scim+json"),] (200, "The resource.");
    /// Change a user or group
    ///
    /// All operations are done or none. A group is answered with 204, unless attributes are asked for.
    patch "/scim/v2/{source}/{resources}/{id}" "scimPatch" patch
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "Its id."))
        [security(("bearer" = [])), request_body(content = Value, content_type = "application/scim+json"),] (200, "The resource.", 204);
    /// Delete a user or group
    delete "/scim/v2/{source}/{resources}/{id}" "scimDelete" remove
        (("resources" = String, Path, description = "`Users` or `Groups`."), ("id" = String, Path, description = "Its id."))
        [security(("bearer" = [])),] (204, "It is gone.");
    /// Several requests in one
    ///
    /// Operations may refer to each other by `bulkId`, in any order. Each is done or not by itself.
    post "/scim/v2/{source}/Bulk" "scimBulk" bulk
        () [security(("bearer" = [])), request_body(content = Value, content_type = "application/scim+json"),] (200, "A BulkResponse.");
    /// What the service can do
    get "/scim/v2/{source}/ServiceProviderConfig" "scimServiceProviderConfig" service_provider_config
        () [security(()),] (200, "A ServiceProviderConfig; no token is needed.");
    /// What resources look like
    get "/scim/v2/{source}/Schemas" "scimSchemas" schemas
        () [security(()),] (200, "A ListResponse of schemas; no token is needed.");
    /// What types of resources there are
    get "/scim/v2/{source}/ResourceTypes" "scimResourceTypes" resource_types
        () [security(()),] (200, "A ListResponse of resource types; no token is needed.");
}
