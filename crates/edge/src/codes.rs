//! The codes of problem documents. docs/errors.md is generated from this table.

/// The path of the page of an error code. Every HTTP server that answers with problem documents routes it to
/// [`crate::error_page::show_error_code`].
pub const ERROR_PAGE_PATH: &str = "/v1/errors/{code}";

/// Returns the address of the page of a code, relative to the server.
pub(crate) fn error_page_address(code: &str) -> String {
    ERROR_PAGE_PATH.replace("{code}", code)
}

/// Code, HTTP status, meaning and remedy. Debug builds refuse a problem whose code is not in the table.
pub const CODES: &[(&str, u16, &str)] = &[
    (
        "audit_unavailable",
        503,
        "The request was not carried out, because it could not be recorded in the journal. Make room in JOURNAL; see `usher status`.",
    ),
    (
        "backlog",
        503,
        "Events are not processed fast enough. Send the same request later; see `usher status`.",
    ),
    ("batch_too_large", 413, "The request contains more events than the limit. Split it."),
    ("body_broken", 400, "The request's body ended early. Send it again."),
    (
        "body_timeout",
        408,
        "The request's body did not arrive in time. Send it again, in smaller parts if necessary.",
    ),
    (
        "broker_unavailable",
        503,
        "The message broker cannot be reached. Send the request again when it is back.",
    ),
    ("broker_unreachable", 503, "Events cannot be stored now. Send the same request later."),
    (
        "changed_since_shown",
        409,
        "The subject of the decision is no longer what was listed. List it again, look, and decide about that.",
    ),
    (
        "dead_letter_not_found",
        404,
        "There is no dead letter with that id. `usher dead ls --state all` lists them.",
    ),
    ("event_too_large", 413, "An event is larger than can be stored. Split its members over several events."),
    ("feed_busy", 429, "Another file of this feed is being read. Wait for the time in `Retry-After`."),
    ("forbidden", 403, "The token lacks a permission. The detail names it."),
    (
        "id_reused",
        409,
        "The source used this id before, for another event. Give each event its own id; `usher quarantine ls` lists it.",
    ),
    ("internal", 500, "Usher failed unexpectedly. The log has the cause under the request id."),
    ("invalid", 422, "The request is well-formed, but some fields are wrong. `errors` names each field."),
    (
        "malformed_csv",
        400,
        "The file as a whole cannot be read. The detail gives the reason; wrong rows alone never cause this.",
    ),
    ("malformed_json", 400, "The body is not JSON. The detail gives the position of the error."),
    ("malformed_notice", 400, "The body of the notice cannot be read. The detail gives the reason."),
    (
        "mapper_not_running",
        503,
        "The mapper is not running. Start it, then send the request again; nothing was changed.",
    ),
    (
        "mapper_timeout",
        503,
        "The mapper did not answer in time. Check its health and log, then send the request again.",
    ),
    ("method_not_allowed", 405, "The path does not accept this method. `Allow` lists the accepted methods."),
    ("not_found", 404, "There is nothing at this path."),
    (
        "not_stored",
        503,
        "Some events are not known to be stored. Send the whole request again: stored events are recognised.",
    ),
    ("not_utf8", 400, "The body is not UTF-8."),
    (
        "overloaded",
        503,
        "The message broker accepts no more messages at present. Send the whole request again later.",
    ),
    ("person_not_found", 404, "No person or group with that name or key is known."),
    ("plan_not_found", 404, "There is no plan with that id, or it was dropped to make room. Start another."),
    (
        "refused",
        409,
        "The service that owns the resource refused the request. The detail gives the reason and the remedy.",
    ),
    (
        "replay_not_found",
        404,
        "There is no such replay, or it was forgotten. `usher dead replays` lists them.",
    ),
    (
        "service_not_running",
        503,
        "A service is not running. Start it, then send the request again; nothing was changed.",
    ),
    (
        "service_timeout",
        503,
        "A service did not answer in time. Check its health and log, then send the request again.",
    ),
    (
        "sender_quota",
        429,
        "The source's unmerged events exceed its share of the storage. Send the request later; requests with only departures are accepted.",
    ),
    (
        "storage_full",
        503,
        "The message broker's storage is full. Make room, then send the whole request again.",
    ),
    ("target_not_found", 404, "There is no target with that name. The detail names the configured targets."),
    ("too_deep", 422, "The JSON nests deeper than the limit."),
    (
        "too_fast",
        429,
        "The source sends more events per second than its limit. Wait for the time in `Retry-After`.",
    ),
    ("too_large", 413, "The body is larger than the limit. Split the request."),
    ("too_many_in_flight", 503, "Too many requests at the same time. Wait for the time in `Retry-After`."),
    (
        "too_many_wrong_credentials",
        429,
        "Too many wrong credentials came from this address. Wait for the time in `Retry-After`, then send the right ones.",
    ),
    ("unauthorised", 401, "The token is missing or unknown."),
    (
        "unsupported_media_type",
        415,
        "The `Content-Type` is not supported. The detail names the supported types.",
    ),
    (
        "writer_not_running",
        503,
        "The writer is not running. Start it, then send the request again; nothing was changed.",
    ),
    (
        "writer_timeout",
        503,
        "The writer did not answer in time. Check its health and log, then send the request again.",
    ),
];
