//! Targets, queues and lag.

use axum::Json;
use axum::extract::State;
use bus::Feed;
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{StatusReply, verb};

use super::Shared;
use super::problem::no_answer;
use crate::api::{Lag, Status};
use crate::{CONTROL_TIMEOUT, WRITER};

/// Every target as the writer sees it, and how far each service is behind.
#[utoipa::path(
    get,
    path = "/v1/status",
    responses(
        (status = 200, body = Status),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the writer does not answer"),
    )
)]
pub(super) async fn status(State(context): State<Shared>) -> Result<Json<Status>, Problem> {
    let bus = &context.bus;
    let (writer, events, commands, journal) = tokio::join!(
        bus.request::<(), StatusReply>(WRITER, verb::STATUS, &(), CONTROL_TIMEOUT),
        bus.lag(Feed::Events, "mapper"),
        bus.lag(Feed::Commands, WRITER),
        bus.lag(Feed::Journal, crate::DURABLE),
    );
    let writer = writer.map_err(no_answer)?;
    let lag = Lag { events: events.ok(), commands: commands.ok(), journal: journal.ok() };
    Ok(Json(Status { targets: writer.targets, lag }))
}
