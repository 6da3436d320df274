//! Merges the departures that rows of accepted runs state, and removes those of runs that were dismissed.

use store::StoreError;

use super::RunJudge;
use crate::rows::feed_departure;
use crate::unreadable::{StateKind, UnreadableStates};
use crate::work::BatchInput;

/// Departures per batch. It is small, so that live events can run in between.
const PAGE: u64 = 200;

impl RunJudge {
    /// Merges the departures that waited for the judgement of their run. Each is removed in the transaction that merges it, so
    /// after a crash the rest continues.
    pub(super) async fn settle_departures(
        &self,
        unreadable: &mut UnreadableStates,
    ) -> Result<(), StoreError> {
        let dropped = feed_departure::drop_dismissed(self.parts.store.writer()).await?;
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "departures by rows of a feed count for nothing: their run was dismissed"
            );
        }
        let mut after = (String::new(), String::new());
        loop {
            let page =
                feed_departure::accepted_page(self.parts.store.reader(), (&after.0, &after.1), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.run.clone(), last.event.clone());
            let (mut rows, mut inputs) = (Vec::new(), Vec::new());
            for row in page {
                match row.waiting_event() {
                    Ok(departure) => {
                        inputs.push(BatchInput::Departure(Box::new(departure)));
                        rows.push(row);
                    }
                    Err(error) => unreadable.note(StateKind::FeedRun, &[&row.run], &error),
                }
            }
            let Some(refused) = self.process(&inputs, "departures by rows of a full feed").await else {
                return Ok(()); // another replica was faster: the next tick tries again
            };
            // They are in the quarantine.
            for row in refused.into_iter().map(|index| &rows[index]) {
                feed_departure::remove(self.parts.store.writer(), (&row.run, &row.event)).await?;
            }
        }
    }
}
