//! The answers to operator verbs about the gateway's outbox.
//!
//! To add a verb: 1. a line in `lifecycle::verbs`, 2. a handler below, 3. a line in `GatewayControl::verb_server`.

use std::sync::Arc;

use bus::{Bus, VerbServer};
use lifecycle::{
    Actor, ControlError, DiscardSetAsideRequest, OutboxReply, OutboxRequest, OutboxStatus,
    RetrySetAsideRequest, SET_ASIDE_MAX, VerbService, verbs,
};
use relay::{DiscardedMessage, OutboxPublisher};
use store::{ListPosition, StoreError};
use telemetry::{Shutdown, chain};

use crate::SERVICE;

/// The reason why a departure cannot be discarded.
const KEPT: &str = "it takes access away and is never given up: remove its cause, then `usher outbox retry`";

/// Answers control requests of operators.
pub(crate) struct GatewayControl {
    /// Present only if identity providers provision into the gateway.
    pub(crate) relay: Option<OutboxPublisher>,
}

/// Reasons for which a request is not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayRefusal {
    /// The request is not valid, or cannot be carried out now.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GatewayControl {
    /// Answers requests until shutdown. Without a subscription, requests find no service, and events are received all the same.
    pub(crate) async fn run(self, bus: Bus, shutdown: Shutdown) {
        match bus.serve(SERVICE).await {
            Ok(requests) => Self::verb_server().run(Arc::new(self), requests, &shutdown).await,
            Err(error) => tracing::error!(error = chain(&error), "the gateway cannot be asked"),
        }
    }

    /// Returns the handler of each verb of the gateway.
    fn verb_server() -> VerbServer<Self, GatewayRefusal> {
        VerbServer::<Self, GatewayRefusal>::new(VerbService::Gateway, refuse_request)
            .on::<verbs::GatewayOutboxVerb, _, _>(
                |control, wanted| async move { control.outbox(&wanted).await },
            )
            .on::<verbs::GatewayRetrySetAsideVerb, _, _>(|control, wanted| async move {
                control.retry_set_aside(&wanted).await
            })
            .on::<verbs::GatewayDiscardSetAsideVerb, _, _>(|control, wanted| async move {
                control.discard_set_aside(&wanted).await
            })
    }

    async fn outbox(&self, request: &OutboxRequest) -> Result<OutboxReply, GatewayRefusal> {
        let Some(relay) = &self.relay else {
            let status = OutboxStatus { service: SERVICE.to_owned(), ..OutboxStatus::default() };
            return Ok(OutboxReply { status, ..OutboxReply::default() });
        };
        let parse = |text: &str| ListPosition::parse(text).ok_or_else(ControlError::wrong_cursor);
        let after = request.cursor.as_deref().map(parse).transpose()?;
        Ok(relay.set_aside_after(after.as_ref(), request.limit.unwrap_or(SET_ASIDE_MAX)).await?)
    }

    async fn retry_set_aside(&self, request: &RetrySetAsideRequest) -> Result<OutboxReply, GatewayRefusal> {
        let Some(relay) = &self.relay else { return Err(not_set_aside(&request.id)) };
        let Actor { who, why } = &request.actor;
        tracing::info!(message = %request.id, %who, %why, "a message that was set aside is tried again");
        relay.retry_set_aside(&request.id).await?.ok_or_else(|| not_set_aside(&request.id))
    }

    async fn discard_set_aside(
        &self,
        request: &DiscardSetAsideRequest,
    ) -> Result<OutboxReply, GatewayRefusal> {
        let Some(relay) = &self.relay else { return Err(not_set_aside(&request.id)) };
        match relay.discard_set_aside(request).await? {
            DiscardedMessage::Done(reply) => Ok(reply),
            DiscardedMessage::NotFound => Err(not_set_aside(&request.id)),
            DiscardedMessage::TakesAccessAway => Err(ControlError::refused(KEPT).into()),
        }
    }
}

fn not_set_aside(id: &str) -> GatewayRefusal {
    ControlError::refused(format!("no message `{id}` is set aside")).into()
}

/// Makes an answer of a refusal. A failure of the database is logged, and the requester gets a general message.
fn refuse_request(refusal: GatewayRefusal) -> ControlError {
    match refusal {
        GatewayRefusal::Refused(error) => error,
        GatewayRefusal::Store(error) => {
            tracing::error!(error = chain(&error), "a control request failed");
            ControlError::refused("the gateway's database failed: look at its log, then ask again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_of_the_gateway_has_a_handler() {
        assert!(GatewayControl::verb_server().unhandled_verbs().is_empty());
    }
}
