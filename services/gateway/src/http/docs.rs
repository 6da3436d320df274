//! The OpenAPI document.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use crate::csv_feeds::{FeedMode, FeedReport, RowFault};
use crate::intake::{AcceptedEvent, AcceptedEvents};
use crate::scim_bulk::{BulkReport, OperationFault};

/// The OpenAPI document of the gateway, as `GET /v1/openapi.json` serves it.
pub fn gateway_openapi() -> utoipa::openapi::OpenApi {
    GatewayApi::openapi().merge_from(crate::scim::ScimApi::openapi())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher gateway",
        description = "Takes joiner, mover and leaver events from HR systems and directories.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(super::post_events, super::bulk::scim_bulk, super::feeds::post_csv, super::post_notice),
    components(schemas(
        CloudEventSchema, EventData, BulkRequestSchema, AcceptedEvents, AcceptedEvent, BulkReport, OperationFault, FeedReport, FeedMode, RowFault, edge::Problem,
        edge::FieldError
    )),
    tags((name = "ingest", description = "Events in")),
    modifiers(&BearerScheme)
)]
struct GatewayApi;

struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of a source."));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme.build()));
    }
}

/// A CloudEvent 1.0 in JSON.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct CloudEventSchema {
    /// `1.0`.
    #[schema(examples("1.0"))]
    specversion: String,
    /// Names the event within its source.
    #[schema(min_length = 1, max_length = 512)]
    id: String,
    /// Who says it.
    #[schema(min_length = 1, max_length = 512)]
    source: String,
    /// What happened; may have a prefix that ends with a dot, such as `com.example.`.
    #[schema(examples("worker.joined", "worker.left", "group.member.added"))]
    r#type: String,
    /// Key of the person or group, with or without `worker/` or `group/` before it; the feed's name for
    /// `feed.completed`.
    #[schema(min_length = 1, max_length = 512, examples("worker/E-1001"))]
    subject: String,
    /// When the source said it (RFC 3339); the time of acceptance if left out.
    #[schema(format = DateTime)]
    time: Option<String>,
    /// `application/json` if given.
    datacontenttype: Option<String>,
    /// The W3C trace that it belongs to, if the request has no such header.
    traceparent: Option<String>,
    /// What it says.
    data: Option<EventData>,
}

/// What an event says. Without `attributes`, all other fields are the attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used: the parser reports every wrong field, which serde cannot"
)]
pub(super) struct EventData {
    /// From when on it holds: RFC 3339, or a date, which means its midnight in UTC. The event's time if left out.
    #[schema(examples("2026-03-01", "2026-03-01T08:30:00+01:00"))]
    effective_at: Option<String>,
    /// By name; null says that there is no value. `manager` is the key of a person.
    #[schema(nullable = false)]
    attributes: Option<BTreeMap<String, Value>>,
    /// For `group.member.added` and `group.member.removed`: key of one person.
    member: Option<String>,
    /// For these and for `group.upserted`: keys of people.
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
    /// `urn:ietf:params:scim:api:messages:2.0:BulkRequest`.
    schemas: Option<Vec<String>>,
    /// At most 100,000 unless configured (`gateway.scim_bulk.operations_max`).
    #[schema(rename = "Operations")]
    operations: Vec<BulkOperationSchema>,
    /// Has no effect: whatever is right is taken.
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
    /// `POST`, `PUT` or `DELETE`.
    method: String,
    /// `/Users`, `/Groups`; to delete, with `/{externalId}` behind it.
    path: String,
    /// Names the operation.
    bulk_id: Option<String>,
    /// The whole user or group, with its `externalId`; nothing to delete.
    data: Option<BTreeMap<String, Value>>,
}

/// How a request is refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum RefusalResponses {
    /// Not JSON, or not UTF-8.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(edge::Problem),
    /// No token, or one that is not known.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorised(edge::Problem),
    /// The token may not send such events.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(edge::Problem),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(edge::Problem),
    /// An id was used before, by the same source for something else (`id_reused`). The other events of the request are
    /// stored.
    #[response(status = 409, content_type = "application/problem+json")]
    Reused(edge::Problem),
    /// The body, the batch or an event is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(edge::Problem),
    /// Another content type is needed.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(edge::Problem),
    /// Fields are wrong: `errors` names each by JSON pointer (or `header:<name>`). Nothing was taken.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(edge::Problem),
    /// Too many events a second: see `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooFast(edge::Problem),
    /// Not all events are known to be stored, or too much is under way: repeat the whole request after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(edge::Problem),
}
