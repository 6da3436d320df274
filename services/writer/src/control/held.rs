//! Verbs `decide_held` and `pause`: takes the decisions of operators.

mod decide;
mod identity;
mod list;

use lifecycle::{PauseReply, PauseRequest};
use store::StoreError;

use super::WriterControl;
use crate::guard::safety;
use crate::rows::control::PauseScope;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::{micros, now};

/// The statuses that an operator can approve or reject: held for an operator, or waiting for another row.
const STATUSES: [RowStatus; 2] = [RowStatus::Held, RowStatus::Waiting];

impl WriterControl {
    /// Pauses or resumes a target. An operator's pause covers everything.
    pub(super) async fn pause(&self, request: &PauseRequest) -> Result<PauseReply, StoreError> {
        let PauseRequest { target, paused, actor } = request;
        let tx = self.store.begin().await?;
        let mut news = TransactionFacts::default();
        let by = paused.then_some((actor.who.as_str(), actor.why.as_str()));
        let was_paused = safety::pause_target(&tx, target, by, PauseScope::Everything, &mut news).await?;
        if !paused && was_paused {
            safety::tell_paused(target, "resumed", &actor.who, &actor.why, micros(now()), &mut news);
        }
        self.commit(tx, news).await?;
        if let Some(wake_up) = self.wake_ups.get(target) {
            wake_up.notify_one();
        }
        Ok(PauseReply { was_paused })
    }
}
