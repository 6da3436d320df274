//! Verbs `verify` and `verifications`: compare the desired states with what the writer knows, now.

use lifecycle::{ControlError, RefusalReason, VerifyReply, VerifyRequest, unix_micros};
use store::StoreError;

use super::{MapperControl, MapperRefusal};
use crate::acts::missing::confirm_orders;
use crate::now;
use crate::rows::verification;

impl MapperControl {
    /// Answers `verify`: requests verifications of one target or of all targets. It does not wait for them.
    pub(super) async fn verify(&self, request: &VerifyRequest) -> Result<VerifyReply, MapperRefusal> {
        let asked_at = unix_micros(now());
        let all: Vec<String> =
            self.publish.borrow().iter().map(|policy| policy.target().to_owned()).collect();
        let targets = match &request.target {
            Some(target) if all.contains(target) => std::slice::from_ref(target),
            Some(target) => {
                let message = format!("there is no policy for `{target}`; there is: {}", all.join(", "));
                return Err(MapperRefusal::Wrong(ControlError {
                    message,
                    reason: RefusalReason::UnknownTarget,
                }));
            }
            None => &all,
        };
        if request.orders_complete && confirm_orders(&self.parts.store, &request.actor).await? {
            self.parts.stale.notify_one();
        }
        for target in targets {
            self.asked.ask(target, &request.actor.who);
        }
        Ok(VerifyReply { asked_at, ..self.last().await? })
    }

    /// Answers `verifications`: the last verification of each target.
    pub(super) async fn verifications(&self) -> Result<VerifyReply, MapperRefusal> {
        Ok(self.last().await?)
    }

    async fn last(&self) -> Result<VerifyReply, StoreError> {
        let verifications = verification::load_all(self.parts.store.reader()).await?;
        Ok(VerifyReply { asked_at: 0, verifications })
    }
}
