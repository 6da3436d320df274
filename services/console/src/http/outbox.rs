//! Unpublished messages of the gateway, the mapper and the writer.

use axum::Json;
use axum::extract::State;
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, DiscardSetAsideRequest, OutboxReply, OutboxRequest, RetrySetAsideRequest, SET_ASIDE_MAX,
    VerbService, unix_micros, verbs,
};
use store::ListPosition;

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::problem::invalid_request;
use super::query::{CheckedQuery, PageQuery};
use super::reason::check_reason;
use crate::api::{OutboxItem, OutboxList, RetrySetAside, ServiceProblem};
use crate::{GATEWAY, MAPPER, WRITER};

/// Lists unpublished messages, and those that the broker refuses permanently, with the cause of each
#[utoipa::path(
    get,
    path = "/v1/outbox",
    params(PageQuery),
    responses(
        (status = 200, body = OutboxList, description = "the backlogs, and a page of messages that were set aside"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is wrong"),
    )
)]
pub(super) async fn list_outboxes(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(page): CheckedQuery<PageQuery>,
) -> Result<Json<OutboxList>, Problem> {
    // Each service answers with its first rows: more than it lists at once would leave a gap.
    let limit = page.limit()?.min(SET_ASIDE_MAX);
    page.after(ListPosition::parse)?;
    let request = OutboxRequest { limit: Some(limit), cursor: page.into_cursor() };
    let (gateway, mapper, writer) = tokio::join!(
        context.ask::<verbs::GatewayOutboxVerb>(&request),
        context.ask::<verbs::MapperOutboxVerb>(&request),
        context.ask::<verbs::WriterOutboxVerb>(&request),
    );
    let mut answer = OutboxList::default();
    let mut more = false;
    for (service, reply) in [(GATEWAY, gateway), (MAPPER, mapper), (WRITER, writer)] {
        match reply {
            Ok(reply) => {
                more |= reply.next_cursor.is_some();
                answer.outboxes.push(reply.status);
                let item = |message| OutboxItem { service: service.to_owned(), message };
                answer.items.extend(reply.set_aside.into_iter().map(item));
            }
            Err(problem) => answer.unavailable.push(ServiceProblem::new(service, &problem)),
        }
    }
    answer.items.sort_by_key(|item| item.message.since);
    more |= store::cut_to_limit(&mut answer.items, limit);
    answer.next_cursor = answer.items.last().filter(|_| more).map(|item| position_of(item).to_cursor());
    Ok(Json(answer))
}

fn position_of(item: &OutboxItem) -> ListPosition {
    ListPosition {
        is_departure: false,
        at: unix_micros(item.message.since),
        service: item.service.clone(),
        id: item.message.id.clone(),
    }
}

/// Retries a message that was set aside
///
/// The service publishes it again, for example after the broker was configured to accept larger messages.
#[utoipa::path(
    post,
    path = "/v1/outbox/retry",
    request_body = RetrySetAside,
    responses(
        (status = 200, body = OutboxReply, description = "the backlog, and the messages that are still set aside"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "no such message is set aside"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`service` is not known, or `why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the service does not answer"),
    )
)]
pub(super) async fn retry_message(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<RetrySetAside>,
) -> Result<Json<OutboxReply>, Problem> {
    let (service, id, actor) = check_request(body, who)?;
    let request = RetrySetAsideRequest { id, actor };
    let reply = match service {
        VerbService::Gateway => context.act::<verbs::GatewayRetrySetAsideVerb>(ready, &request).await?,
        VerbService::Mapper => context.act::<verbs::MapperRetrySetAsideVerb>(ready, &request).await?,
        VerbService::Writer => context.act::<verbs::WriterRetrySetAsideVerb>(ready, &request).await?,
    };
    Ok(Json(reply))
}

/// Discards a message that was set aside
///
/// The service refuses to discard a message that removes access.
#[utoipa::path(
    post,
    path = "/v1/outbox/discard",
    request_body = RetrySetAside,
    responses(
        (status = 200, body = OutboxReply, description = "the backlog, and the messages that are still set aside"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "no such message is set aside, or it takes access away"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`service` is not known, or `why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the service does not answer, or the act cannot be journalled"),
    )
)]
pub(super) async fn discard_message(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<RetrySetAside>,
) -> Result<Json<OutboxReply>, Problem> {
    let (service, id, actor) = check_request(body, who)?;
    let request = DiscardSetAsideRequest { id, actor };
    let reply = match service {
        VerbService::Gateway => context.act::<verbs::GatewayDiscardSetAsideVerb>(ready, &request).await?,
        VerbService::Mapper => context.act::<verbs::MapperDiscardSetAsideVerb>(ready, &request).await?,
        VerbService::Writer => context.act::<verbs::WriterDiscardSetAsideVerb>(ready, &request).await?,
    };
    Ok(Json(reply))
}

fn check_request(body: RetrySetAside, who: String) -> Result<(VerbService, String, Actor), Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let mut services = [VerbService::Gateway, VerbService::Mapper, VerbService::Writer].into_iter();
    let service = services.find(|service| service.as_str() == body.service);
    if service.is_none() {
        wrong.add("/service", format!("must be `{GATEWAY}`, `{MAPPER}` or `{WRITER}`"));
    }
    let Some(service) = service.filter(|_| wrong.is_empty()) else { return Err(invalid_request(wrong)) };
    Ok((service, body.id, actor))
}
