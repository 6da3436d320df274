//! Working through what was left behind: lane by lane, page by page, until nothing is left or the broker refuses more.

use store::StoreError;
use store::outbox::{self, Lane, Row};
use time::OffsetDateTime;

use crate::Relay;
use crate::outcome::Outcome;
use crate::parcel::{Batch, decode, set_aside_unreadable};

/// Whether a page got through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Something was published, or nothing stood in the way.
    Some,
    /// The broker took nothing: the rest of the lane would not get through either.
    None,
}

impl Relay {
    /// Publishes rows that were written longer ago than `older_than`. No lane waits for another.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn sweep(&self, older_than: time::Duration) -> Result<(), StoreError> {
        let before = OffsetDateTime::now_utc() - older_than;
        let lanes = Lane::ALL.map(|lane| self.sweep_lane(lane, before));
        for swept in futures_util::future::join_all(lanes).await {
            swept?;
        }
        self.drop_oldest_facts().await?;
        self.delete_published().await
    }

    async fn sweep_lane(&self, lane: Lane, before: OffsetDateTime) -> Result<(), StoreError> {
        let mut after: Option<Row> = None;
        loop {
            let page = outbox::stale(self.store.reader(), self.service, lane, before, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(Row { messages: String::new(), ..last.clone() });
            let progress = self.publish_page(lane, page).await?;
            self.delete_published().await?;
            if progress == Progress::None {
                return Ok(());
            }
        }
    }

    async fn publish_page(&self, lane: Lane, page: Vec<Row>) -> Result<Progress, StoreError> {
        let mut batches = Vec::with_capacity(page.len());
        for Row { id, messages, .. } in page {
            if self.under_way().contains(&id) {
                continue;
            }
            match decode(&messages) {
                Ok(messages) => batches.push(Batch { id, lane, messages }),
                Err(cause) => set_aside_unreadable(&self.store, self.service, &id, &cause).await?,
            }
        }
        let outcomes = futures_util::future::join_all(batches.into_iter().map(|batch| self.publish(batch)));
        let outcomes = outcomes.await;
        let got_through = outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Left(_)));
        Ok(if outcomes.is_empty() || got_through { Progress::Some } else { Progress::None })
    }
}
