//! The OpenAPI document, generated from the handlers.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    dead, evidence, feeds, findings, held, leavers, orders, outbox, people, plans, policies, provision,
    quarantine, reconcile, records, schedule, status, verify,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher operator API",
        description = "Timelines of people, dead letters and replays, held changes, policies and plans, and \
                       provisioning on demand. Errors are RFC 9457 problem documents with a stable `code` and the \
                       request's id: `mapper_not_running` and `writer_not_running` if the required service is \
                       down, `refused` if it refuses the request."
    ),
    paths(
        status::show_status,
        people::trace_person,
        dead::list_dead_letters,
        dead::groups::list_dead_letter_groups,
        dead::show_dead_letter,
        dead::preview_replay,
        dead::replay_dead_letters,
        dead::replays::start_replay,
        dead::replays::list_replays,
        dead::replays::show_replay,
        dead::replays::cancel_replay,
        dead::discard_dead_letters,
        feeds::list_feed_runs,
        feeds::show_feed_run,
        feeds::accept_feed_run,
        feeds::reject_feed_run,
        findings::list_findings,
        records::list_records,
        records::resolve_record,
        records::join_people,
        outbox::list_outboxes,
        outbox::retry_message,
        outbox::discard_message,
        schedule::list_schedule,
        schedule::cancel_scheduled,
        leavers::list_leavers,
        quarantine::list_quarantine,
        quarantine::retry_quarantined,
        evidence::export_evidence,
        evidence::check_evidence_chain,
        evidence::list_evidence_keys,
        evidence::rotate_evidence_key,
        orders::list_access_orders,
        orders::place_access_order,
        held::list_held,
        held::approve_held,
        held::reject_held,
        held::resolve_conflict,
        held::test_target,
        held::pause_target,
        held::resume_target,
        reconcile::start_reconciliation,
        reconcile::show_reconciliation,
        verify::start_verification,
        verify::show_verifications,
        plans::start_plan,
        plans::show_plan,
        policies::list_policies,
        policies::show_policy,
        policies::list_policy_versions,
        policies::apply_policy,
        provision::provision_person,
        provision::show_row
    ),
    modifiers(&OperatorToken),
    security(("operator" = []))
)]
struct ApiDocument;

struct OperatorToken;

impl Modify for OperatorToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("operator", SecurityScheme::Http(bearer));
    }
}

/// Serves `GET /v1/openapi.json`, without a token.
pub(super) async fn openapi_document() -> Json<utoipa::openapi::OpenApi> {
    Json(ApiDocument::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_in_docs_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/console.json");
        let now = ApiDocument::openapi().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
            std::fs::write(path, &now).unwrap();
        }
        let then = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            then == now,
            "docs/openapi/console.json is out of date: UPDATE_OPENAPI=1 cargo test -p console"
        );
    }
}
