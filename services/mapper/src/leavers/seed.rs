//! Opens the obligations of people who were already off when obligations were introduced, once for each target.
//!
//! The desired states of a target are read page by page, in order of key. A person whose account must be off and who has
//! no obligation is decided about once more, and the decision opens it. The progress is stored in `mapper_sweeps`, so a
//! restart continues where it stopped. Two replicas that sweep concurrently open each obligation once: the second finds the row.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AccountState, ResourceKind, unix_micros};
use retry::RetryLog;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use telemetry::{Shutdown, chain};

use crate::now;
use crate::rows::{SaveError, desired, obligation, sweep};
use crate::work::{BatchInput, BatchProcessorParts};

/// The name of the sweep in `mapper_sweeps`.
const SWEEP: &str = "obligations";
/// People per transaction. It is small, so that live events can run in between.
const PAGE: u64 = 200;
/// The pause after another replica won a race for the same people.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The interval of the search for targets that were not swept yet, and the pause after a failure.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Sweeps the desired states of each target.
pub(crate) struct ObligationSeeder {
    pub(crate) parts: BatchProcessorParts,
    /// How often work was done again.
    pub(crate) retries: RetryLog,
}

/// The progress of a sweep.
enum SeedProgress {
    /// Every target with a policy was swept.
    Done,
    /// There are more pages.
    More,
    /// Another replica changed one of the people. The page is processed again.
    Overtaken,
}

impl ObligationSeeder {
    /// Runs until shutdown. A policy for another target may come at any time.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        loop {
            let pause = match self.sweep_page().await {
                Ok(SeedProgress::More) => Duration::ZERO,
                Ok(SeedProgress::Overtaken) => AGAIN_AFTER,
                Ok(SeedProgress::Done) => LOOK_EVERY,
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "could not look for people who were off before yet");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sweeps one page of the first target whose sweep is not complete.
    async fn sweep_page(&self) -> Result<SeedProgress, SaveError> {
        let policies = Arc::clone(&self.parts.policies.borrow());
        for policy in policies.iter() {
            let mut sweep = sweep::load_sweep(self.parts.store.reader(), SWEEP, policy.target()).await?;
            if sweep.done_at.is_some() {
                continue;
            }
            let page = self.page(&sweep).await?;
            let is_last = (page.len() as u64) < PAGE;
            if let Some((last, _)) = page.last() {
                sweep.position.clone_from(last);
            }
            let without = self.without_obligation(policy, page).await?;
            if !self.decide(without).await? {
                return Ok(SeedProgress::Overtaken);
            }
            sweep.done_at = is_last.then(|| unix_micros(now()));
            sweep::save_sweep(self.parts.store.writer(), sweep).await?;
            return Ok(SeedProgress::More);
        }
        Ok(SeedProgress::Done)
    }

    /// Returns the keys after the position, with the state that was last requested.
    async fn page(&self, sweep: &sweep::Model) -> Result<Vec<(String, String)>, StoreError> {
        desired::Entity::find()
            .select_only()
            .columns([desired::Column::Subject, desired::Column::State])
            .filter(desired::Column::Target.eq(&sweep.target))
            .filter(desired::Column::Kind.eq(ResourceKind::User.as_str()))
            .filter(desired::Column::Subject.gt(&sweep.position))
            .order_by_asc(desired::Column::Subject)
            .limit(PAGE)
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read desired states"))
    }

    /// Returns people without an obligation whose account must be off, or may be kept by the policy.
    async fn without_obligation(
        &self,
        policy: &policy::Policy,
        page: Vec<(String, String)>,
    ) -> Result<Vec<BatchInput>, StoreError> {
        let may_need_one = |state: &str| state != AccountState::Active.as_str() || policy.may_keep_leavers();
        let subjects: Vec<String> =
            page.into_iter().filter(|(_, state)| may_need_one(state)).map(|(subject, _)| subject).collect();
        let known: Vec<String> = obligation::Entity::find()
            .select_only()
            .column(obligation::Column::Subject)
            .filter(obligation::Column::Subject.is_in(subjects.iter().cloned()))
            .filter(obligation::Column::Target.eq(policy.target()))
            .filter(obligation::Column::EndedAt.is_null())
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read obligations"))?;
        let known: HashSet<String> = known.into_iter().collect();
        let without = subjects.into_iter().filter(|subject| !known.contains(subject));
        Ok(without.map(BatchInput::Person).collect())
    }

    /// Decides about the people. Returns `false` if another replica changed one of them first.
    async fn decide(&self, people: Vec<BatchInput>) -> Result<bool, SaveError> {
        if people.is_empty() {
            return Ok(true);
        }
        // A person that cannot be decided about is in the quarantine, and listed there.
        match self.parts.processor().process_apart(&people).await {
            Ok(_) => {
                self.retries.succeeded();
                Ok(true)
            }
            Err(error) if error.is_conflict() => {
                self.retries.failed("obligations of people who were off before", &error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
