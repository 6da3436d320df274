//! The OpenAPI document of the gateway.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use crate::inbound::csv_feeds::{FeedMode, FeedReport, RowFault};
use crate::inbound::scim_bulk::{BulkReport, OperationFault};
use crate::intake::storage::{AcceptedEvent, AcceptedEvents};

/// Returns the gateway's OpenAPI document, as `GET /v1/openapi.json` serves it.
pub fn gateway_openapi() -> utoipa::openapi::OpenApi {
    GatewayApi::openapi().merge_from(crate::idp::ScimApi::openapi())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher gateway",
        description = "Takes joiner, mover and leaver events from HR systems and directories.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(super::events::post_events, super::bulk::scim_bulk, super::feeds::post_csv, super::webhooks::post_notice, edge::error_page::show_error_code),
    components(schemas(
        CloudEventSchema, EventData, BulkRequestSchema, AcceptedEvents, AcceptedEvent, BulkReport, OperationFault, FeedReport, FeedMode, RowFault, edge::Problem,
        edge::FieldError
    )),
    tags((name = "ingest", description = "Event ingestion")),
    modifiers(&BearerScheme)
)]
struct GatewayApi;

/// Adds the bearer token scheme to the document.
struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of a source."));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme.build()));
    }
}

/// A CloudEvent 1.0 in JSON format.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct CloudEventSchema {
    /// The CloudEvents version: `1.0`.
    #[schema(examples("1.0"))]
    specversion: String,
    /// The id of the event, unique within its source.
    #[schema(min_length = 1, max_length = 512)]
    id: String,
    /// The source of the event.
    #[schema(min_length = 1, max_length = 512)]
    source: String,
    /// The type of the event, optionally with a prefix that ends with a dot, such as `com.example.`.
    #[schema(examples("worker.joined", "worker.left", "group.member.added"))]
    r#type: String,
    /// The key of the person or group, with or without the prefix `worker/` or `group/`; the name of the feed for
    /// `feed.completed`.
    #[schema(min_length = 1, max_length = 512, examples("worker/E-1001"))]
    subject: String,
    /// The time at which the source made the statement (RFC 3339). Defaults to the time of acceptance.
    #[schema(format = DateTime)]
    time: Option<String>,
    /// The media type of `data`. Must be JSON, such as `application/json`, if given.
    datacontenttype: Option<String>,
    /// The W3C trace context of the event. Used only if the request has no `traceparent` header.
    traceparent: Option<String>,
    /// The content of the event.
    data: Option<EventData>,
}

/// The content of an event. Without `attributes`, all other fields are attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct EventData {
    /// The time at which the event takes effect: RFC 3339, or a date, which begins at midnight
    /// in the time zone of the source (UTC unless configured). Defaults to the event's time.
    #[schema(examples("2026-03-01", "2026-03-01T08:30:00+01:00"))]
    effective_at: Option<String>,
    /// The attributes by name. `null` means that there is no value. `manager` is the key of a person.
    #[schema(nullable = false)]
    attributes: Option<BTreeMap<String, Value>>,
    /// The key of one person, for `group.member.added` and `group.member.removed`.
    member: Option<String>,
    /// The keys of people, for `group.member.added`, `group.member.removed` and `group.upserted`.
    #[schema(max_items = 10_000)]
    members: Option<Vec<String>>,
}

/// A SCIM 2.0 bulk request (RFC 7644, section 3.7).
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct BulkRequestSchema {
    /// The schema URI `urn:ietf:params:scim:api:messages:2.0:BulkRequest`.
    schemas: Option<Vec<String>>,
    /// The operations, at most 100,000 unless configured (`gateway.scim_bulk.operations_max`).
    #[schema(rename = "Operations")]
    operations: Vec<BulkOperationSchema>,
    /// Has no effect: every valid operation is processed.
    #[schema(rename = "failOnErrors")]
    fail_on_errors: Option<u32>,
}

/// One operation of a bulk request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct BulkOperationSchema {
    /// The method: `POST`, `PUT` or `DELETE`.
    method: String,
    /// The path: `/Users` or `/Groups`, followed by `/{externalId}` to delete.
    path: String,
    /// An id of the operation, chosen by the caller.
    bulk_id: Option<String>,
    /// The complete user or group with its `externalId`; left out to delete.
    data: Option<BTreeMap<String, Value>>,
}

/// The responses of a refused request.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum RefusalResponses {
    /// The body is not JSON or not UTF-8.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(edge::Problem),
    /// The token is missing or unknown.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorised(edge::Problem),
    /// The token is not permitted to send these events.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(edge::Problem),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(edge::Problem),
    /// The source has used an id before for a different event (`id_reused`). The other events of the request are
    /// stored.
    #[response(status = 409, content_type = "application/problem+json")]
    Reused(edge::Problem),
    /// The body, the batch or an event is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(edge::Problem),
    /// The content type is not supported.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(edge::Problem),
    /// Fields are invalid. `errors` identifies each by JSON Pointer or `header:<name>`. No event was accepted.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(edge::Problem),
    /// Too many events per second, or the sender's storage share is used up. Retry after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooFast(edge::Problem),
    /// Some events are not known to be stored, or the service is overloaded. Repeat the whole request after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(edge::Problem),
}
