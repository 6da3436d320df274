//! Forwards operator requests that only the owner of a target can answer, so that an operator may ask any replica.

use std::time::Duration;

use bus::{ControlFailure, ControlRequest};
use lifecycle::{ControlError, PreviewReplayRequest, verb};
use sea_orm::EntityTrait;
use serde::Deserialize;
use serde_json::Value;
use store::StoreError;
use telemetry::chain;

use super::status::lease_holder;
use super::{WriterControl, parse_request, refuse_with};
use crate::rows::dead;
use crate::rows::facts::SERVICE;

/// The timeout of a forwarded request. It is longer than the wait of an owner for its target, and shorter than the
/// timeout of the operator's request.
const PASSED_ON_TIMEOUT: Duration = Duration::from_secs(22);

/// The field that the forwarded requests have in common.
#[derive(Deserialize)]
struct AboutTarget {
    target: String,
}

impl WriterControl {
    /// Returns the replica that must answer instead of this one, if another replica owns the target.
    pub(super) async fn owner_elsewhere(&self, request: &ControlRequest) -> Option<String> {
        let target = match request.verb.as_str() {
            verb::LOOK | verb::TEST_TARGET | verb::RESOLVE_CONFLICT => {
                parse_request::<AboutTarget>(request).ok()?.target
            }
            verb::LOOK_LETTER => self.target_of_letter(&parse_request(request).ok()?).await?,
            _ => return None,
        };
        if self.owned(&target).is_some() {
            return None;
        }
        let lease = self.lease(&target).await.ok()??;
        lease_holder(&lease).filter(|owner| *owner != self.replica)
    }

    /// Returns the target of a dead letter, if the letter is known.
    async fn target_of_letter(&self, request: &PreviewReplayRequest) -> Option<String> {
        let letter = dead::Entity::find_by_id(request.id.to_string()).one(self.store.reader()).await;
        match letter.map_err(StoreError::statement("read a dead letter")) {
            Ok(letter) => letter.map(|letter| letter.target),
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not see which target it is about");
                None
            }
        }
    }

    /// Forwards the request to `owner` and returns its reply.
    pub(super) async fn pass_on(&self, request: ControlRequest, owner: &str) {
        let question: Value = match parse_request(&request) {
            Ok(question) => question,
            Err(error) => return request.refuse(error).await,
        };
        let to = (SERVICE, owner);
        let asked: Result<Value, ControlFailure> =
            self.bus.request_replica(to, &request.verb, &question, PASSED_ON_TIMEOUT).await;
        match asked {
            Ok(answer) => request.reply(&answer).await,
            Err(ControlFailure::Refused { error, .. }) => request.refuse(error).await,
            Err(error) => request.refuse(did_not_answer(owner, &error)).await,
        }
    }
}

fn did_not_answer(owner: &str, error: &ControlFailure) -> ControlError {
    refuse_with(format!(
        "replica {owner} owns the target, and alone may ask it; it could not be asked ({error}): try again"
    ))
}
