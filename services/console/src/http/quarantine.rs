//! What services could not read or store.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, QUARANTINE_MAX, QuarantineReply, QuarantineRequest, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest, verb,
};
use serde::Deserialize;
use store::quarantine::QuarantineCount;
use utoipa::IntoParams;

use super::auth::OperatorName;
use super::problem::{broken, invalid, invalid_one};
use super::query::Query;
use super::reason::reason;
use super::{Context, Shared};
use crate::api::RetryQuarantined;
use crate::{MAPPER, WRITER, quarantine};

/// How many are listed unless asked otherwise.
const LIMIT: u64 = 100;

/// How many are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QuarantineQuery {
    /// How many at most: 1 to 1,000, 100 unless said.
    limit: Option<u64>,
}

/// What is set aside, departures first, then the oldest first.
#[utoipa::path(
    get,
    path = "/v1/quarantine",
    params(QuarantineQuery),
    responses(
        (status = 200, body = serde_json::Value, description = "`items`: `id`, `at`, `reason` (`unreadable`, `newer_version`, `not_stored`, `id_reused`, `state_unreadable`), `cause`, `subject`, `kind`, `departure` of each; `total`, and how many `departures`; `unavailable`: services that do not answer"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
    )
)]
pub(super) async fn list(
    State(context): State<Shared>,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<QuarantineReply>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=QUARANTINE_MAX).contains(&limit) {
        return Err(invalid_one("query:limit", format!("must be 1 to {QUARANTINE_MAX}")));
    }
    let request = QuarantineRequest { limit };
    let mut all = own(&context, limit).await?;
    for service in [MAPPER, WRITER] {
        let Ok(reply) = context.ask::<_, QuarantineReply>(service, verb::QUARANTINE, &request).await else {
            all.unavailable.push(service.to_owned());
            continue;
        };
        all.total += reply.total;
        all.departures += reply.departures;
        all.items.extend(reply.items);
    }
    all.items.sort_by(|a, b| (!a.departure, a.at, &a.id).cmp(&(!b.departure, b.at, &b.id)));
    all.items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Json(all))
}

/// How much is set aside: everything, and departures. Services that do not answer are left out.
pub(super) async fn counts(context: &Context) -> (u64, u64) {
    let request = QuarantineRequest { limit: 0 };
    let (own, mapper, writer) = tokio::join!(
        own(context, 0),
        context.ask::<_, QuarantineReply>(MAPPER, verb::QUARANTINE, &request),
        context.ask::<_, QuarantineReply>(WRITER, verb::QUARANTINE, &request),
    );
    let known = [own, mapper, writer].into_iter().flatten();
    known.fold((0, 0), |(total, departures), reply| (total + reply.total, departures + reply.departures))
}

async fn own(context: &Context, limit: u64) -> Result<QuarantineReply, Problem> {
    let reader = context.store.reader();
    let count = store::quarantine::count(reader, quarantine::SERVICE).await.map_err(broken)?;
    let items = if limit == 0 {
        Vec::new()
    } else {
        store::quarantine::list(reader, quarantine::SERVICE, limit).await.map_err(broken)?
    };
    let items = items.into_iter().map(quarantine::shown).collect();
    let QuarantineCount { items: total, departures } = count;
    Ok(QuarantineReply { items, total, departures, unavailable: Vec::new() })
}

/// Tries again what is set aside.
#[utoipa::path(
    post,
    path = "/v1/quarantine/retry",
    request_body = RetryQuarantined,
    responses(
        (status = 200, body = serde_json::Value, description = "`items`: `id`, `outcome` (`done`, `refused`, `not_found`), `cause` of each"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or `ids` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "a service does not answer"),
    )
)]
pub(super) async fn retry(
    State(context): State<Shared>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::Json(body): edge::Json<RetryQuarantined>,
) -> Result<Json<RetryQuarantinedReply>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: reason(&body.why, &mut wrong) };
    let most = usize::try_from(QUARANTINE_MAX).unwrap_or(usize::MAX);
    if body.ids.is_empty() || body.ids.len() > most {
        wrong.add("/ids", format!("must be 1 to {QUARANTINE_MAX} ids as `usher quarantine ls` shows them"));
    }
    if !wrong.is_empty() {
        return Err(invalid(wrong));
    }
    let mut items = Vec::with_capacity(body.ids.len());
    for id in body.ids {
        let item = match id.split_once(':') {
            Some((quarantine::SERVICE, own)) => {
                quarantine::retry(&context.store, own).await.map_err(broken)?
            }
            Some((service @ (MAPPER | WRITER), theirs)) => {
                let request = RetryQuarantinedRequest { ids: vec![theirs.to_owned()], actor: actor.clone() };
                let reply: RetryQuarantinedReply =
                    context.ask(service, verb::RETRY_QUARANTINED, &request).await?;
                reply.items.into_iter().next().unwrap_or_else(|| unknown(&id))
            }
            _ => unknown(&id),
        };
        items.push(RetriedItem { id, ..item });
    }
    tracing::info!(who = actor.who, count = items.len(), "tried again what was set aside");
    Ok(Json(RetryQuarantinedReply { items }))
}

fn unknown(id: &str) -> RetriedItem {
    RetriedItem { id: id.to_owned(), outcome: RetryOutcome::NotFound, cause: String::new() }
}
