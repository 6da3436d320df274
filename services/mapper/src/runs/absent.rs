//! Ends the employment of people who are missing in the last accepted file.

use lifecycle::{AttributeMap, Event, EventId, EventKind, FeedRun, FeedRunId};
use sea_orm::QuerySelect;
use store::StoreError;
use time::OffsetDateTime;

use super::{RunJudge, query};
use crate::now;
use crate::rows::{feed_person, feed_run};
use crate::work::{BatchInput, forget_people};

/// People per batch. It is small, so that live events can run in between.
pub(super) const PAGE: u64 = 200;
const LEAVING: &str = "departures of people that a full feed no longer lists";

impl RunJudge {
    /// Merges a departure for each person who was listed before and is missing now, effective when the run began. It passes the
    /// inbox and the batch processor like any event. Each person is removed in the same transaction, so after a crash the rest
    /// continues.
    pub(super) async fn let_leave(&self, row: &feed_run::Model, run: &FeedRunId) -> Result<(), StoreError> {
        loop {
            let page = query::absent_people(row).limit(PAGE).all(self.parts.store.reader()).await;
            let page = page.map_err(StoreError::statement("read the missing people of a feed"))?;
            if page.is_empty() {
                return Ok(());
            }
            let (employed, gone): (Vec<_>, Vec<_>) = page.into_iter().partition(|person| person.employed);
            // If the feed itself stated that a person left, the absence adds nothing.
            let gone: Vec<String> = gone.into_iter().map(|person| person.key).collect();
            if !gone.is_empty() {
                forget_people(self.parts.store.writer(), &row.feed, row.run_at, &gone).await?;
            }
            let inputs: Vec<BatchInput> =
                employed.iter().map(|person| left_input(person, row, run)).collect();
            let Some(refused) = self.process(&inputs, LEAVING).await else {
                return Ok(()); // another replica was faster: the next tick tries again
            };
            // They are in the quarantine, with the departure.
            let refused = refused.into_iter().map(|index| employed[index].key.clone()).collect::<Vec<_>>();
            if !refused.is_empty() {
                forget_people(self.parts.store.writer(), &row.feed, row.run_at, &refused).await?;
            }
        }
    }

    /// Processes the inputs. Returns the indexes of those that were set aside, or `None` if the batch must be processed again.
    pub(super) async fn process(&self, inputs: &[BatchInput], purpose: &'static str) -> Option<Vec<usize>> {
        match self.parts.processor().process_apart(inputs).await {
            Ok(refused) => {
                self.retries.succeeded();
                Some(refused)
            }
            Err(error) => {
                self.retries.failed(purpose, &error);
                None
            }
        }
    }
}

/// Builds the departure of a person who is missing in the run.
pub(super) fn left_input(person: &feed_person::Model, row: &feed_run::Model, run: &FeedRunId) -> BatchInput {
    // The sender of the list itself: its authority over employment applies.
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
    // It is not in a stream. Among statements with the same time, any other one wins.
    BatchInput::Event { event: Box::new(event), sequence: 0, trace: None, content: None, repeated: false }
}
