//! Verb `provision`: decides about one person or group again, now.

use lifecycle::{ProvisionReply, ProvisionRequest, ResourceKind};
use sea_orm::EntityTrait;
use store::StoreError;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::policy_keeper::adopt_newest;
use crate::rows::desired;
use crate::work::{BatchInput, RepeatFailure};

impl MapperControl {
    /// Answers `provision`: decides again, and reports whether a command with a new revision was queued.
    pub(super) async fn provision(
        &self,
        request: &ProvisionRequest,
    ) -> Result<ProvisionReply, MapperRefusal> {
        let (kind, key) = match request.kind {
            ResourceKind::Group => self.find_group(&request.subject).await?,
            _ => self.find(&request.subject, &request.target).await?,
        };
        let before = self.revision(&request.target, kind, &key).await?;
        let input = match kind {
            ResourceKind::Group => BatchInput::Group(key.clone()),
            _ => BatchInput::Person(key.clone()),
        };
        adopt_newest(&self.parts.store, &self.publish).await?;
        self.process(&[input]).await?;
        let revision = self.revision(&request.target, kind, &key).await?;
        Ok(ProvisionReply { queued: revision != before, revision })
    }

    /// Processes one batch, and repeats it while other writers win the race.
    pub(super) async fn process(&self, inputs: &[BatchInput]) -> Result<(), MapperRefusal> {
        match self.parts.process_repeatedly(inputs, "a request of an operator").await {
            Ok(batch) => {
                self.parts.relay.send(batch).await;
                Ok(())
            }
            Err(RepeatFailure::Store(error)) => Err(error.into()),
            Err(RepeatFailure::Panicked(text)) => {
                Err(wrong_request(format!("this is a bug of Usher: {text}")))
            }
            Err(RepeatFailure::Overtaken) => Err(wrong_request(
                "other changes of the same person came first in every attempt: try again in a moment",
            )),
        }
    }

    /// Returns the revision of the last command; 0 if there is none.
    async fn revision(&self, target: &str, kind: ResourceKind, key: &str) -> Result<i64, StoreError> {
        let id = (target.to_owned(), kind.as_str().to_owned(), key.to_owned());
        let row = desired::Entity::find_by_id(id).one(self.parts.store.reader()).await;
        Ok(row.map_err(StoreError::statement("read a desired state"))?.map_or(0, |row| row.revision))
    }
}
