//! Messages that services could not read or store.

use axum::Json;
use axum::extract::State;
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, QUARANTINE_MAX, QuarantineReply, QuarantineRequest, QuarantinedMessage, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest, verbs,
};
use store::ListPosition;
use store::quarantine::{ItemPage, QuarantineCount};

use super::audit::AuditedOperator;
use super::problem::{database_problem, invalid_request};
use super::query::{CheckedQuery, PageQuery};
use super::reason::check_reason;
use super::{ConsoleState, ConsoleStateInner};
use crate::api::RetryQuarantined;
use crate::schema::SERVICE;
use crate::{MAPPER, WRITER, quarantine};

/// Lists quarantined messages, departures first, then oldest first
#[utoipa::path(
    get,
    path = "/v1/quarantine",
    params(PageQuery),
    responses(
        (status = 200, body = QuarantineReply, description = "a page of messages in quarantine"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
    )
)]
pub(super) async fn list_quarantine(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<QuarantineReply>, Problem> {
    let (limit, after) = (page.limit()?.min(QUARANTINE_MAX), page.after(ListPosition::parse)?);
    let request = QuarantineRequest { limit, cursor: page.into_cursor() };
    let mut all = own_items(&context, after.as_ref(), limit).await?;
    let mut more = all.next_cursor.take().is_some();
    let (mapper, writer) = tokio::join!(
        context.ask::<verbs::MapperQuarantineVerb>(&request),
        context.ask::<verbs::WriterQuarantineVerb>(&request),
    );
    for (service, reply) in [(MAPPER, mapper), (WRITER, writer)] {
        let Ok(reply) = reply else {
            all.unavailable.push(service.to_owned());
            continue;
        };
        all.total += reply.total;
        all.departures += reply.departures;
        more |= reply.next_cursor.is_some();
        all.items.extend(reply.items);
    }
    // The services order by id as their databases compare text, so their order is kept.
    all.items.sort_by(|a, b| message_order(a).cmp(&message_order(b)));
    more |= store::cut_to_limit(&mut all.items, limit);
    all.next_cursor = all.items.last().filter(|_| more).map(|item| position_of(item).to_cursor());
    Ok(Json(all))
}

/// Returns the service and the id within the service.
fn split_id(message: &QuarantinedMessage) -> (&str, &str) {
    message.id.split_once(':').unwrap_or((&message.id, ""))
}

fn message_order(message: &QuarantinedMessage) -> (bool, i64, &str) {
    (!message.departure, message.at, split_id(message).0)
}

fn position_of(message: &QuarantinedMessage) -> ListPosition {
    let (service, id) = split_id(message);
    ListPosition {
        is_departure: message.departure,
        at: message.at,
        service: service.to_owned(),
        id: id.to_owned(),
    }
}

/// Returns the number of quarantined messages, and of departures among them. Services that do not answer are left out.
pub(super) async fn quarantine_counts(context: &ConsoleState) -> (u64, u64) {
    let request = QuarantineRequest::default();
    let (own, mapper, writer) = tokio::join!(
        own_items(context, None, 0),
        context.ask::<verbs::MapperQuarantineVerb>(&request),
        context.ask::<verbs::WriterQuarantineVerb>(&request),
    );
    let known = [own, mapper, writer].into_iter().flatten();
    known.fold((0, 0), |(total, departures), reply| (total + reply.total, departures + reply.departures))
}

async fn own_items(
    context: &ConsoleState,
    after: Option<&ListPosition>,
    limit: u64,
) -> Result<QuarantineReply, Problem> {
    let reader = context.store.reader();
    let count = store::quarantine::count_items(reader, SERVICE).await.map_err(database_problem)?;
    let page = ItemPage::read(&context.store, SERVICE, after, limit).await;
    let ItemPage { items, next_cursor } = page.map_err(database_problem)?;
    let items = items.into_iter().map(quarantine::show_item).collect();
    let QuarantineCount { items: total, departures } = count;
    Ok(QuarantineReply { items, total, departures, next_cursor, unavailable: Vec::new() })
}

/// Retries quarantined messages
#[utoipa::path(
    post,
    path = "/v1/quarantine/retry",
    request_body = RetryQuarantined,
    responses(
        (status = 200, body = RetryQuarantinedReply, description = "the outcome for each message"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` or `ids` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "a service does not answer"),
    )
)]
pub(super) async fn retry_quarantined(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<RetryQuarantined>,
) -> Result<Json<RetryQuarantinedReply>, Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let most = usize::try_from(QUARANTINE_MAX).unwrap_or(usize::MAX);
    if body.ids.is_empty() || body.ids.len() > most {
        wrong.add("/ids", format!("must be 1 to {QUARANTINE_MAX} ids as `usher quarantine ls` shows them"));
    }
    if !wrong.is_empty() {
        return Err(invalid_request(wrong));
    }
    let mut items = Vec::with_capacity(body.ids.len());
    for id in body.ids {
        let item = match id.split_once(':') {
            Some((SERVICE, own)) => {
                quarantine::retry_item(&context.store, own).await.map_err(database_problem)?
            }
            Some((service @ (MAPPER | WRITER), theirs)) => {
                let request = RetryQuarantinedRequest { ids: vec![theirs.to_owned()], actor: actor.clone() };
                let reply = match service {
                    MAPPER => context.act::<verbs::MapperRetryQuarantinedVerb>(ready, &request).await?,
                    _ => context.act::<verbs::WriterRetryQuarantinedVerb>(ready, &request).await?,
                };
                reply.items.into_iter().next().unwrap_or_else(|| unknown_item(&id))
            }
            _ => unknown_item(&id),
        };
        items.push(RetriedItem { id, ..item });
    }
    tracing::info!(who = actor.who, count = items.len(), "tried again what was set aside");
    Ok(Json(RetryQuarantinedReply { items }))
}

fn unknown_item(id: &str) -> RetriedItem {
    RetriedItem { id: id.to_owned(), outcome: RetryOutcome::NotFound, cause: String::new() }
}
