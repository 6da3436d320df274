//! Whoever is not in the last file that was believed has left.

use std::sync::Arc;

use lifecycle::{Attributes, Event, EventId, EventKind, FeedRun, FeedRunId};
use sea_orm::QuerySelect;
use store::StoreError;
use time::OffsetDateTime;

use super::{Runs, query};
use crate::now;
use crate::rows::{feed_person, feed_run};
use crate::work::{Desk, Input, forget_people};

/// People per batch; small, so that live events get in between.
const PAGE: u64 = 200;

impl Runs {
    /// Says of everybody who was listed before and is not any more that they left when the run began: like any event, in
    /// the inbox and through the desk. Each is forgotten in the same transaction, so a crash goes on with the rest.
    pub(super) async fn let_leave(&self, row: &feed_run::Model) -> Result<(), StoreError> {
        let Ok(run) = row.run.parse::<FeedRunId>() else { return Ok(()) };
        loop {
            let page = query::absent(row).limit(PAGE).all(self.store.reader()).await;
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
            let inputs: Vec<Input> = employed.into_iter().map(|person| left(&person, row, &run)).collect();
            if !inputs.is_empty() && !self.process(&inputs).await {
                return Ok(()); // another replica was quicker: looked at again with the next tick
            }
        }
    }

    async fn process(&self, inputs: &[Input]) -> bool {
        let policies = Arc::clone(&self.policies.borrow());
        let desk = Desk {
            store: &self.store,
            relay: &self.relay,
            policies: &policies,
            backfill: false,
            seeds: &self.seeds,
            stale: &self.stale,
        };
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
}

fn left(person: &feed_person::Model, row: &feed_run::Model, run: &FeedRunId) -> Input {
    let source = format!("feeds/{}", row.feed);
    let source_event_id = format!("{run}:absent:{}", person.key);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.run_at) * 1_000);
    let begun_at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let feed = FeedRun { feed: row.feed.clone(), run: run.clone(), begun_at, absent: true };
    let event = Event {
        id: EventId::of(&source, &source_event_id),
        source,
        source_event_id,
        kind: EventKind::WorkerLeft,
        subject: person.key.clone(),
        time: begun_at,
        effective_at: begun_at,
        accepted_at: now(),
        sender: String::new(),
        dated: None,
        attributes: Attributes::new(),
        members: None,
        feed: Some(feed),
        unread: Vec::new(),
    };
    // It lies in no stream; among what is said of the same moment anything else wins.
    Input::Event { event: Box::new(event), sequence: 0, trace: None }
}
