//! Verbs `quarantine`, `outbox`, `retry_set_aside` and `discard_set_aside`: messages that could not be processed or published.

use lifecycle::{
    ControlError, DiscardSetAsideRequest, OutboxReply, OutboxRequest, QuarantineReply, QuarantineRequest,
    RetrySetAsideRequest, SET_ASIDE_MAX,
};
use relay::DiscardedMessage;
use store::ListPosition;

use super::{MapperControl, MapperRefusal, wrong_request};

/// The reason why a departure cannot be discarded.
const KEPT: &str = "it takes access away and is never given up: remove its cause, then `usher outbox retry`";

impl MapperControl {
    /// Answers `quarantine`: a page of the messages in quarantine.
    pub(super) async fn quarantine(
        &self,
        request: &QuarantineRequest,
    ) -> Result<QuarantineReply, MapperRefusal> {
        let after = parse_position(request.cursor.as_deref())?;
        Ok(crate::quarantine::list_items(&self.parts.store, after.as_ref(), request.limit).await?)
    }

    /// Answers `outbox`: the backlog, and a page of the messages that are set aside.
    pub(super) async fn outbox(&self, request: &OutboxRequest) -> Result<OutboxReply, MapperRefusal> {
        let after = parse_position(request.cursor.as_deref())?;
        let limit = request.limit.unwrap_or(SET_ASIDE_MAX);
        Ok(self.parts.relay.set_aside_after(after.as_ref(), limit).await?)
    }

    /// Answers `retry_set_aside`: publishes a message again.
    pub(super) async fn retry_set_aside(
        &self,
        request: &RetrySetAsideRequest,
    ) -> Result<OutboxReply, MapperRefusal> {
        let lifecycle::Actor { who, why } = &request.actor;
        tracing::info!(message = %request.id, %who, %why, "a message that was set aside is tried again");
        let retried = self.parts.relay.retry_set_aside(&request.id).await?;
        retried.ok_or_else(|| wrong_request(format!("no message `{}` is set aside", request.id)))
    }

    /// Answers `discard_set_aside`: drops a message, unless it takes access away.
    pub(super) async fn discard_set_aside(
        &self,
        request: &DiscardSetAsideRequest,
    ) -> Result<OutboxReply, MapperRefusal> {
        match self.parts.relay.discard_set_aside(request).await? {
            DiscardedMessage::Done(reply) => Ok(reply),
            DiscardedMessage::NotFound => {
                Err(wrong_request(format!("no message `{}` is set aside", request.id)))
            }
            DiscardedMessage::TakesAccessAway => Err(wrong_request(KEPT)),
        }
    }
}

fn parse_position(cursor: Option<&str>) -> Result<Option<ListPosition>, MapperRefusal> {
    let wrong = || MapperRefusal::Wrong(ControlError::wrong_cursor());
    cursor.map(|text| ListPosition::parse(text).ok_or_else(wrong)).transpose()
}
