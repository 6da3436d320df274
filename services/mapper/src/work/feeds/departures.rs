//! The departures that rows of full feeds state: those that wait for the judgement of their run, and those of accepted runs.

use std::collections::BTreeMap;

use lifecycle::{Event, FeedRun};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::FeedBatch;
use crate::rows::feed_departure::{self, WaitingEvent};
use crate::rows::feed_person;

/// A departure that waits, and its person.
#[derive(Debug)]
pub(in crate::work) struct WaitingDeparture {
    pub(in crate::work) person: String,
    /// The time at which it was read; microseconds since the Unix epoch.
    pub(in crate::work) since: i64,
    pub(in crate::work) waiting: WaitingEvent,
}

/// The departures of a batch.
#[derive(Debug, Default)]
pub(super) struct FeedDepartures {
    /// By run and event.
    waiting: BTreeMap<(String, String), feed_departure::Model>,
    /// Run and event of those that were merged.
    released: Vec<(String, String)>,
    /// The keys of people who are off by them, by feed and run.
    off: BTreeMap<(String, String), Vec<String>>,
}

impl FeedBatch {
    /// Records a departure that waits. Until then its person is listed as employed: if the run is not accepted and a later
    /// one does not list the person, the person is missing in it.
    pub(in crate::work) fn keep_back(&mut self, run: &FeedRun, departure: WaitingDeparture) {
        let WaitingDeparture { person, since, waiting } = departure;
        let event = &waiting.event;
        self.note(event, run, true);
        if let Some(listed) = self.people.get_mut(&(run.feed.clone(), event.subject.clone()))
            && listed.run == *run.run.to_string()
        {
            listed.employed = Some(true);
        }
        let row = feed_departure::Model {
            run: run.run.to_string(),
            event: event.id.to_string(),
            feed: run.feed.clone(),
            key: event.subject.clone(),
            person,
            since,
            content: serde_json::to_string(&waiting).expect("an event is plain data"),
        };
        self.departures.waiting.insert((row.run.clone(), row.event.clone()), row);
    }

    /// Records that a departure of an accepted run was merged; `is_active` if its person works here nevertheless.
    pub(in crate::work) fn release(&mut self, event: &Event, run: &FeedRun, is_active: bool) {
        let id = run.run.to_string();
        self.departures.released.push((id.clone(), event.id.to_string()));
        if !is_active {
            self.departures
                .off
                .entry((run.feed.clone(), id.clone()))
                .or_default()
                .push(event.subject.clone());
            *self.left.entry(id).or_default() += 1;
        }
    }
}

impl FeedDepartures {
    /// Writes all of them.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) async fn save(self, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        feed_departure::put_all(tx, self.waiting.into_values().collect()).await?;
        for (run, event) in &self.released {
            feed_departure::remove(tx, (run, event)).await?;
        }
        for ((feed, run), keys) in self.off {
            for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
                let update = Query::update()
                    .table(feed_person::Entity)
                    .value(feed_person::Column::Employed, false)
                    .and_where(feed_person::Column::Feed.eq(&feed))
                    .and_where(feed_person::Column::Run.eq(&run))
                    .and_where(feed_person::Column::Key.is_in(chunk))
                    .to_owned();
                let done = tx.execute(&update).await;
                done.map_err(StoreError::statement("write the people in a feed"))?;
            }
        }
        Ok(())
    }
}
