//! Forwards operator requests that only the owner of a target can answer, so that an operator may ask any replica.

use std::time::Duration;

use bus::ControlFailure;
use lifecycle::{ControlError, OperatorVerb, PreviewReplayRequest};
use sea_orm::EntityTrait;
use store::StoreError;
use telemetry::chain;

use super::status::lease_holder;
use super::{WriterControl, WriterRefusal, refuse_with};
use crate::rows::dead;

/// The timeout of a forwarded request. It is longer than the wait of an owner for its target, and shorter than the
/// timeout of the operator's request.
const PASSED_ON_TIMEOUT: Duration = Duration::from_secs(22);

/// The sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOrigin {
    /// An operator, through the console. Any replica may have received it.
    Operator,
    /// Another replica, because this one owns the target.
    Replica,
}

impl WriterControl {
    /// Passes a request about `target` on to the replica that owns it. Returns `None` if this replica must answer.
    pub(super) async fn ask_owner<V: OperatorVerb>(
        &self,
        origin: RequestOrigin,
        target: Option<&str>,
        question: &V::Request,
    ) -> Option<Result<V::Reply, WriterRefusal>> {
        let target =
            target.filter(|target| origin == RequestOrigin::Operator && self.owned(target).is_none())?;
        let lease = self.lease(target).await.ok()??;
        let owner = lease_holder(&lease).filter(|owner| *owner != self.replica)?;
        let asked = self.bus.ask_replica::<V>(&owner, question, PASSED_ON_TIMEOUT).await;
        Some(asked.map_err(|failure| match failure {
            ControlFailure::Refused { error, .. } => WriterRefusal::Refused(error),
            failure => WriterRefusal::Refused(did_not_answer(&owner, &failure)),
        }))
    }

    /// Returns the target of a dead letter, if the letter is known.
    pub(super) async fn target_of_letter(&self, request: &PreviewReplayRequest) -> Option<String> {
        let letter = dead::Entity::find_by_id(request.id.to_string()).one(self.store.reader()).await;
        match letter.map_err(StoreError::statement("read a dead letter")) {
            Ok(letter) => letter.map(|letter| letter.target),
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not see which target it is about");
                None
            }
        }
    }
}

fn did_not_answer(owner: &str, error: &ControlFailure) -> ControlError {
    refuse_with(format!(
        "replica {owner} owns the target, and alone may ask it; it could not be asked ({error}): try again"
    ))
}
