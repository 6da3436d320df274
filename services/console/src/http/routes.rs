//! The routes of the API. Each handler's `utoipa::path` has its method and path, so that the router and the OpenAPI document
//! cannot differ.
//!
//! To add a route: 1. a handler with `utoipa::path` in the module of its resource, 2. a line below.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    ConsoleStateInner, dead, evidence, feeds, findings, held, leavers, openapi, orders, outbox, people,
    plans, policies, provision, quarantine, reconcile, records, schedule, status, verify,
};

/// Returns the routes that need a token. Those that change something take an [`super::audit::AuditedOperator`], because the verbs
/// that they request need it.
pub(super) fn operator_routes() -> OpenApiRouter<ConsoleStateInner> {
    OpenApiRouter::with_openapi(openapi::empty_document())
        .routes(routes!(status::show_status))
        .routes(routes!(people::trace_person))
        .routes(routes!(dead::list_dead_letters))
        .routes(routes!(dead::groups::list_dead_letter_groups))
        .routes(routes!(dead::show_dead_letter))
        .routes(routes!(dead::replays::list_replays))
        .routes(routes!(dead::replays::show_replay))
        .routes(routes!(dead::preview_replay))
        .routes(routes!(feeds::list_feed_runs))
        .routes(routes!(feeds::show_feed_run))
        .routes(routes!(findings::list_findings))
        .routes(routes!(records::list_records))
        .routes(routes!(outbox::list_outboxes))
        .routes(routes!(schedule::list_schedule))
        .routes(routes!(leavers::list_leavers))
        .routes(routes!(evidence::export_evidence))
        .routes(routes!(evidence::check_evidence_chain))
        .routes(routes!(evidence::list_evidence_keys))
        .routes(routes!(orders::list_access_orders, orders::place_access_order))
        .routes(routes!(quarantine::list_quarantine))
        .routes(routes!(held::list_held))
        .routes(routes!(held::test_target))
        .routes(routes!(reconcile::show_reconciliation))
        .routes(routes!(verify::show_verifications, verify::start_verification))
        .routes(routes!(plans::start_plan))
        .routes(routes!(plans::show_plan))
        .routes(routes!(policies::list_policies))
        .routes(routes!(policies::show_policy))
        .routes(routes!(policies::list_policy_versions))
        .routes(routes!(provision::provision_person))
        .routes(routes!(provision::show_row))
        .routes(routes!(dead::replays::start_replay))
        .routes(routes!(dead::replays::cancel_replay))
        .routes(routes!(dead::replay_dead_letters))
        .routes(routes!(dead::discard_dead_letters))
        .routes(routes!(feeds::accept_feed_run))
        .routes(routes!(feeds::reject_feed_run))
        .routes(routes!(records::resolve_record))
        .routes(routes!(records::join_people))
        .routes(routes!(outbox::retry_message))
        .routes(routes!(outbox::discard_message))
        .routes(routes!(schedule::cancel_scheduled))
        .routes(routes!(evidence::rotate_evidence_key))
        .routes(routes!(quarantine::retry_quarantined))
        .routes(routes!(held::approve_held))
        .routes(routes!(held::reject_held))
        .routes(routes!(held::resolve_conflict))
        .routes(routes!(held::pause_target))
        .routes(routes!(held::resume_target))
        .routes(routes!(policies::apply_policy))
        .routes(routes!(reconcile::start_reconciliation))
}

/// Returns the routes that need no token.
pub(super) fn open_routes() -> OpenApiRouter<ConsoleStateInner> {
    OpenApiRouter::new().routes(routes!(edge::error_page::show_error_code))
}
