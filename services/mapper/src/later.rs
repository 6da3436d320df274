//! What happens without an event: a date comes, a policy changes, the inbox grows old.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::unix_micros;
use relay::Relay;
use sea_orm::sea_query::{ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::watch;

use crate::now;
use crate::policies::PolicySet;
use crate::rows::{edge, group, identity, inbox};
use crate::work::{Desk, Input};

const DUE_EVERY: Duration = Duration::from_secs(1);
/// Subjects per batch; small, so that live events get in between.
const PAGE: u64 = 200;
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// EVENTS keeps 30 days, so nothing older can be delivered again.
const INBOX_KEEPS: time::Duration = time::Duration::days(31);
const PRUNED_AT_ONCE_MAX: u64 = 2_000;

/// Works through what became due.
pub(crate) struct Later {
    pub(crate) store: Store,
    pub(crate) relay: Relay,
    pub(crate) policies: watch::Receiver<Arc<PolicySet>>,
}

impl Later {
    /// Until shutdown.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        let mut due = tokio::time::interval(DUE_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        let mut evaluate = true;
        loop {
            let done = tokio::select! {
                () = shutdown.soft.cancelled() => return,
                changed = self.policies.changed() => {
                    evaluate = changed.is_ok();
                    continue;
                }
                _ = due.tick() => self.work_on_due().await,
                _ = prune.tick() => self.prune_inbox().await,
                () = std::future::ready(()), if evaluate => match self.evaluate_page().await {
                    Ok(more) => { evaluate = more; Ok(()) }
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = done {
                tracing::warn!(error = %error, "could not do what is due yet");
                tokio::time::sleep(DUE_EVERY).await;
            }
        }
    }

    /// Everything that took effect by now.
    async fn work_on_due(&self) -> Result<(), StoreError> {
        loop {
            let now = unix_micros(now());
            let mut inputs: Vec<Input> = Vec::new();
            let people = identity::Entity::find()
                .filter(identity::Column::NextDueAt.lte(now))
                .order_by_asc(identity::Column::NextDueAt)
                .limit(PAGE)
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read what is due"))?;
            inputs.extend(people.into_iter().map(|row| Input::Person(row.key)));
            let groups = group::Entity::find()
                .filter(group::Column::NextDueAt.lte(now))
                .limit(PAGE)
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read what is due"))?;
            inputs.extend(groups.into_iter().map(|row| Input::Group(row.key)));
            let edges = edge::Entity::find()
                .filter(edge::Column::NextDueAt.lte(now))
                .limit(PAGE)
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read what is due"))?;
            inputs.extend(
                edges.into_iter().map(|row| Input::Edge { group: row.group_key, member: row.member_key }),
            );
            if inputs.is_empty() || !self.process(&inputs, false).await {
                return Ok(());
            }
        }
    }

    /// One page of those who were last evaluated with other policies; `false` when there are none.
    async fn evaluate_page(&self) -> Result<bool, StoreError> {
        let with = self.policies.borrow().fingerprint().to_owned();
        // Not `<>`, for which no database uses the index.
        let groups: Vec<String> = group::Entity::find()
            .select_only()
            .column(group::Column::Key)
            .filter(group::Column::EvaluatedWith.lt(&with).or(group::Column::EvaluatedWith.gt(&with)))
            .limit(PAGE)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read what is to be evaluated"))?;
        let mut inputs: Vec<Input> = groups.into_iter().map(Input::Group).collect();
        if inputs.is_empty() {
            let others =
                identity::Column::EvaluatedWith.lt(&with).or(identity::Column::EvaluatedWith.gt(&with));
            let people: Vec<String> = identity::Entity::find()
                .select_only()
                .column(identity::Column::Key)
                .filter(others)
                .limit(PAGE)
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read what is to be evaluated"))?;
            inputs.extend(people.into_iter().map(Input::Person));
        }
        if inputs.is_empty() {
            return Ok(false);
        }
        if !self.process(&inputs, true).await {
            tokio::time::sleep(DUE_EVERY).await;
        }
        Ok(true)
    }

    /// `false` when it has to be done again: the rows are found again, so nothing is lost.
    async fn process(&self, inputs: &[Input], backfill: bool) -> bool {
        let policies = Arc::clone(&self.policies.borrow());
        let desk = Desk { store: &self.store, relay: &self.relay, policies: &policies, backfill };
        match desk.process(inputs, now()).await {
            Ok(parcel) => {
                self.relay.send(parcel).await;
                true
            }
            Err(error) => {
                tracing::debug!(error = %error, conflict = error.is_conflict(), "done again later");
                false
            }
        }
    }

    async fn prune_inbox(&self) -> Result<(), StoreError> {
        let before = unix_micros(now() - INBOX_KEEPS);
        let old = Query::select()
            .column(inbox::Column::EventId)
            .from(inbox::Entity)
            .and_where(inbox::Column::ReceivedAt.lt(before))
            .limit(PRUNED_AT_ONCE_MAX)
            .to_owned();
        let delete = Query::delete()
            .from_table(inbox::Entity)
            .and_where(inbox::Column::EventId.in_subquery(old))
            .to_owned();
        loop {
            let tx = self.store.begin().await?;
            let deleted = tx.execute(&delete).await.map_err(StoreError::statement("prune the inbox"))?;
            tx.commit().await.map_err(StoreError::statement("prune the inbox"))?;
            if deleted.rows_affected() < PRUNED_AT_ONCE_MAX {
                return Ok(());
            }
        }
    }
}
