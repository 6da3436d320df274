//! Unpublished messages of the mapper and the writer.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{FieldErrors, PROBLEM_JSON, Problem};
use lifecycle::{Actor, DiscardSetAsideRequest, OutboxReply, RetrySetAsideRequest, verb};

use super::ConsoleStateInner;
use super::auth::OperatorName;
use super::problem::invalid_request;
use super::reason::check_reason;
use crate::api::{OutboxList, RetrySetAside, ServiceProblem};
use crate::{MAPPER, WRITER};

/// Lists unpublished messages, and those that the broker refuses permanently, with the cause of each
#[utoipa::path(
    get,
    path = "/v1/outbox",
    responses(
        (status = 200, body = OutboxList),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
    )
)]
pub(super) async fn list_outboxes(State(context): State<ConsoleStateInner>) -> Json<OutboxList> {
    let (mapper, writer) = tokio::join!(
        context.ask::<(), OutboxReply>(MAPPER, verb::OUTBOX, &()),
        context.ask::<(), OutboxReply>(WRITER, verb::OUTBOX, &()),
    );
    let mut answer = OutboxList::default();
    for (service, reply) in [(MAPPER, mapper), (WRITER, writer)] {
        match reply {
            Ok(reply) => answer.outboxes.push(reply),
            Err(problem) => answer.unavailable.push(ServiceProblem::new(service, &problem)),
        }
    }
    Json(answer)
}

/// Retries a message that was set aside
///
/// The service publishes it again, for example after the broker was configured to accept larger messages.
#[utoipa::path(
    post,
    path = "/v1/outbox/retry",
    request_body = RetrySetAside,
    responses(
        (status = 200, body = serde_json::Value, description = "`status` and what is still `setAside`"),
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
        (status = 200, body = serde_json::Value, description = "`status` and what is still `setAside`"),
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
