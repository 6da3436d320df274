//! Unpublished messages of the mapper and the writer.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{
    Actor, DiscardSetAsideRequest, OutboxReply, OutboxRequest, RetrySetAsideRequest, SET_ASIDE_MAX,
    unix_micros, verb,
};
use store::ListPosition;

use super::ConsoleStateInner;
use super::auth::OperatorName;
use super::problem::invalid_request;
use super::query::{CheckedQuery, PageQuery};
use super::reason::check_reason;
use crate::api::{OutboxItem, OutboxList, RetrySetAside, ServiceProblem};
use crate::{MAPPER, WRITER};

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
    let (mapper, writer) = tokio::join!(
        context.ask::<_, OutboxReply>(MAPPER, verb::OUTBOX, &request),
        context.ask::<_, OutboxReply>(WRITER, verb::OUTBOX, &request),
    );
    let mut answer = OutboxList::default();
    let mut more = false;
    for (service, reply) in [(MAPPER, mapper), (WRITER, writer)] {
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
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::JsonBody(body): edge::JsonBody<RetrySetAside>,
) -> Result<Json<OutboxReply>, Problem> {
    let (service, id, actor) = check_request(body, who)?;
    Ok(Json(context.ask(service, verb::RETRY_SET_ASIDE, &RetrySetAsideRequest { id, actor }).await?))
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
    Extension(OperatorName(who)): Extension<OperatorName>,
    edge::JsonBody(body): edge::JsonBody<RetrySetAside>,
) -> Result<Json<OutboxReply>, Problem> {
    let (service, id, actor) = check_request(body, who)?;
    Ok(Json(context.ask(service, verb::DISCARD_SET_ASIDE, &DiscardSetAsideRequest { id, actor }).await?))
}

fn check_request(body: RetrySetAside, who: String) -> Result<(&'static str, String, Actor), Problem> {
    let mut wrong = FieldErrors::default();
    let actor = Actor { who, why: check_reason(&body.why, &mut wrong) };
    let service = [MAPPER, WRITER].into_iter().find(|service| *service == body.service);
    if service.is_none() {
        wrong.add("/service", format!("must be `{MAPPER}` or `{WRITER}`"));
    }
    let Some(service) = service.filter(|_| wrong.is_empty()) else { return Err(invalid_request(wrong)) };
    Ok((service, body.id, actor))
}
