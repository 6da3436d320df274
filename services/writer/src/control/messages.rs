//! Verbs `quarantine`, `retry_quarantined`, `outbox`, `retry_set_aside` and `discard_set_aside`: messages that could not be processed or published.

use lifecycle::{
    ControlError, OutboxReply, OutboxRequest, QuarantineReply, QuarantineRequest, RetryQuarantinedReply,
    RetryQuarantinedRequest, RetrySetAsideRequest, SET_ASIDE_MAX,
};
use store::{ListPosition, StoreError};

use super::{WriterControl, database_refusal, refuse_with};

impl WriterControl {
    /// Lists a page of the quarantined commands.
    pub(super) async fn quarantine(
        &self,
        request: &QuarantineRequest,
    ) -> Result<QuarantineReply, ControlError> {
        let after = parse_position(request.cursor.as_deref())?;
        let listed = crate::intake::quarantine::list_items(&self.store, after.as_ref(), request.limit).await;
        listed.map_err(|error| database_refusal(&error))
    }

    /// Retries quarantined commands.
    pub(super) async fn retry_quarantined(
        &self,
        request: &RetryQuarantinedRequest,
    ) -> Result<RetryQuarantinedReply, StoreError> {
        crate::intake::quarantine::retry_commands(&self.store, &self.bus, request).await
    }

    /// Lists a page of the messages that are set aside in the outbox, with its status.
    pub(super) async fn outbox(&self, request: &OutboxRequest) -> Result<OutboxReply, ControlError> {
        let after = parse_position(request.cursor.as_deref())?;
        let limit = request.limit.unwrap_or(SET_ASIDE_MAX);
        let listed = self.relay.set_aside_after(after.as_ref(), limit).await;
        listed.map_err(|error| database_refusal(&error))
    }

    /// Retries a message that is set aside in the outbox.
    pub(super) async fn retry_set_aside(
        &self,
        request: RetrySetAsideRequest,
    ) -> Result<OutboxReply, ControlError> {
        let lifecycle::Actor { who, why } = &request.actor;
        tracing::info!(message = %request.id, %who, %why, "a message that was set aside is tried again");
        let retried =
            self.relay.retry_set_aside(&request.id).await.map_err(|error| database_refusal(&error))?;
        retried.ok_or_else(|| refuse_with(format!("no message `{}` is set aside", request.id)))
    }

    /// Discards a message that is set aside in the outbox, unless it takes access away.
    pub(super) async fn discard_set_aside(
        &self,
        request: lifecycle::DiscardSetAsideRequest,
    ) -> Result<OutboxReply, ControlError> {
        match self.relay.discard_set_aside(&request).await.map_err(|error| database_refusal(&error))? {
            relay::DiscardedMessage::Done(reply) => Ok(reply),
            relay::DiscardedMessage::NotFound => {
                Err(refuse_with(format!("no message `{}` is set aside", request.id)))
            }
            relay::DiscardedMessage::TakesAccessAway => {
                Err(refuse_with("it takes access away and is never given up".to_owned()))
            }
        }
    }
}

fn parse_position(cursor: Option<&str>) -> Result<Option<ListPosition>, ControlError> {
    cursor.map(|text| ListPosition::parse(text).ok_or_else(ControlError::wrong_cursor)).transpose()
}
