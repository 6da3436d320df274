//! The answers to operator verbs.
//!
//! To add a verb: 1. a line in `lifecycle::verbs`, 2. a module below this one, 3. a line in `verbs::verb_server`.

mod conflict;
mod evidence;
mod held;
mod letter;
mod look;
mod messages;
mod owner;
mod provision;
mod reconcile;
mod remarks;
mod replay;
pub(crate) mod replayer;
mod replays;
mod status;
mod test;
mod verbs;
mod verify;

pub(crate) use replay::replay_letter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::Bus;
use lifecycle::{ControlError, RefusalReason};
use recovery::Recovery;
use relay::OutboxPublisher;
use sea_orm::DatabaseTransaction;
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::Notify;

use self::owner::RequestOrigin;
use crate::delivery::call::OwnedTarget;
use crate::error::WriterRunError;
use crate::intake::WakeUps;
use crate::ownership::verification::VerificationGates;
use crate::rows::facts::{SERVICE, TransactionFacts};

/// The targets that this replica owns, by name. Each owner sets its own slot.
pub(crate) type OwnedTargets = HashMap<String, Arc<Mutex<Option<Arc<OwnedTarget>>>>>;

/// Answers the control requests of operators.
pub(crate) struct WriterControl {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) relay: OutboxPublisher,
    /// The name of this replica, as leases store it.
    pub(crate) replica: String,
    pub(crate) wake_ups: WakeUps,
    pub(crate) owned: OwnedTargets,
    /// The wake-up for the replayer when an operator starts a replay of many dead letters.
    pub(crate) replays: Arc<Notify>,
    pub(crate) gates: VerificationGates,
    pub(crate) recovery: Recovery,
}

impl WriterControl {
    /// Answers requests until shutdown: those to any replica, and those that another replica passed on.
    ///
    /// # Errors
    /// If the subscription to control requests fails.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), WriterRunError> {
        let failed = |source| WriterRunError::Control { source };
        let to_any = self.bus.serve(SERVICE).await.map_err(failed)?;
        let to_this = self.bus.serve_replica(SERVICE, &self.replica).await.map_err(failed)?;
        let control = Arc::new(self);
        tokio::join!(
            verbs::verb_server(RequestOrigin::Operator).run(Arc::clone(&control), to_any, &shutdown),
            verbs::verb_server(RequestOrigin::Replica).run(Arc::clone(&control), to_this, &shutdown),
        );
        Ok(())
    }

    /// Returns the target, while this replica owns it.
    fn owned(&self, target: &str) -> Option<Arc<OwnedTarget>> {
        let slot = self.owned.get(target)?;
        slot.lock().expect("nothing panics while holding it").clone()
    }

    /// Checks that a target of this name is configured.
    ///
    /// # Errors
    /// If no target of this name is configured.
    fn configured(&self, target: &str) -> Result<(), ControlError> {
        if self.owned.contains_key(target) {
            return Ok(());
        }
        let mut names: Vec<&str> = self.owned.keys().map(String::as_str).collect();
        names.sort_unstable();
        let names = names.join(", ");
        let message = match names.as_str() {
            "" => format!("no target is called `{target}`: section `writer.targets` configures none"),
            names => format!("no target is called `{target}`; section `writer.targets` configures: {names}"),
        };
        Err(ControlError { message, reason: RefusalReason::UnknownTarget })
    }

    /// Commits an operator's request with its facts, and publishes them.
    async fn commit(&self, tx: DatabaseTransaction, news: TransactionFacts) -> Result<(), StoreError> {
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("carry out an operator's request"))?;
        self.relay.send(parcel).await;
        Ok(())
    }
}

/// Reasons for which a request is not carried out.
#[derive(Debug, thiserror::Error)]
enum WriterRefusal {
    /// The request is not valid, or cannot be carried out now.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an answer of a refusal.
fn refuse_request(refusal: WriterRefusal) -> ControlError {
    match refusal {
        WriterRefusal::Refused(error) => error,
        WriterRefusal::Store(error) => database_refusal(&error),
    }
}

fn refuse_with(message: String) -> ControlError {
    ControlError::refused(message)
}

fn database_refusal(error: &StoreError) -> ControlError {
    refuse_with(format!("the writer's database: {error}; try again"))
}
