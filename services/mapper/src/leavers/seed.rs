//! Opens the obligations of people who were off already when obligations were introduced, once for each target.
//!
//! What was asked of a target is read page by page, in order of key. A person whose account must be off, and who has no
//! obligation, is decided about once more; the decision opens it. How far this is stands in `mapper_sweeps`, so that a
//! restart goes on where it was. Two replicas that do the same open each obligation once: the second one finds the row.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AccountState, ResourceKind, unix_micros};
use relay::OutboxPublisher;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::{Notify, watch};

use crate::now;
use crate::policies::PolicySet;
use crate::rows::{SaveError, desired, obligation, sweep};
use crate::subjects::SeedMaker;
use crate::work::{BatchInput, BatchProcessor};

/// Its name in `mapper_sweeps`.
const SWEEP: &str = "obligations";
/// People per transaction; small, so that live events get in between.
const PAGE: u64 = 200;
/// After another replica was quicker.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often it is looked whether there is a target that was not swept yet, and how soon after a failure.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Sweeps what targets were asked for.
pub(crate) struct ObligationSeeder {
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
    pub(crate) seeds: SeedMaker,
    pub(crate) stale: Arc<Notify>,
}

/// What is left to do.
enum SeedProgress {
    /// Every target that has a policy was swept.
    Done,
    /// There are more pages.
    More,
    /// Another replica changed one of the people: the page is done again.
    Overtaken,
}

impl ObligationSeeder {
    /// Until shutdown. A policy for another target may come at any time.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        loop {
            let pause = match self.sweep_page().await {
                Ok(SeedProgress::More) => Duration::ZERO,
                Ok(SeedProgress::Overtaken) => AGAIN_AFTER,
                Ok(SeedProgress::Done) => LOOK_EVERY,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
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

    /// One page of the first target that was not swept to its end.
    async fn sweep_page(&self) -> Result<SeedProgress, SaveError> {
        let policies = Arc::clone(&self.policies.borrow());
        for policy in policies.iter() {
            let mut sweep = sweep::load_sweep(self.store.reader(), SWEEP, policy.target()).await?;
            if sweep.done_at.is_some() {
                continue;
            }
            let page = self.page(&sweep).await?;
            let is_last = (page.len() as u64) < PAGE;
            if let Some((last, _)) = page.last() {
                sweep.position.clone_from(last);
            }
            let without = self.without_obligation(policy, page).await?;
            if !self.decide(&policies, without).await? {
                return Ok(SeedProgress::Overtaken);
            }
            sweep.done_at = is_last.then(|| unix_micros(now()));
            sweep::save_sweep(self.store.writer(), sweep).await?;
            return Ok(SeedProgress::More);
        }
        Ok(SeedProgress::Done)
    }

    /// Keys behind the position, and the state that was last asked for.
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
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read what was asked for"))
    }

    /// Those whose account must be off, or may be kept by the policy, and who have no obligation.
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
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read obligations"))?;
        let known: HashSet<String> = known.into_iter().collect();
        let without = subjects.into_iter().filter(|subject| !known.contains(subject));
        Ok(without.map(BatchInput::Person).collect())
    }

    /// `false` when another replica was quicker.
    async fn decide(&self, policies: &PolicySet, people: Vec<BatchInput>) -> Result<bool, SaveError> {
        if people.is_empty() {
            return Ok(true);
        }
        let desk = BatchProcessor {
            store: &self.store,
            relay: &self.relay,
            policies,
            backfill: false,
            seeds: &self.seeds,
            stale: &self.stale,
        };
        // Who cannot be decided about is in the quarantine, and listed there.
        match desk.process_apart(&people).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
