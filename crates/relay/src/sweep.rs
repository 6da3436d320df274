//! Sweeps over rows that were left behind: lane by lane, page by page, until none are left or the broker refuses more.

use store::StoreError;
use store::outbox::{self, OutboxLane, OutboxRow};
use time::OffsetDateTime;

use crate::OutboxPublisher;
use crate::outcome::RowOutcome;
use crate::parcel::{RowMessages, decode_messages, set_aside_unreadable};

/// The progress of a sweep after one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SweepProgress {
    /// Some rows were published, or there were none.
    Some,
    /// The broker accepted nothing. The rest of the lane would fail as well.
    None,
}

impl OutboxPublisher {
    /// Publishes rows that were written longer ago than `older_than`. No lane waits for another.
    ///
    /// # Errors
    /// Returns the error that the database reports.
    pub(crate) async fn sweep(&self, older_than: time::Duration) -> Result<(), StoreError> {
        let before = OffsetDateTime::now_utc() - older_than;
        let lanes = OutboxLane::ALL.map(|lane| self.sweep_lane(lane, before));
        for swept in futures_util::future::join_all(lanes).await {
            swept?;
        }
        self.drop_oldest_facts().await?;
        self.delete_published().await
    }

    async fn sweep_lane(&self, lane: OutboxLane, before: OffsetDateTime) -> Result<(), StoreError> {
        let mut after: Option<OutboxRow> = None;
        loop {
            let page =
                outbox::stale_rows(self.store.reader(), self.service, lane, before, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(OutboxRow { messages: String::new(), ..last.clone() });
            let progress = self.publish_page(lane, page).await?;
            self.delete_published().await?;
            if progress == SweepProgress::None {
                return Ok(());
            }
        }
    }

    async fn publish_page(
        &self,
        lane: OutboxLane,
        page: Vec<OutboxRow>,
    ) -> Result<SweepProgress, StoreError> {
        let mut batches = Vec::with_capacity(page.len());
        for OutboxRow { id, messages, .. } in page {
            if self.under_way().contains(&id) {
                continue;
            }
            match decode_messages(&messages) {
                Ok(messages) => batches.push(RowMessages { id, lane, messages }),
                Err(cause) => set_aside_unreadable(&self.store, self.service, &id, &cause).await?,
            }
        }
        let outcomes = futures_util::future::join_all(batches.into_iter().map(|batch| self.publish(batch)));
        let outcomes = outcomes.await;
        let got_through = outcomes.iter().any(|outcome| !matches!(outcome, RowOutcome::Left(_)));
        Ok(if outcomes.is_empty() || got_through { SweepProgress::Some } else { SweepProgress::None })
    }
}
