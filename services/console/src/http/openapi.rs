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
        description = "What happened to a person, what could not be done, and doing it again; what a policy would \
                       do, putting it in force, and provisioning one person on demand. Errors are RFC 9457 problem \
                       documents with a stable `code` and the request's id: `mapper_not_running` and \
                       `writer_not_running` when the service that is needed is down, `refused` when it said no."
    ),
    paths(
        status::status,
        people::trace,
        dead::list,
        dead::groups::groups,
        dead::show,
        dead::preview,
        dead::replay,
        dead::replays::start,
        dead::replays::list,
        dead::replays::show,
        dead::replays::cancel,
        dead::discard,
        feeds::list,
        feeds::show,
        feeds::accept,
        feeds::reject,
        findings::list,
        records::list,
        records::resolve,
        records::join,
        outbox::list,
        outbox::retry,
        outbox::discard,
        schedule::list,
        schedule::cancel,
        leavers::list,
        quarantine::list,
        quarantine::retry,
        evidence::export,
        evidence::chain,
        evidence::keys,
        evidence::rotate,
        orders::list,
        orders::order,
        held::list,
        held::approve,
        held::reject,
        held::resolve_conflict,
        held::test,
        held::pause,
        held::resume,
        reconcile::start,
        reconcile::show,
        verify::start,
        verify::show,
        plans::start_plan,
        plans::plan,
        policies::policies,
        policies::policy,
        policies::versions,
        policies::apply,
        provision::provision,
        provision::row
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

/// `GET /v1/openapi.json`, for everybody.
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
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
