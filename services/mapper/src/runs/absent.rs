//! Whoever is not in the last file that was believed has left.

use std::sync::Arc;

use lifecycle::{AttributeMap, Event, EventId, EventKind, FeedRun, FeedRunId};
use sea_orm::QuerySelect;
use store::StoreError;
use time::OffsetDateTime;

use super::{RunJudge, query};
use crate::now;
use crate::rows::{feed_person, feed_run};
use crate::work::{BatchInput, BatchProcessor, forget_people};

/// People per batch; small, so that live events get in between.
const PAGE: u64 = 200;

impl RunJudge {
    /// Says of everybody who was listed before and is not any more that they left when the run began: like any event, in
    /// the inbox and through the desk. Each is forgotten in the same transaction, so a crash goes on with the rest.
    pub(super) async fn let_leave(&self, row: &feed_run::Model) -> Result<(), StoreError> {
        let Ok(run) = row.run.parse::<FeedRunId>() else { return Ok(()) };
        loop {
            let page = query::absent_people(row).limit(PAGE).all(self.store.reader()).await;
            let page = page.map_err(StoreError::statement("read who is not in a feed"))?;
            if page.is_empty() {
                return Ok(());
            }
            let (employed, gone): (Vec<_>, Vec<_>) = page.into_iter().partition(|person| person.employed);
            // Of whom the feed said itself that they left, their absence says nothing.
            let gone: Vec<String> = gone.into_iter().map(|person| person.key).collect();
            if !gone.is_empty() {
                forget_people(self.store.writer(), &row.feed, row.run_at, &gone).await?;
            }
            let inputs: Vec<BatchInput> =
                employed.iter().map(|person| left_input(person, row, &run)).collect();
            let Some(refused) = self.process(&inputs).await else {
                return Ok(()); // another replica was quicker: looked at again with the next tick
            };
            // They are in the quarantine, with what is said of them.
            let refused = refused.into_iter().map(|index| employed[index].key.clone()).collect::<Vec<_>>();
            if !refused.is_empty() {
                forget_people(self.store.writer(), &row.feed, row.run_at, &refused).await?;
            }
        }
    }

    /// Which were set aside; nothing when it has to be done again.
    async fn process(&self, inputs: &[BatchInput]) -> Option<Vec<usize>> {
        let policies = Arc::clone(&self.policies.borrow());
        let desk = BatchProcessor {
            store: &self.store,
            relay: &self.relay,
            policies: &policies,
            backfill: false,
            seeds: &self.seeds,
            stale: &self.stale,
        };
        match desk.process_apart(inputs).await {
            Ok(refused) => Some(refused),
            Err(error) => {
                error.log();
                None
            }
        }
    }
}

fn left_input(person: &feed_person::Model, row: &feed_run::Model, run: &FeedRunId) -> BatchInput {
    // The voice of the list itself: authority over employment goes by it.
    let source = row.sender.clone().unwrap_or_else(|| format!("feeds/{}", row.feed));
    let source_event_id = format!("{run}:absent:{}", person.key);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.run_at) * 1_000);
    let begun_at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let feed = FeedRun { feed: row.feed.clone(), run: run.clone(), begun_at, absent: true };
    let event = Event {
        id: EventId::of(&source, &source_event_id),
        source: source.clone(),
        source_event_id,
        kind: EventKind::WorkerLeft,
        subject: person.key.clone(),
        time: begun_at,
        effective_at: begun_at,
        accepted_at: now(),
        sender: source,
        dated: None,
        attributes: AttributeMap::new(),
        members: None,
        feed: Some(feed),
        withdraws: false,
        unread: Vec::new(),
    };
    // It lies in no stream; among what is said of the same moment anything else wins.
    BatchInput::Event { event: Box::new(event), sequence: 0, trace: None, content: None, repeated: false }
}
